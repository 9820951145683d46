// SPDX-License-Identifier: Apache-2.0

import KeyringFiles
import NIOCore
import Transport

/// What the relay bears from the enclave, its only client. Where no standard says, the numbers are this product's.
package enum RelayLimits {
    /// The longest body is a keyring.
    static let server = HTTPLimits(
        bodyLength: StateStore.maximumLength,
        connections: 64,
        requestTimeout: .seconds(20),
        idleTimeout: .seconds(600)
    )
    /// Bytes of the enclave's configuration: as many as the enclave reads.
    static let configurationLength = 65_536
    /// KMS requests under way at one time.
    static let kmsRequests = 16
    /// Bytes of a KMS request: an attestation document has at most 262144 bytes (KMS API Reference, RecipientInfo), a
    /// third more in base64.
    static let kmsBody = 512 * 1024
    /// Bytes of one `POST /log`, of one line in it, and lines in it.
    static let logBody = 256 * 1024
    static let logLine = 16 * 1024
    static let logLines = 512
    /// Bytes of a report of metrics, operations in it, outcomes and latency buckets of each, and the highest count: as
    /// the enclave's own bounds (`EnclaveReportLimits`).
    static let metricsBody = 256 * 1024
    package static let metricsOperations = 96
    package static let metricsOutcomes = 40
    package static let metricsBuckets = 32
    package static let metricsCount: Int64 = (1 << 53) - 1
    /// Requests under way get this long when the host stops.
    static let shutdownGrace = TimeAmount.seconds(5)
}

/// The paths and headers that enclave and host agree on.
package enum RelayContract {
    package static let configuration = "/config"
    package static let keyring = "/keyring"
    package static let kms = "/kms"
    package static let log = "/log"
    package static let metrics = "/metrics"
    package static let credentials = "/credentials"

    package static let keyringVersion = "Keyring-Version"
    package static let target = "X-Amz-Target"
}
