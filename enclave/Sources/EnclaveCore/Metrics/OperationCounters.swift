// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Encoding
import NIOCore
import Synchronization

/// How often an operation was asked for, with what outcome, and how long it took.
///
/// A request costs three additions: no lock, no allocation.
final class OperationCounters: Sendable {
    /// Upper bounds of the latency buckets, in microseconds: a P-256 signature takes some 30, an RSA-4096 one some 5,000,
    /// a change waits for the host's disk. One more bucket has what took longer.
    static let bounds: InlineArray<16, Int64> = [
        100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 2_500_000,
        5_000_000, 10_000_000,
    ]

    let operation: String
    private let outcomes = InlineArray<40, Atomic<Int64>> { _ in Atomic(0) }
    private let buckets = InlineArray<17, Atomic<Int64>> { _ in Atomic(0) }
    private let microseconds = Atomic<Int64>(0)

    init(_ operation: String) { self.operation = operation }

    func count(_ outcome: Outcome, microseconds taken: Int64) {
        outcomes[outcome.index].add(1, ordering: .relaxed)
        var bucket = 0
        while bucket < Self.bounds.count, taken > Self.bounds[bucket] { bucket += 1 }
        buckets[bucket].add(1, ordering: .relaxed)
        // Whole microseconds: nothing finer about a secret operation leaves the enclave.
        microseconds.add(taken, ordering: .relaxed)
    }

    /// Nil if it was never asked for.
    var report: JSON? {
        var counted: [(String, JSON)] = []
        for (index, name) in Outcome.names.enumerated() {
            let count = outcomes[index].load(ordering: .relaxed)
            if count > 0 { counted.append((name, .number(JSONNumber(count)))) }
        }
        guard !counted.isEmpty else { return nil }
        let histogram = buckets.indices.map { JSON.number(JSONNumber(buckets[$0].load(ordering: .relaxed))) }
        return [
            EnclaveReport.operation: .string(operation), EnclaveReport.outcomes: .object(JSONObject(counted)),
            EnclaveReport.buckets: .array(histogram),
            EnclaveReport.microseconds: .number(JSONNumber(microseconds.load(ordering: .relaxed))),
        ]
    }
}

/// What came of a request: served, or one of KMS's errors by its name.
struct Outcome: Sendable {
    fileprivate let index: Int

    static let succeeded = Outcome(index: 0)

    /// An error by its name; one that is not expected here is counted among the others.
    init(errorName: String) { index = Self.byName[errorName] ?? 1 }

    private init(index: Int) { self.index = index }

    /// As many as there are counters, at most; of those beyond there is no count.
    fileprivate static let names = [
        EnclaveReport.succeeded, EnclaveReport.other, "AccessDeniedException", "AlreadyExistsException",
        "DependencyTimeoutException", "DisabledException", "DryRunOperationException", "IncompleteSignatureException",
        "IncorrectKeyException", "IncorrectKeyMaterialException", "InvalidAliasNameException", "InvalidArnException",
        "InvalidCiphertextException", "InvalidGrantIdException", "InvalidGrantTokenException",
        "InvalidImportTokenException", "InvalidKeyUsageException", "InvalidMarkerException",
        "InvalidSignatureException", "KMSInternalException", "KMSInvalidMacException", "KMSInvalidSignatureException",
        "KMSInvalidStateException", "KeyUnavailableException", "LimitExceededException",
        "MalformedPolicyDocumentException", "MissingAuthenticationTokenException", "NotAuthorizedException",
        "NotFoundException", "SerializationException", "TagException", "ThrottlingException",
        "UnknownOperationException", "UnrecognizedClientException", "UnsupportedOperationException",
        "ValidationException",
    ].prefix(EnclaveReportLimits.outcomes)

    private static let byName = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, $0) })
}
