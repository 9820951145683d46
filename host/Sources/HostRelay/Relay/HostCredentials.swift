// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Encoding
import Logging
import Synchronization

/// The credentials that requests to KMS are signed with: found as AWS SDKs find them, and kept fresh while the host runs.
final class HostCredentials: Sendable {
    private struct State {
        var provider: CredentialProvider
        var keeper: Task<Void, Never>
    }

    private let state: Mutex<State>
    private let logger: Logger

    /// Begins to look for them.
    init(_ kms: HostConfiguration.KMS, logger: Logger) {
        self.logger = logger
        state = Mutex(Self.start(kms, logger))
    }

    /// For the forwarder: those of now.
    var current: KMSClient.Credentials {
        { () async throws(CredentialError) in try await self.provider.credentials() }
    }

    /// For metrics.
    var standing: CredentialProvider.Standing { provider.standing }

    /// Others, from where a configuration that was read again says.
    func update(_ kms: HostConfiguration.KMS) {
        let fresh = Self.start(kms, logger)
        let old = state.withLock { state in
            let old = state.keeper
            state = fresh
            return old
        }
        old.cancel()
    }

    /// KMS does not take them.
    func forget() async { await provider.forget() }

    /// Refreshes no more.
    func stop() { state.withLock { $0.keeper }.cancel() }

    private var provider: CredentialProvider { state.withLock { $0.provider } }

    private static func start(_ kms: HostConfiguration.KMS, _ logger: Logger) -> State {
        let context = CredentialContext(region: kms.region, clock: wallClock)
        let provider = CredentialProvider(CredentialChain(context, profile: kms.profile)) { log($0, logger) }
        return State(provider: provider, keeper: Task { await provider.keepFresh() })
    }

    private static func log(_ event: CredentialProvider.Event, _ logger: Logger) {
        switch event {
        case .obtained(let source, let expiration):
            var metadata: Logger.Metadata = ["source": "\(source)"]
            if let expiration { metadata["expires"] = "\(expiration.rfc3339)" }
            logger.info("credentials obtained", metadata: metadata)
        case .failed(let error, let retry):
            logger.warning(
                "credentials not obtained",
                metadata: ["reason": "\(error)", "retryInMilliseconds": "\(Int(retry / .milliseconds(1)))"]
            )
        }
    }
}
