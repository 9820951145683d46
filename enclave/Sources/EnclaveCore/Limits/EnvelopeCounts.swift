// SPDX-License-Identifier: Apache-2.0

package import KMSProtocol
import Synchronization

/// How many envelopes each key has sealed since the process started. A random nonce must not come twice under one key:
/// after 2^32 of them the chance that one did is no longer negligible (NIST SP 800-38D, section 8.3), and the key seals no
/// more.
///
/// The enclave has no memory across restarts, and nobody counts over two enclaves that have one keyring, nor what was
/// sealed elsewhere under a key that was imported: there the number is the operator's to watch.
package final class EnvelopeCounts: Sendable {
    private let limit: Int64
    private let total = Atomic<Int64>(0)
    private let byKey = Mutex<[String: Int64]>([:])

    package init(limit: Int64) { self.limit = limit }

    /// Counts one more nonce of a key.
    ///
    /// - Throws: `LimitExceededException` once the key has spent them all.
    package func count(_ keyID: String) throws(KMSError) {
        let isLeft = byKey.withLock { counts in
            let count = counts[keyID, default: 0]
            guard count < limit else { return false }
            counts[keyID] = count + 1
            return true
        }
        guard isLeft else {
            throw KMSError(
                "LimitExceededException",
                "The key has sealed \(limit) envelopes since this enclave started, as many as random nonces bear "
                    + "(NIST SP 800-38D, section 8.3): make a new key."
            )
        }
        total.add(1, ordering: .relaxed)
    }

    /// Of all keys.
    var sum: Int64 { total.load(ordering: .relaxed) }
}
