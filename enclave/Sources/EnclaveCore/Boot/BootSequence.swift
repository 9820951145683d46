// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Encoding
import Keyring

/// The way from started to unlocked, or to failed. Ends in one of the two, or when it is cancelled.
struct BootSequence: Sendable {
    let environment: BootEnvironment
    let recipientKeys: RecipientKeys
    let state: StateCell
    let log: EnclaveLog

    private var relay: RelayClient { RelayClient(environment.relay) }

    func run(_ started: Started) async {
        await recipientKeys.prepare()
        defer { Task { await recipientKeys.discard() } }
        do {
            let bytes = try await configurationBytes()
            let configured = try started.configured(with: bytes, environment)
            enter(.configured(configured, nil))
            log.info(
                "configured",
                [
                    ("brokerId", .string(configured.configuration.brokerID)),
                    ("bootId", .string(Hex.encode(configured.bootID))),
                    ("configurationDigest", .string(Hex.encode(configured.configurationDigest))),
                    ("pcr0", .string(Hex.encode(configured.pcr0))), ("pcr16", .string(Hex.encode(configured.pcr16))),
                ]
            )
            let unlocked = try await unlock(configured, recipientKeys)
            enter(.unlocked(unlocked))
            log.info(
                "unlocked",
                [
                    ("keyringId", .string(unlocked.header.keyringID)),
                    ("keyringVersion", .number(JSONNumber(Int64(clamping: unlocked.header.version)))),
                    ("keyringDigest", .string(Hex.encode(unlocked.digest))),
                ]
            )
        } catch let failure as TerminalFailure {
            enter(.failed(Failed(failure: failure)))
            log.error("failed until restart: \(failure.detail)", [("reason", .string(failure.code.rawValue))])
        } catch {
            // Cancelled, the process ends; or no try is left.
        }
    }

    private func enter(_ next: EnclaveState) {
        state.enter(next)
        environment.entered(next)
    }

    /// From the image if it carries one, else from the relay, however long that takes.
    private func configurationBytes() async throws -> [UInt8] {
        if let bytes = environment.configuration { return bytes }
        return try await retrying { () throws(BootFailure) in
            do {
                return try await relay.configuration()
            } catch {
                throw .retryable(RetryableFailure(.relay, "\(error)"))
            }
        } onFailure: { failure in
            log.warning("no configuration: \(failure.detail)")
        }
    }

    /// Tries until it is done or beyond mending: each time a new key and a new document.
    private func unlock(_ configured: Configured, _ recipientKeys: RecipientKeys) async throws -> Unlocked {
        let attempt = Unlock(
            configured: configured,
            environment: environment,
            relay: relay,
            recipientKeys: recipientKeys,
            log: log
        )
        return try await retrying { () throws(BootFailure) in
            try await attempt.run()
        } onFailure: { failure in
            enter(.configured(configured, failure))
            logFailure(failure, configured)
            // While the enclave waits to try again.
            Task { await recipientKeys.prepare() }
        }
    }

    /// With what an operator needs to correct a key policy.
    private func logFailure(_ failure: RetryableFailure, _ configured: Configured) {
        let what = failure.code == .kms ? "KMS Decrypt failed - \(failure.detail)" : failure.detail
        log.warning(
            what,
            [
                ("reason", .string(failure.code.rawValue)), ("pcr0", .string(Hex.encode(configured.pcr0))),
                ("pcr16", .string(Hex.encode(configured.pcr16))),
            ]
        )
    }

    private func retrying<Result: Sendable>(
        _ attempt: () async throws(BootFailure) -> Result,
        onFailure: (RetryableFailure) -> Void
    ) async throws -> Result {
        var failures = 0
        while true {
            do throws(BootFailure) {
                return try await attempt()
            } catch {
                switch error {
                case .terminal(let failure): throw failure
                case .retryable(let failure):
                    failures += 1
                    onFailure(failure)
                }
            }
            guard let pause = environment.retry.delay(after: failures) else { throw CancellationError() }
            try await Task.sleep(for: pause)
        }
    }
}
