// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Encoding
import KMSProtocol
import KeyService
import NIOCore
import NIOHTTP1
import Transport

/// Counts of the requests to the API, by operation and outcome, since the process started.
///
/// An operation's name is believed of an authenticated request alone: everything else is counted together, so that a
/// stranger changes no figure of a real operation.
final class RequestMetrics: Sendable {
    private let byOperation: [String: OperationCounters]
    private let unauthenticated = OperationCounters(EnclaveReport.unauthenticated)
    private let other = OperationCounters(EnclaveReport.other)

    init() {
        let names =
            ServiceEndpoint.operations.union(KeyService.changeOperations).union(
                BrokerOperation.allCases.map(\.rawValue)
            )
        let counted = names.sorted().prefix(EnclaveReportLimits.operations - 2)
        byOperation = Dictionary(uniqueKeysWithValues: counted.map { ($0, OperationCounters($0)) })
    }

    /// A request begins.
    func begin() -> Measurement { Measurement(counters: unauthenticated, metrics: self) }

    /// One request under way.
    struct Measurement: Sendable {
        private let start = NIODeadline.now()
        private var counters: OperationCounters
        private let metrics: RequestMetrics

        fileprivate init(counters: OperationCounters, metrics: RequestMetrics) {
            self.counters = counters
            self.metrics = metrics
        }

        /// It is authenticated and asks for this.
        mutating func isFor(_ operation: String) { counters = metrics.byOperation[operation] ?? metrics.other }

        /// It is answered.
        func ended(with response: HTTPResponse) {
            let taken = (NIODeadline.now() - start).nanoseconds / 1000
            counters.count(Self.outcome(response), microseconds: taken)
        }

        private static func outcome(_ response: HTTPResponse) -> Outcome {
            guard response.status != .ok else { return .succeeded }
            return Outcome(errorName: response.headers.first(name: KMSHeader.errorType) ?? EnclaveReport.other)
        }
    }

    /// Those that were asked for, by name.
    var report: JSON {
        let counted = byOperation.values.sorted { $0.operation < $1.operation } + [other, unauthenticated]
        return .array(counted.compactMap(\.report))
    }
}
