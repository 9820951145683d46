// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Synchronization

/// Derives the key of a day, region and service.
enum SigningKey {
    /// HMAC chain: `AWS4` and secret, day, region, service, `aws4_request`. The caller wipes what it gets.
    static func derive(secret: borrowing SecretBytes, day: String, scope: SigV4Scope) -> [UInt8] {
        var key: [UInt8] = []
        key.reserveCapacity(SigV4Constants.secretPrefix.utf8.count + secret.count)
        key += SigV4Constants.secretPrefix.utf8
        secret.withBytes { bytes in
            unsafe bytes.withUnsafeBytes { buffer in unsafe key.append(contentsOf: buffer) }
        }
        for step in [day, scope.region, scope.service, SigV4Constants.terminator] {
            let next = HMAC.authenticate(.sha256, key: key, message: Array(step.utf8))
            wipe(&key)
            key = next
        }
        return key
    }
}

/// Signing keys by access key, bounded; each belongs to the very secret object that it was derived from, so that a
/// changed secret never meets an old key.
final class SigningKeyCache: Sendable {
    private struct Entry {
        let secret: SharedSecret
        let day: [UInt8]
        let key: HMACKey
    }

    private let scope: SigV4Scope
    private let entries = Mutex<[String: Entry]>([:])

    init(scope: SigV4Scope) {
        self.scope = scope
    }

    /// The key of this day, written `20261121`.
    func key(_ accessKeyID: String, secret: SharedSecret, day: ArraySlice<UInt8>) -> HMACKey {
        let cached = entries.withLock { entries in
            entries[accessKeyID].flatMap { $0.secret === secret && $0.day[...] == day ? $0.key : nil }
        }
        if let cached { return cached }

        var bytes = SigningKey.derive(secret: secret.bytes, day: String(decoding: day, as: UTF8.self), scope: scope)
        let key = HMACKey(.sha256, bytes)
        wipe(&bytes)
        store(Entry(secret: secret, day: Array(day), key: key), accessKeyID)
        return key
    }

    /// Forgets a key whose secret is no longer known.
    func forget(_ accessKeyID: String) {
        _ = entries.withLock { $0.removeValue(forKey: accessKeyID) }
    }

    private func store(_ entry: Entry, _ accessKeyID: String) {
        entries.withLock { entries in
            if entries[accessKeyID] == nil, entries.count >= SigV4Constants.cachedKeyCount {
                entries = entries.filter { $0.value.day == entry.day }
                if entries.count >= SigV4Constants.cachedKeyCount { entries.removeAll() }
            }
            entries[accessKeyID] = entry
        }
    }
}
