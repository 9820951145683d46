// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Encoding
import Foundation
import KMSProtocol
import Synchronization
import TestSupport
import Testing

/// kill -9 of enclave and host, at any moment of a change.
@Suite(.serialized) struct CrashTests {
    /// `make soak` sets `KEYBROKER_KILLS` to 200.
    private static let kills = ProcessInfo.processInfo.environment["KEYBROKER_KILLS"].flatMap { Int($0) } ?? 40

    @Test func `no acknowledged change is lost and none is half made, whenever enclave or host is killed`() async throws
    {
        let broker = try await RunningBroker(specification: CrashScene.specification)
        let scene = try await CrashScene(broker)
        defer { scene.end() }
        var acknowledged = 0
        var lostAnswers = 0
        for kill in 0..<Self.kills {
            // Some changes in peace, which also tell how long one takes; then the kill, at a moment that the sweep moves
            // over more than the length of one.
            let started = ContinuousClock.now
            for _ in 0..<2 {
                try #require(await scene.make(acknowledged + 1))
                acknowledged += 1
            }
            let length = (ContinuousClock.now - started) / 2
            let delay = length * (Double(kill * 37 % 100) / 100 * 1.5)
            async let killed: Void = scene.kill(CrashScene.Target.allCases[kill % 3], after: delay)
            var attempted = acknowledged
            while true {
                attempted += 1
                guard await scene.make(attempted) else { break }
                acknowledged = attempted
            }
            try await killed
            try await scene.revive()
            let made = try await scene.changesMade()
            #expect(made == acknowledged || made == attempted, "kill \(kill)")
            #expect(try await scene.state() == CrashScene.State(after: made), "kill \(kill)")
            if made != acknowledged { lostAnswers += 1 }
            acknowledged = made
        }
        print("CrashTests: \(Self.kills) kills, \(acknowledged) changes, \(lostAnswers) stored without an answer")
    }
}

/// Enclave and host as processes of their own, so that each can be killed alone.
private final class CrashScene: Sendable {
    enum Target: CaseIterable {
        case enclave
        case host
        case both
    }

    /// What the changes have made of the keyring: a function of how many there were.
    struct State: Equatable {
        var description: String
        /// Of two keys, the one that has the alias.
        var aliasTarget: Int
        var tag: String

        init(description: String, aliasTarget: Int, tag: String) {
            self.description = description
            self.aliasTarget = aliasTarget
            self.tag = tag
        }

        init(after changes: Int) {
            func last(_ kind: Int) -> Int { (0...changes).last { $0 % 3 == kind && $0 > 0 } ?? 0 }
            let (description, tag) = (last(1), last(0))
            self.init(
                description: description == 0 ? "" : "\(description)",
                aliasTarget: last(2) / 3 % 2,
                tag: tag == 0 ? "" : "\(tag)"
            )
        }
    }

    private struct Moving {
        var host: Process
        var enclave: Process
        /// Seconds: what this boot's changes are dated, at least.
        var earliestDate: Int64 = 0
        var lastDate: Int64 = 0
        /// Changes of no content.
        var barriers = 0
    }

    private let folder: TemporaryDirectory
    private let url: String
    private let environment: [String: String]
    private let moving: Mutex<Moving>
    private let keys: Mutex<[JSON]>

    static let specification: JSON = [
        "format": 1, "keyringId": "test-keys", "account": "000000000000", "region": "us-east-1",
        "keys": [
            ["aliases": ["alias/moving", "alias/0"], "keySpec": "HMAC_256"],
            ["aliases": ["alias/1"], "keySpec": "HMAC_256"],
        ],
    ]

    /// Takes the place of an installation's host and enclave; its KMS goes on.
    init(_ broker: RunningBroker) async throws {
        broker.host.terminate()
        broker.host.waitUntilExit()
        folder = broker.folder
        url = broker.url
        environment = broker.clientEnvironment
        var configuration = try RunningBroker.require(
            try JSON.parse(RunningBroker.bytes(folder.file("host.json"))).object
        )
        var enclave = try RunningBroker.require(configuration["enclave"]?.object)
        enclave["executable"] = nil
        enclave["module"] = nil
        configuration["enclave"] = .object(enclave)
        try RunningBroker.write(JSON.object(configuration).serialized(), folder.file("host-alone.json"))
        moving = Mutex(Moving(host: try Self.startHost(folder), enclave: try Self.startEnclave(folder)))
        keys = Mutex([])
        try await waitUntilServing()
        dateAfterStart()
        for alias in ["alias/0", "alias/1"] {
            let described = try await client().call("TrentService.DescribeKey", ["KeyId": .string(alias)])
            let id = try RunningBroker.require(described["KeyMetadata"]?.object?["KeyId"])
            keys.withLock { $0.append(id) }
        }
    }

    func end() {
        for process in moving.withLock({ [$0.enclave, $0.host] }) { Self.kill(process) }
    }

    private static func startHost(_ folder: TemporaryDirectory) throws -> Process {
        try Programs.start(
            ["keybroker-host", "--config", folder.file("host-alone.json")],
            environment: ["AWS_SHARED_CREDENTIALS_FILE": folder.file("host-credentials")],
            log: folder.file("host.log")
        )
    }

    private static func startEnclave(_ folder: TemporaryDirectory) throws -> Process {
        try Programs.start(
            [
                "keybroker-enclave", "--relay", "unix://" + folder.file("relay.sock"), "--listen",
                "unix://" + folder.file("enclave.sock"), "--module", "software:" + folder.file("module"),
            ],
            log: folder.file("enclave.log")
        )
    }

    private func waitUntilServing() async throws {
        let endpoint = BrokerEndpoint(url, transport: WebTransport(timeoutSeconds: 2))
        var said = ""
        for _ in 0..<3000 {
            do {
                let health = try await endpoint.health()
                if health["state"]?.string == "unlocked" { return }
                said = "\(health)"
            } catch {
                said = "\(error)"
            }
            try await Task.sleep(for: .milliseconds(10))
        }
        throw Unexpected("not serving: \(said) \(folder.read("enclave.log")) \(folder.read("host.log"))")
    }

    /// A boot takes no change that was signed before it began, or with the date of one of the boot before.
    private func dateAfterStart() {
        moving.withLock { $0.earliestDate = max($0.lastDate, RunningBroker.now().seconds) + 1 }
    }

    // MARK: Killing

    func kill(_ target: Target, after delay: Duration) async throws {
        try await Task.sleep(for: delay)
        let (host, enclave) = moving.withLock { ($0.host, $0.enclave) }
        if target != .host { Self.kill(enclave) }
        if target != .enclave { Self.kill(host) }
    }

    private static func kill(_ process: Process) {
        Glibc.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// Starts what is dead, and waits until what was under way is decided.
    func revive() async throws {
        let isEnclaveNew = try moving.withLock { moving in
            if !moving.host.isRunning { moving.host = try Self.startHost(folder) }
            guard !moving.enclave.isRunning else { return false }
            moving.enclave = try Self.startEnclave(folder)
            return true
        }
        try await waitUntilServing()
        if isEnclaveNew { dateAfterStart() }
        // An enclave that outlived its host may be storing still: what comes behind waits for that.
        let number = moving.withLock { $0.barriers }
        for attempt in 0..<200 {
            let tag = JSON.string("barrier-\(number)-\(attempt)")
            if await call("UntagResource", ["KeyId": key(0), "TagKeys": [tag]]) {
                moving.withLock { $0.barriers += 1 }
                return
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        throw Unexpected("no change is possible any more")
    }

    // MARK: Changes

    private func key(_ index: Int) -> JSON { keys.withLock { $0[index] } }

    /// Whether it was acknowledged.
    func make(_ number: Int) async -> Bool {
        switch number % 3 {
        case 1: await call("UpdateKeyDescription", ["KeyId": key(0), "Description": .string("\(number)")])
        case 2:
            // KMS ignores members that it does not know; without, two within a second would be the same request.
            await call(
                "UpdateAlias",
                ["AliasName": "alias/moving", "TargetKeyId": key(number / 3 % 2), "Number": .string("\(number)")]
            )
        default:
            await call(
                "TagResource",
                ["KeyId": key(1), "Tags": [["TagKey": "count", "TagValue": .string("\(number)")]]]
            )
        }
    }

    private func call(_ operation: String, _ input: JSON) async -> Bool {
        (try? await client().call("TrentService.\(operation)", input)) != nil
    }

    /// Its clock is ahead as far as it takes for no change to be dated as one of the boot before.
    private func client() throws -> KMSClient {
        KMSClient(
            endpoint: url,
            region: "us-east-1",
            credentials: { [environment] () async throws(CredentialError) in
                try await CredentialChain.credentials(profile: nil, variables: environment, clock: RunningBroker.now)
            },
            transport: WebTransport(),
            clock: { [self] in
                moving.withLock { moving in
                    moving.lastDate = max(moving.lastDate, moving.earliestDate, RunningBroker.now().seconds)
                    return Timestamp(seconds: moving.lastDate)
                }
            }
        )
    }

    // MARK: What came of them

    func changesMade() async throws -> Int {
        let status = try await client().call("KeyBroker.GetStatus", [:])
        let version = try RunningBroker.require(status["KeyringVersion"]?.int64)
        return Int(version) - 1 - moving.withLock { $0.barriers }
    }

    func state() async throws -> State {
        let client = try self.client()
        let described = try await client.call("TrentService.DescribeKey", ["KeyId": key(0)])
        let moving = try await client.call("TrentService.DescribeKey", ["KeyId": "alias/moving"])
        let tags = try await client.call("TrentService.ListResourceTags", ["KeyId": key(1)])
        let target = moving["KeyMetadata"]?.object?["KeyId"]
        return State(
            description: try RunningBroker.require(described["KeyMetadata"]?.object?["Description"]?.string),
            aliasTarget: try RunningBroker.require([0, 1].firstIndex { key($0) == target }),
            tag: tags["Tags"]?.array?.first?.object?["TagValue"]?.string ?? ""
        )
    }
}
