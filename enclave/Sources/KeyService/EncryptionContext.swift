// SPDX-License-Identifier: Apache-2.0

import AccessPolicy

/// Name-value pairs that are authenticated with a ciphertext (API Reference, EncryptionContext). Order does not matter,
/// case does.
struct EncryptionContext {
    let pairs: [(name: String, value: String)]

    init(_ context: [String: String] = [:]) {
        pairs = context.map { (name: $0.key, value: $0.value) }
            .sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    }

    /// One byte string for each context and none for two: pairs sorted by the bytes of their names, each text preceded
    /// by its length in 8 bytes, big-endian.
    var canonicalBytes: [UInt8] {
        var bytes: [UInt8] = []
        for pair in pairs {
            for text in [pair.name, pair.value] {
                let count = UInt64(text.utf8.count)
                bytes += (0..<8).map { UInt8(truncatingIfNeeded: count >> (56 - 8 * UInt64($0))) }
                bytes += text.utf8
            }
        }
        return bytes
    }

    var conditionKeys: [String: [String]] { RequestConditionKeys.encryptionContext(pairs) }
}
