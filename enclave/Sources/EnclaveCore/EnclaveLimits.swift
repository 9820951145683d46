// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import KMSProtocol
import Keyring
import NIOCore
import Transport

/// What the enclave bears from its host and its clients. Where no standard says, the numbers are this product's.
enum EnclaveLimits: Sendable {
    /// A `Verify` with the longest message, signature and grant tokens has about 100 KB of JSON.
    static let requestBody = 256 * 1024
    /// Attestations and slow signatures that wait or run at one time; more are throttled.
    static let deferredRequests = 256
    /// Requests in flight when the process ends get this long.
    static let shutdownGrace = TimeAmount.seconds(5)

    /// A `SignBatch` of 1,000 digests has about 92 KB of JSON; this leaves room for messages of some 370 bytes.
    static let batchBody = 512 * 1024

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
    /// Log lines that wait for the relay; the oldest go first.
    static let logLines = 256
    /// Bytes of a KMS answer: `CiphertextForRecipient` in base64, and room for the rest.
    static let kmsAnswer = 64 * 1024
    /// Characters of KMS's or the host's own words that a log line repeats.
    static let quotedError = 1024

    /// Milliseconds between two readings of the module's time.
    static let clockInterval: Int64 = 60_000
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
