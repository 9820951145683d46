// SPDX-License-Identifier: Apache-2.0

/// What an enclave tells its host of itself, by `PUT /metrics`: one JSON object, public values only. The schema is
/// `docs/reference/enclave-report.schema.json`.
///
/// The enclave writes it and the host reads it, and neither believes the other: the reader bounds everything
/// (``EnclaveReportLimits``), and nobody relies on what came through a host.
package enum EnclaveReport: Sendable {
    package static let format: Int64 = 1

    // Members of the object.
    package static let bootID = "bootId"
    package static let state = "state"
    package static let version = "version"
    package static let uptimeSeconds = "uptimeSeconds"
    package static let connections = "connections"
    package static let keyringVersion = "keyringVersion"
    package static let signatures = "signatures"
    package static let repeatedRequests = "repeatedRequests"
    package static let bucketMicroseconds = "bucketMicroseconds"
    package static let requests = "requests"

    // Members of each of `requests`.
    package static let operation = "operation"
    package static let outcomes = "outcomes"
    package static let buckets = "buckets"
    package static let microseconds = "microseconds"

    /// The outcome of a request that was served; any other is the name of KMS's error.
    package static let succeeded = "ok"
    /// In place of an operation: nobody vouches for what the request asked.
    package static let unauthenticated = "unauthenticated"
    /// In place of the name of an operation, or of an error, that has no count of its own.
    package static let other = "other"
}

/// Bounds of a report.
package enum EnclaveReportLimits: Sendable {
    /// Operations that have a count of their own: KMS has some 55, this broker seven.
    package static let operations = 96
    /// Outcomes of one operation.
    package static let outcomes = 40
    /// Upper bounds of latencies, the last one apart, which has none.
    package static let buckets = 32
    /// Characters of a name: KMS's longest error has 38.
    package static let nameLength = 64
    /// Counts are integers that every JSON reader has exactly (RFC 8259 section 6).
    package static let maximumCount: Int64 = (1 << 53) - 1
}
