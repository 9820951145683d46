// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Encoding
import Foundation
import KMSProtocol
import Synchronization
import TestSupport
import Testing

/// kill -9 of each part of a running installation, while a client asks for signatures all the time.
@Suite(.serialized) struct RecoveryTests {
    enum Victim: String, CaseIterable {
        case enclave
        /// With its enclave, which does not outlive the host that launched it.
        case host
        case kms
        case kmsAndEnclave = "KMS and enclave"
    }

    private static let signing: JSON = [
        "KeyId": "alias/audit-ed25519", "Message": "aGk=", "SigningAlgorithm": "ED25519_SHA_512",
    ]

    /// What a client that never stops gets.
    private final class Observer: Sendable {
        struct Seen {
            var good = 0
            var errors: [String: Int] = [:]
            /// Of the first request that failed since the kill, and of the first that succeeded after that.
            var firstFailure: ContinuousClock.Instant?
            var recovery: ContinuousClock.Instant?
        }

        private let seen = Mutex(Seen())
        private let isOver = Atomic(false)

        func run(_ client: KMSClient) async {
            while !isOver.load(ordering: .relaxed) {
                let problem: String?
                do throws(KMSClient.Failure) {
                    _ = try await client.call("TrentService.Sign", RecoveryTests.signing)
                    problem = nil
                } catch .service(let failure, let status) {
                    problem = "\(status) \(failure.name)"
                } catch .transport {
                    problem = "closed"
                } catch {
                    problem = "malformed"
                }
                seen.withLock { seen in
                    if let problem {
                        seen.errors[problem, default: 0] += 1
                        if seen.firstFailure == nil { seen.firstFailure = .now }
                    } else {
                        seen.good += 1
                        if seen.firstFailure != nil, seen.recovery == nil { seen.recovery = .now }
                    }
                }
                try? await Task.sleep(for: .milliseconds(5))
            }
        }

        var now: Seen { seen.withLock { $0 } }
        func end() { isOver.store(true, ordering: .relaxed) }
    }

    private func wait(_ what: String, until holds: () -> Bool) async throws {
        for _ in 0..<6000 {
            if holds() { return }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw Unexpected("never: \(what)")
    }

    private func kill(_ victim: Victim, of broker: RunningBroker) async throws {
        switch victim {
        case .enclave: Glibc.kill(try broker.enclavePID(), SIGKILL)
        case .host:
            broker.killHost()
            // As the unit says: Restart=always, RestartSec=250ms.
            try await Task.sleep(for: .milliseconds(250))
            try broker.startHostAgain()
        case .kms: broker.killKMS()
        case .kmsAndEnclave:
            broker.killKMS()
            Glibc.kill(try broker.enclavePID(), SIGKILL)
            try await Task.sleep(for: .seconds(2))
            try await broker.startKMSAgain()
        }
    }

    private func keyMetadata(_ broker: RunningBroker, _ name: String) async throws -> JSON {
        let key: JSON = ["KeyId": "alias/audit-ed25519"]
        let described = try await broker.client().call("TrentService.DescribeKey", key)
        return try #require(described["KeyMetadata"]?.object?[name])
    }

    private func describe(_ keyID: JSON, as description: String, _ broker: RunningBroker) async throws {
        _ = try await broker.client().change(
            "TrentService.UpdateKeyDescription",
            ["KeyId": keyID, "Description": .string(description)]
        )
    }

    @Test(arguments: Victim.allCases)
    func `whatever is killed, signatures come back by themselves, and meanwhile there are KMS's errors alone`(
        victim: Victim
    ) async throws {
        let broker = try await RunningBroker()
        let keyID = try await keyMetadata(broker, "KeyId")
        try await describe(keyID, as: "acknowledged", broker)
        let observer = Observer()
        defer { observer.end() }
        let client = try broker.client()
        let asking = Task { await observer.run(client) }
        try await wait("signatures before") { observer.now.good > 20 }

        let killed = ContinuousClock.now
        try await kill(victim, of: broker)
        if victim == .kms {
            // Nobody notices: it is needed to unlock only.
            let before = observer.now.good
            try await wait("signatures without KMS") { observer.now.good > before + 50 }
            #expect(observer.now.errors.isEmpty)
        } else {
            try await wait("the next good signature") { observer.now.recovery != nil }
            // Every SDK tries these again: HTTP 500, or no answer.
            #expect(Set(observer.now.errors.keys).isSubset(of: ["500 KeyUnavailableException", "closed"]))
            let after = observer.now.good
            try await wait("signatures that go on") { observer.now.good > after + 20 }
            if let recovery = observer.now.recovery {
                print("RecoveryTests: \(victim.rawValue): next good signature after \(recovery - killed)")
            }
        }
        observer.end()
        await asking.value
        #expect(try await keyMetadata(broker, "Description") == "acknowledged")
    }

    @Test func `over TLS a client whose enclave is killed gets closed connections, and then signatures`() async throws {
        let broker = try await RunningBroker(tls: true)
        let observer = Observer()
        defer { observer.end() }
        let client = try broker.client()
        let asking = Task { await observer.run(client) }
        try await wait("signatures before") { observer.now.good > 10 }
        Glibc.kill(try broker.enclavePID(), SIGKILL)
        try await wait("the next good signature") { observer.now.recovery != nil }
        // From within TLS the enclave itself may say that it is not unlocked yet.
        #expect(Set(observer.now.errors.keys).isSubset(of: ["closed", "500 KeyUnavailableException"]))
        #expect((observer.now.errors["closed"] ?? 0) > 0)
        observer.end()
        await asking.value
    }
}
