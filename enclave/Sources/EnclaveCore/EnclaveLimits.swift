// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import KMSProtocol
import Keyring
import NIOCore
import Transport

/// What the enclave bears from its host and its clients. Where no standard says, the numbers are this product's.
package enum EnclaveLimits: Sendable {
    /// A `Verify` with the longest message, signature and grant tokens has about 100 KB of JSON.
    static let requestBody = 256 * 1024
    /// Attestations and slow signatures that wait or run at one time; more are throttled. Their bodies are in memory.
    static let deferredRequests = 256
    /// Of these, one principal's: as many as a client with twice the usual number of connections has under way.
    static let deferredRequestsEach = 128
    /// The same as work (``RequestCost/work(_:)``): some six seconds of one core, and more than the dearest request.
    static let deferredWork = 160_000
    /// Of this, one principal's, unless a single request has more: what others wait for at worst.
    static let deferredWorkEach = 40_000
    /// Requests in flight when the process ends get this long.
    static let shutdownGrace = TimeAmount.seconds(5)

    /// A `SignBatch` of 1,000 digests has about 92 KB of JSON; this leaves room for messages of some 370 bytes.
    static let batchBody = 512 * 1024

    /// Envelopes that one key seals in the life of a process: NIST SP 800-38D, section 8.3, for random nonces of 96 bits.
    static let envelopesPerKey: Int64 = 1 << 32

    /// Changes that wait for their turn; more are throttled.
    static let waitingChanges = 64
    /// How long the client of a change waits for the host to store it. Less than SDKs wait (60 s), more than an RSA-4096
    /// key takes.
    package static let changePatience = Duration.seconds(20)
    /// SigV4 dates are whole seconds: after this, a request that is signed again has another one.
    package static let repeatPause = Duration.seconds(1)
    /// Accepted changes of one resource with one date, in whole seconds; more wait for the next second.
    static let changesPerSecond = 256
    /// Resources whose last change is remembered one by one.
    package static let rememberedChanges = 4096

    static let server = HTTPLimits(
        bodyLength: requestBody,
        longBody: HTTPLimits.LongBody(
            header: RelayHeader.target,
            value: BrokerOperation.signBatch.target,
            bodyLength: batchBody
        )
    )

    /// The longest answer of the relay is a keyring.
    static let relay = HTTPLimits(bodyLength: KeyringLimits.sealedLength, connections: 1)
    /// KMS itself answers within a second; a host's own retries fit too.
    static let relayTimeout = TimeAmount.seconds(20)
    static let logTimeout = TimeAmount.seconds(5)
    /// Between two reports of metrics, less than Prometheus's default between two readings (scrape_interval, 1 min). A
    /// fixed time, so that a report says nothing about a single request.
    package static let reportInterval = Duration.seconds(10)
    /// Log lines that wait for the relay; the oldest go first.
    static let logLines = 256
    /// Bytes of a KMS answer: `CiphertextForRecipient` in base64, and room for the rest.
    static let kmsAnswer = 64 * 1024
    /// Characters of KMS's or the host's own words that a log line repeats.
    static let quotedError = 1024

    // MARK: Allowances

    /// Of one principal, a second. Work: the highest quota that KMS has for cryptographic operations (Developer Guide,
    /// "Request quotas": 100,000 in the largest regions); as Ed25519 that is four cores. RSA-2048 comes to 6,600, where
    /// KMS grants 1,000. The burst is two seconds of it, which is more than the dearest SignBatch (1,000 of RSA-4096).
    /// Changes: KMS's 15 PutKeyPolicy, of which a CreateKey counts 3, as KMS grants 5; each is a sealed keyring that the
    /// host has to store. The burst lets a script set up a hundred keys.
    static let principalRates = RequestQuotas.Rates(
        work: 100_000,
        workBurst: 200_000,
        changes: 15,
        changesBurst: 300
    )
    /// Of all principals together.
    static let ratesInAll = principalRates.multiplied(by: 4)
    /// Principals whose allowances are kept: two keyrings full.
    static let rememberedPrincipals = 2 * KeyringLimits.principals
    /// Attestations that nobody signed for, a second: each takes the security module some milliseconds.
    static let publicDocuments = 20
    static let publicDocumentsBurst = 100
    /// Signatures of requests that are remembered, as a power of two: 512 KiB.
    static let rememberedRequestBits = 16
    /// Milliseconds between two log lines of what clients can make happen as often as they like.
    static let rareLineInterval: Int64 = 10_000

    // MARK: Time

    /// Seconds that a client's clock may differ: see ``SigV4Verifier``.
    static let clockSkew: Int64 = 300
}

/// Registers of the security module that the enclave extends and locks.
enum PCR: Sendable {
    /// Image, kernel and application: zero in debug mode.
    static let image = [0, 1, 2]
    /// The configuration's exact bytes.
    static let configuration = 16
    /// The keyring that was opened at boot.
    static let keyring = 17
}
