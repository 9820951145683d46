// SPDX-License-Identifier: Apache-2.0

package import Encoding
import NIOCore
import Synchronization

/// What the host counts of itself, and the newest report of its enclave.
package final class HostMetrics: Sendable {
    /// A client's connection that the host closed.
    enum Shed: String, CaseIterable, Sendable {
        /// It had said nothing for longest when a new one needed a place.
        case idle
        /// Its first request was not there in time.
        case slow
        /// Every place was taken by others that had begun.
        case full
        /// All that its address may have had begun.
        case address
    }

    /// What the enclave asked of KMS.
    struct KMSCall: Hashable, Sendable {
        var operation: String
        /// `ok`, KMS's name for an error, or why it was not asked.
        var outcome: String
    }

    private struct State {
        var kms: [KMSCall: Int64] = [:]
        var kmsDurations: [String: PrometheusText.Histogram] = [:]
        var stores: [String: Int64] = [:]
        var reloads: [String: Int64] = [:]
        var report: (received: NIODeadline, report: ReceivedReport)?
        var boots: Int64 = 0
        /// Started by this process.
        var starts: Int64 = 0
        var launcher: LauncherCount?
    }

    /// What another launcher's status file says, counted on over restarts of that launcher.
    private struct LauncherCount {
        /// Of the file, when it was last read.
        var last: Int64
        /// Starts after the enclave that this host found, or of the first that it saw started.
        var restarts: Int64
        /// None ran yet: the next start is none again.
        var awaitsFirst: Bool

        init(_ status: EnclaveStatus?) {
            last = Int64(status?.starts ?? 0)
            restarts = 0
            awaitsFirst = if case .running = status?.state { false } else { true }
        }

        mutating func add(_ starts: Int64) {
            // A launcher that was started again counts from zero.
            var new = starts >= last ? starts - last : starts
            last = starts
            guard new > 0 else { return }
            if awaitsFirst { new -= 1 }
            awaitsFirst = false
            restarts += new
        }
    }

    /// Without a report for this long the enclave is not up, and its figures are not passed on: six reports.
    private static let reportLifetime = TimeAmount.seconds(60)
    /// Errors of KMS that are counted by name; others together. KMS has some 40.
    private static let maximumOutcomes = 64
    /// Seconds. KMS answers within tens of milliseconds; a call is given up after ten seconds.
    private static let kmsBounds = [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]

    private let start: Timestamp
    private let state = Mutex(State())
    private let accepted = Atomic<Int64>(0)
    private let unavailable = Atomic<Int64>(0)
    private let shed = InlineArray<4, Atomic<Int64>> { _ in Atomic(0) }
    private let reportsRefused = Atomic<Int64>(0)
    private let strangers = Atomic<Int64>(0)

    package init(start: Timestamp = wallClock()) { self.start = start }

    // MARK: Counting

    func clientCame() { accepted.add(1, ordering: .relaxed) }

    func clientFoundNoEnclave() { unavailable.add(1, ordering: .relaxed) }

    func clientWasShed(_ reason: Shed) {
        if let index = Shed.allCases.firstIndex(of: reason) { shed[index].add(1, ordering: .relaxed) }
    }

    func stored(_ outcome: String) { state.withLock { $0.stores[outcome, default: 0] += 1 } }

    func reloaded(_ outcome: String) { state.withLock { $0.reloads[outcome, default: 0] += 1 } }

    /// `seconds` is nil where KMS was not asked.
    func kms(_ operation: String, _ outcome: String, seconds: Double? = nil) {
        state.withLock { state in
            let call = KMSCall(operation: operation, outcome: outcome)
            let isKnown = state.kms[call] != nil || state.kms.count < Self.maximumOutcomes
            let counted = isKnown ? call : KMSCall(operation: "other", outcome: "other")
            state.kms[counted, default: 0] += 1
            if let seconds, isKnown {
                state.kmsDurations[operation, default: .init(bounds: Self.kmsBounds)].observe(seconds)
            }
        }
    }

    /// Keeps the newest report of the enclave.
    func enclaveReported(_ report: ReceivedReport) {
        state.withLock { state in
            if state.report?.report.bootID != report.bootID { state.boots += 1 }
            state.report = (.now(), report)
        }
    }

    /// The launcher in this process has started it.
    func enclaveStarted() { state.withLock { $0.starts += 1 } }

    /// What the status file of another launcher says now: at this host's start, and whenever somebody asks for figures.
    package func launcherSays(_ status: EnclaveStatus?) {
        state.withLock { state in
            guard state.launcher != nil else {
                state.launcher = LauncherCount(status)
                return
            }
            if let status { state.launcher?.add(Int64(status.starts)) }
        }
    }

    /// The relay closed a connection: it came from a CID that is not the enclave's.
    func strangerWasRefused() { strangers.add(1, ordering: .relaxed) }

    func reportWasRefused() { reportsRefused.add(1, ordering: .relaxed) }

    // MARK: Reading

    /// What is known elsewhere.
    package struct Gauges: Sendable {
        package var waiting = 0
        package var forwarded = 0
        package var linesDropped: Int64 = 0
        /// When the credentials in use were got, and when they expire.
        package var credentialsObtained: Timestamp?
        package var credentialsExpiry: Timestamp?

        package init(waiting: Int = 0, forwarded: Int = 0, linesDropped: Int64 = 0) {
            self.waiting = waiting
            self.forwarded = forwarded
            self.linesDropped = linesDropped
        }
    }

    /// The page of `/metrics`.
    package func text(_ gauges: Gauges, version: String, now: Timestamp) -> String {
        var page = PrometheusText()
        page.add(.hostInfo, [([("version", version)], "1")])
        page.add(.hostStartTime, start.seconds)
        let state = state.withLock { $0 }
        page.add(.hostReloads, ["ok", "failed"].map { ([("outcome", $0)], "\(state.reloads[$0] ?? 0)") })
        page.add(.logLinesDropped, gauges.linesDropped)
        page.add(
            .ingressConnections,
            [([("state", "waiting")], "\(gauges.waiting)"), ([("state", "forwarded")], "\(gauges.forwarded)")]
        )
        page.add(.ingressAccepted, accepted.load(ordering: .relaxed))
        page.add(
            .ingressShed,
            Shed.allCases.enumerated().map { index, reason in
                ([("reason", reason.rawValue)], "\(shed[index].load(ordering: .relaxed))")
            }
        )
        page.add(.ingressUnavailable, unavailable.load(ordering: .relaxed))
        addRelay(state, gauges, now, to: &page)
        addEnclave(state, to: &page)
        return page.text
    }

    private func addRelay(_ state: State, _ gauges: Gauges, _ now: Timestamp, to page: inout PrometheusText) {
        page.add(
            .kmsRequests,
            state.kms.sorted { ($0.key.operation, $0.key.outcome) < ($1.key.operation, $1.key.outcome) }.map {
                ([("operation", $0.key.operation), ("outcome", $0.key.outcome)], "\($0.value)")
            }
        )
        page.add(
            .kmsDuration,
            state.kmsDurations.sorted { $0.key < $1.key }.map { ([("operation", $0.key)], $0.value) }
        )
        page.add(
            .keyringStores,
            ["stored", "conflict", "failed"].map { ([("outcome", $0)], "\(state.stores[$0] ?? 0)") }
        )
        if let obtained = gauges.credentialsObtained {
            page.add(.credentialsAge, max(0, now.seconds - obtained.seconds))
        }
        if let expiry = gauges.credentialsExpiry { page.add(.credentialsExpiry, expiry.seconds) }
        page.add(.relayRefused, strangers.load(ordering: .relaxed))
        // Reports miss an enclave that ended before its first; where nobody here launches, they are all there is.
        page.add(.enclaveRestarts, max(0, state.boots - 1, state.starts - 1, state.launcher?.restarts ?? 0))
        page.add(.enclaveReportsRefused, reportsRefused.load(ordering: .relaxed))
    }

    private func addEnclave(_ state: State, to page: inout PrometheusText) {
        let fresh = state.report.flatMap { NIODeadline.now() - $0.received < Self.reportLifetime ? $0.report : nil }
        page.add(.enclaveUp, fresh == nil ? 0 : 1)
        guard let report = fresh else { return }
        page.add(.enclaveInfo, [([("version", report.version), ("boot_id", report.bootID)], "1")])
        page.add(.enclaveState, [([("state", report.state)], "1")])
        page.add(.enclaveUptime, report.uptimeSeconds)
        page.add(.enclaveConnections, report.connections)
        if let version = report.keyringVersion { page.add(.keyringVersion, version) }
        page.add(
            .requests,
            report.operations.flatMap { operation in
                operation.outcomes.map {
                    ([("operation", operation.name), ("outcome", $0.name)], "\($0.count)")
                }
            }
        )
        page.add(.requestDuration, report.operations.map { ([("operation", $0.name)], $0.latency) })
        page.add(.signatures, report.signatures)
        page.add(.repeatedRequests, report.repeatedRequests)
    }
}
