// SPDX-License-Identifier: Apache-2.0

package import Cryptography

/// The TSK: 32 secret bytes that open one keyring. Released by KMS against attestation, accepted only if it matches the
/// commitment in the measured configuration.
package struct TrustedSessionKey: ~Copyable, Sendable {
    package static let length = 32

    private let bytes: SecretBytes

    /// - Throws: ``KeyringError/invalidKeyLength``.
    package init(_ bytes: consuming SecretBytes) throws(KeyringError) {
        guard bytes.count == Self.length else { throw .invalidKeyLength }
        self.bytes = bytes
    }

    /// The keys that follow from the TSK for one keyring under one KMS key.
    package borrowing func keys(keyringID: String, kmsKeyARN: String) throws(KeyringError) -> KeyringKeys {
        do {
            let key = try HKDF.extract(.sha384, salt: Array(keyringID.utf8), input: bytes)
            return KeyringKeys(pseudorandomKey: key, kmsKeyARN: kmsKeyARN)
        } catch {
            throw .cryptography(error)
        }
    }
}

/// HKDF-SHA-384 (RFC 5869) over the TSK, salted with the keyring's id; each purpose has its own info string, which ends
/// with the KMS key's ARN (it begins `arn:`, so no info is a prefix of another purpose's).
package struct KeyringKeys: ~Copyable, Sendable {
    /// Bytes of an A256GCM key.
    static let sealKeyLength = 32

    private let pseudorandomKey: SecretBytes
    private let kmsKeyARN: String

    init(pseudorandomKey: consuming SecretBytes, kmsKeyARN: String) {
        self.pseudorandomKey = pseudorandomKey
        self.kmsKeyARN = kmsKeyARN
    }

    /// The public value by which a measured configuration pins the TSK: `kb1/tsk-commit`, 48 bytes, the same for every
    /// version of the keyring.
    package borrowing func commitment() throws(KeyringError) -> [UInt8] {
        try publicBytes("kb1/tsk-commit", version: nil)
    }

    /// The key of one version of the keyring: `kb1/seal`.
    borrowing func sealKey(version: UInt64) throws(KeyringError) -> SecretBytes {
        try expand("kb1/seal", version: version, count: Self.sealKeyLength)
    }

    /// What stands in the protected header and is compared before opening, because AES-GCM does not commit to its key:
    /// `kb1/seal-commit`, 48 bytes.
    package borrowing func sealCommitment(version: UInt64) throws(KeyringError) -> [UInt8] {
        try publicBytes("kb1/seal-commit", version: version)
    }

    private borrowing func publicBytes(_ purpose: String, version: UInt64?) throws(KeyringError) -> [UInt8] {
        let value = try expand(purpose, version: version, count: KeyringHeader.digestLength)
        return value.withBytes { span in span.copied(0..<span.byteCount) }
    }

    private borrowing func expand(_ purpose: String, version: UInt64?, count: Int) throws(KeyringError) -> SecretBytes {
        var info = Array(purpose.utf8) + Array(kmsKeyARN.utf8)
        if let version {
            for shift in stride(from: UInt64(56), through: 0, by: -8) {
                info.append(UInt8(truncatingIfNeeded: version >> shift))
            }
        }
        do {
            return try HKDF.expand(.sha384, key: pseudorandomKey, info: info, count: count)
        } catch {
            throw .cryptography(error)
        }
    }
}
