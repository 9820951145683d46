// SPDX-License-Identifier: Apache-2.0

package import Encoding
import Synchronization

/// How much each principal may ask for, and all together. A principal's access keys share one allowance.
///
/// One for the life of the process: a changed keyring gives nobody a fresh allowance.
package final class RequestQuotas: Sendable {
    /// Rates a second and depths of buckets.
    package struct Rates: Sendable {
        package var work: Int
        package var workBurst: Int
        package var changes: Int
        package var changesBurst: Int

        package init(work: Int, workBurst: Int, changes: Int, changesBurst: Int) {
            self.work = work
            self.workBurst = workBurst
            self.changes = changes
            self.changesBurst = changesBurst
        }

        func multiplied(by factor: Int) -> Rates {
            Rates(
                work: work * factor,
                workBurst: workBurst * factor,
                changes: changes * factor,
                changesBurst: changesBurst * factor
            )
        }
    }

    private final class Allowance: Sendable {
        let work: TokenBucket
        let changes: TokenBucket

        init(_ rates: Rates) {
            work = TokenBucket(rate: rates.work, burst: rates.workBurst)
            changes = TokenBucket(rate: rates.changes, burst: rates.changesBurst)
        }
    }

    private let rates: Rates
    private let inAllRates: Rates
    private let inAll: Allowance
    private let maximum: Int
    private let byPrincipal = Mutex<[String: Allowance]>([:])

    /// - Parameters:
    ///   - rates: Of one principal.
    ///   - inAllRates: Of all together.
    ///   - maximum: Principals that are remembered; beyond it those go that have their whole allowance.
    package init(_ rates: Rates, inAll inAllRates: Rates, maximum: Int) {
        self.rates = rates
        self.inAllRates = inAllRates
        self.maximum = maximum
        inAll = Allowance(inAllRates)
    }

    /// Takes what a request costs; false: not now.
    package func admit(_ cost: RequestCost, of principal: String, at now: Timestamp) -> Bool {
        let own = allowance(of: principal, at: now)
        switch cost {
        case .work(let units): return Self.take(units, own.work, inAll.work, inAllRates.workBurst, now)
        case .change(let units): return Self.take(units, own.changes, inAll.changes, inAllRates.changesBurst, now)
        }
    }

    /// From both buckets. The last quarter of the common one is kept for those who have used less than half of their
    /// own, so that a few who ask for all that they may leave something to the others.
    private static func take(
        _ units: Int,
        _ own: TokenBucket,
        _ common: TokenBucket,
        _ burst: Int,
        _ now: Timestamp
    ) -> Bool {
        let reserve = own.isHalfFull(at: now) ? 0 : burst / 4
        return own.take(units, at: now) && common.take(units, at: now, leaving: reserve)
    }

    private func allowance(of principal: String, at now: Timestamp) -> Allowance {
        byPrincipal.withLock { allowances in
            if let known = allowances[principal] { return known }
            if allowances.count >= maximum {
                allowances = allowances.filter { !$0.value.work.isFull(at: now) || !$0.value.changes.isFull(at: now) }
                if allowances.count >= maximum { allowances.removeAll() }
            }
            let new = Allowance(rates)
            allowances[principal] = new
            return new
        }
    }
}
