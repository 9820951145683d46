// SPDX-License-Identifier: Apache-2.0

package import Encoding
package import KMSProtocol

/// Tells a change that is sent again from one that is new. SigV4 has no memory: within five minutes the host can send any
/// request again.
///
/// A change is refused when its client signed it before this boot, not after the last change that an earlier boot sealed,
/// before the last accepted change of the same resource, or when it is one that was accepted already. Dates are whole
/// seconds: the same request signed twice in one second is one request here, and its second sending waits for the next
/// second. All refusals are worth a retry, which SDKs sign anew.
package struct ChangeLedger: Sendable {
    private struct Entry {
        /// Of the last accepted change.
        var signedAt: Timestamp
        /// Of all that were accepted with this date: ``Authenticated/mark``.
        var marks: Set<UInt64>
    }

    /// When this boot began.
    private let start: Timestamp
    /// Nothing dated so or before is accepted: the last change of earlier boots, and what was forgotten since.
    private var floor: Timestamp?
    private var entries: [String: Entry] = [:]
    private let remembered: Int

    /// - Parameters:
    ///   - start: The first time that the module told in this boot.
    ///   - lastChange: As the keyring that was opened has it.
    ///   - remembered: Resources that are remembered one by one; of more, the oldest are judged by date alone.
    package init(start: Timestamp, lastChange: Timestamp?, remembered: Int = EnclaveLimits.rememberedChanges) {
        self.start = start
        self.remembered = remembered
        floor = lastChange
    }

    /// - Throws: A retryable error for a change that may be a repetition.
    package func check(_ resource: String, signedAt: Timestamp, mark: UInt64) throws(KMSError) {
        let isAfterFloor = floor.map { signedAt > $0 } ?? true
        guard signedAt >= start, isAfterFloor else { throw .outdatedChange(signedAt) }
        guard let last = entries[resource] else { return }
        guard signedAt >= last.signedAt else { throw .outdatedChange(signedAt) }
        guard signedAt > last.signedAt || isNew(mark, last) else { throw .repeatedChange }
    }

    private func isNew(_ mark: UInt64, _ last: Entry) -> Bool {
        !last.marks.contains(mark) && last.marks.count < EnclaveLimits.changesPerSecond
    }

    /// Notes a change that was made.
    package mutating func accept(_ resource: String, signedAt: Timestamp, mark: UInt64) {
        if var entry = entries[resource], entry.signedAt == signedAt {
            entry.marks.insert(mark)
            entries[resource] = entry
        } else {
            entries[resource] = Entry(signedAt: signedAt, marks: [mark])
        }
        if entries.count > remembered { forgetOlderHalf() }
    }

    /// What is forgotten is refused for its date alone.
    private mutating func forgetOlderHalf() {
        let oldest = entries.sorted { $0.value.signedAt < $1.value.signedAt }.prefix(entries.count / 2)
        for (resource, entry) in oldest {
            floor = max(floor ?? entry.signedAt, entry.signedAt)
            entries[resource] = nil
        }
    }
}

extension KMSError {
    /// HTTP 500, which every SDK tries again, with a new date.
    fileprivate static func outdatedChange(_ signedAt: Timestamp) -> KMSError {
        KMSError(
            "KMSInternalException",
            "Nothing was changed: the request is dated \(signedAt.amzDate), before the broker's start or its last change. "
                + "Try again, with the clock set right."
        )
    }

    static let repeatedChange = KMSError(
        "KMSInternalException",
        "Nothing was changed: this very request was carried out already. Try again."
    )
}
