// SPDX-License-Identifier: Apache-2.0

package import Encoding
package import SigV4
import Synchronization

/// Credentials for as long as a service runs: refreshed before they end, by one refresh at a time.
///
/// Temporary credentials are refreshed at a random moment between a quarter of an hour and ten minutes before they end
/// (AWS SDKs' advisory and mandatory times; random, so that many hosts do not ask at once), in the background; the old ones
/// are used until the new ones are there, or until they end. After a failure the next attempt is made after a delay with
/// full jitter.
package actor CredentialProvider {
    /// What is known without asking anybody.
    package struct Standing: Sendable, Equatable {
        /// Where the credentials are from; nil: there are none.
        package var source: String?
        /// When they were obtained.
        package var obtained: Timestamp?
        /// When they end; nil if they do not, or nothing says it.
        package var expiration: Timestamp?
        /// Why the last attempt failed; nil if it did not.
        package var failure: String?
    }

    package enum Event: Sendable {
        /// Others than before; never the credentials themselves.
        case obtained(source: String, expiration: Timestamp?)
        case failed(CredentialError, retry: Duration)
    }

    /// Before the end (botocore's `_DEFAULT_ADVISORY_REFRESH_TIMEOUT`).
    private static let advisory = Duration.seconds(15 * 60)
    /// `_DEFAULT_MANDATORY_REFRESH_TIMEOUT`.
    private static let mandatory = Duration.seconds(10 * 60)
    /// Of credentials whose end is not said.
    private static let unstatedLifetime = Duration.seconds(15 * 60)
    /// How often ``keepFresh()`` reads credentials that have no end.
    private static let reading = Duration.seconds(60)

    private struct Held {
        let resolved: ResolvedCredentials
        /// From then on they are refreshed in the background.
        let due: Timestamp?
        /// From then on they are not used any more.
        let end: Timestamp?
    }

    private let chain: CredentialChain
    private let clock: @Sendable () -> Timestamp
    private let report: @Sendable (Event) -> Void
    private let standingNow = Mutex(Standing())
    private var held: Held?
    private var underWay: Task<Result<ResolvedCredentials, CredentialError>, Never>?
    private var failures = 0
    private var lastFailure: CredentialError?
    private var nextAttempt: Timestamp?
    private var generator = SystemRandomNumberGenerator()

    /// `report` is told what happens, for a log.
    package init(_ chain: CredentialChain, report: @escaping @Sendable (Event) -> Void = { _ in }) {
        self.chain = chain
        self.report = report
        clock = chain.context.clock
    }

    /// The credentials to use now.
    ///
    /// - Throws: `CredentialError` if there are none that have not ended.
    package func credentials() async throws(CredentialError) -> AWSCredentials {
        let now = clock()
        if let held, let end = held.end, now < end {
            if let due = held.due, now >= due, isTimeToTry(now) { startRefresh() }
            return held.resolved.credentials
        }
        if let lastFailure, underWay == nil, !isTimeToTry(now) { throw lastFailure }
        return try await refreshed().credentials
    }

    /// Forgets what it holds: the service refused it.
    package func forget() {
        held = nil
        nextAttempt = nil
    }

    /// For metrics and health, from any thread.
    package nonisolated var standing: Standing { standingNow.withLock { $0 } }

    /// Refreshes when it is time, until the task is cancelled: so that what is there when somebody asks has long to live.
    package func keepFresh() async {
        while !Task.isCancelled {
            let now = clock()
            if needsRefresh(now), isTimeToTry(now) { _ = try? await refreshed() }
            let next = nextWakeUp(clock())
            await chain.context.sleep(max(next, .milliseconds(100)))
        }
    }

    private func needsRefresh(_ now: Timestamp) -> Bool {
        guard let held else { return true }
        return held.due.map { now >= $0 } ?? true
    }

    private func nextWakeUp(_ now: Timestamp) -> Duration {
        if let nextAttempt, now < nextAttempt { return Self.duration(from: now, to: nextAttempt) }
        guard let due = held?.due else { return Self.reading }
        return Self.duration(from: now, to: due)
    }

    private func isTimeToTry(_ now: Timestamp) -> Bool { nextAttempt.map { now >= $0 } ?? true }

    // MARK: Refreshing

    private func refreshed() async throws(CredentialError) -> ResolvedCredentials {
        try await startRefresh().value.get()
    }

    /// The refresh that is under way, or a new one.
    @discardableResult
    private func startRefresh() -> Task<Result<ResolvedCredentials, CredentialError>, Never> {
        if let underWay { return underWay }
        let task = Task { () -> Result<ResolvedCredentials, CredentialError> in
            do throws(CredentialError) {
                let fresh = try await chain.resolve()
                try take(fresh)
                return .success(fresh)
            } catch {
                failed(error)
                return .failure(error)
            }
        }
        underWay = task
        return task
    }

    private func take(_ fresh: ResolvedCredentials) throws(CredentialError) {
        let now = clock()
        switch fresh.lifetime {
        case .current:
            held = Held(resolved: fresh, due: nil, end: nil)
        case .unstated:
            let end = now.advanced(by: Self.unstatedLifetime)
            held = Held(resolved: fresh, due: end, end: end)
        case .until(let end):
            guard now < end else {
                throw CredentialError("the credentials from \(fresh.source) ended at \(end.rfc3339)")
            }
            // Those that live for less than the usual hour and more are refreshed in the last third of their life.
            let life = Self.duration(from: now, to: end)
            let earliest = min(Self.advisory, life / 3)
            let latest = min(Self.mandatory, life * 2 / 9)
            let before = latest + (earliest - latest) * Double.random(in: 0...1, using: &generator)
            held = Held(resolved: fresh, due: end.advanced(by: .zero - before), end: end)
        }
        if fresh.lifetime != .current || fresh.source != standing.source || failures > 0 {
            report(.obtained(source: fresh.source, expiration: fresh.expiration))
        }
        underWay = nil
        failures = 0
        lastFailure = nil
        nextAttempt = nil
        standingNow.withLock {
            $0 = Standing(source: fresh.source, obtained: now, expiration: fresh.expiration, failure: nil)
        }
    }

    private func failed(_ error: CredentialError) {
        underWay = nil
        failures += 1
        lastFailure = error
        let now = clock()
        let delay = CredentialContext.retryDelay(after: failures, using: &generator)
        nextAttempt = now.advanced(by: delay)
        report(.failed(error, retry: delay))
        let hasEnded = held?.end.map { now >= $0 } ?? true
        if hasEnded { held = nil }
        standingNow.withLock {
            if hasEnded { $0 = Standing() }
            $0.failure = error.description
        }
    }

    private static func duration(from start: Timestamp, to end: Timestamp) -> Duration {
        .milliseconds(max(0, end.milliseconds - start.milliseconds))
    }
}

extension Timestamp {
    fileprivate func advanced(by duration: Duration) -> Timestamp {
        advanced(byMilliseconds: Int64((duration / .milliseconds(1)).rounded()))
    }
}
