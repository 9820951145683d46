// SPDX-License-Identifier: Apache-2.0

import Cryptography
import KMSProtocol
import KeyService

/// Existing key material: an unencrypted key pair in PKCS#8, SEC1 or PKCS#1, DER or PEM; raw bytes for a symmetric key.
enum KeyImport {
    /// - Parameters:
    ///   - file: What the file holds.
    ///   - spec: What it has to be.
    ///   - place: Names the file in errors.
    /// - Returns: Material that fits the spec.
    /// - Throws: ``KeyringBuildError``, which names the file, what it holds instead and the spec; nothing of its bytes.
    static func material(_ file: consuming SecretBytes, spec: KeySpec, place: String) throws(KeyringBuildError)
        -> KeyRecord.Material
    {
        let pem = PEMLabel.first(in: file)
        guard let lengths = spec.acceptedLengths else {
            return .asymmetric(try keyPair(file, pem: pem, spec: spec, place: place))
        }
        // Never a key pair as raw bytes: an Ed25519 key in PKCS#8 or PEM is as long as an HMAC key may be.
        guard pem == nil, (try? PrivateKey(der: file)) == nil else {
            throw KeyringBuildError(
                "\(place): is \(pem.map { "PEM (\($0))" } ?? "a key pair (\(formName(file)))"), and \(spec.rawValue) takes raw bytes"
            )
        }
        guard lengths.contains(file.count) else {
            let wanted =
                lengths.lowerBound == lengths.upperBound
                ? "\(lengths.lowerBound)" : "\(lengths.lowerBound) to \(lengths.upperBound)"
            throw KeyringBuildError(
                "\(place): has \(file.count) bytes, and \(spec.rawValue) takes \(wanted) raw bytes (decode base64 or hex first)"
            )
        }
        return .symmetric(SharedSecret(file))
    }

    private static func keyPair(_ file: borrowing SecretBytes, pem: String?, spec: KeySpec, place: String)
        throws(KeyringBuildError) -> PrivateKey
    {
        let key: PrivateKey
        do {
            key = pem == nil ? try PrivateKey(der: file) : try PrivateKey(pem: file)
        } catch {
            let isEncrypted =
                pem == nil
                ? PrivateKeyForm(of: file) == .encrypted
                : pem == "ENCRYPTED PRIVATE KEY" || PEMLabel.hasEncryptedBody(file)
            let reason = isEncrypted ? encrypted(isText: pem != nil) : reason(error, pem: pem)
            throw KeyringBuildError("\(place): \(reason); \(spec.rawValue) is asked for")
        }
        guard key.algorithm == spec.keyAlgorithm else {
            throw KeyringBuildError("\(place): is \(name(of: key.algorithm)), and \(spec.rawValue) is asked for")
        }
        return key
    }

    /// What a file is that holds no key pair.
    private static func reason(_ error: CryptographyError, pem: String?) -> String {
        let formats = "PKCS#8, SEC1 or PKCS#1, in DER or PEM, not encrypted"
        return switch (error.code, pem) {
        case (.unsupportedKey, let label?) where !label.hasSuffix("PRIVATE KEY") && label != "EC PARAMETERS":
            "is a \(label), not a private key"
        case (.unsupportedKey, _): "is a key of a kind, curve or size that no key spec has"
        case (.libraryFailure, _): "cannot be read: cryptography failed"
        default: "is no private key in a known form (\(formats))"
        }
    }

    private static func encrypted(isText: Bool) -> String {
        "is encrypted: decrypt it first (openssl pkey \(isText ? "" : "-inform DER ")-in FILE -out FILE)"
    }

    private static func formName(_ file: borrowing SecretBytes) -> String {
        switch PrivateKeyForm(of: file) {
        case .pkcs1: "PKCS#1"
        case .sec1: "SEC1"
        default: "PKCS#8"
        }
    }

    /// A kind of key pair in the words of the specification.
    private static func name(of algorithm: KeyAlgorithm) -> String {
        if let spec = KeySpec.allCases.first(where: { $0.keyAlgorithm == algorithm }) { return spec.rawValue }
        guard case .rsa(let bits) = algorithm else { return "another kind of key" }
        return "an RSA key of \(bits) bits"
    }
}

/// Which textual encoding (RFC 7468) a file holds. Labels are no secret.
private enum PEMLabel {
    private static let opening: [UInt8] = Array("-----BEGIN ".utf8)
    private static let encryption: [UInt8] = Array("\nProc-Type: 4,ENCRYPTED".utf8)
    private static let closing: [UInt8] = Array("-----".utf8)
    /// The longest of those registered in RFC 7468 has 21 characters.
    private static let maximumLength = 32

    /// The first label at the start of a line; nil if there is none.
    static func first(in file: borrowing SecretBytes) -> String? {
        file.withBytes { bytes in
            var isLineStart = true
            for offset in 0..<bytes.byteCount {
                if isLineStart, holds(bytes, opening, at: offset) { return label(bytes, at: offset + opening.count) }
                isLineStart = byte(bytes, offset) == 0x0A
            }
            return nil
        }
    }

    /// The header line of the older forms with a passphrase (RFC 1421 section 4.6.1.1, as OpenSSL writes it).
    static func hasEncryptedBody(_ file: borrowing SecretBytes) -> Bool {
        file.withBytes { bytes in
            (0..<bytes.byteCount).contains { holds(bytes, encryption, at: $0) }
        }
    }

    private static func label(_ bytes: RawSpan, at start: Int) -> String {
        var label = ""
        for offset in start..<min(start + maximumLength, bytes.byteCount) {
            if holds(bytes, closing, at: offset) { return label }
            guard (0x20...0x7E).contains(byte(bytes, offset)) else { break }
            label.append(Character(Unicode.Scalar(byte(bytes, offset))))
        }
        return "unknown"
    }

    private static func holds(_ bytes: RawSpan, _ text: [UInt8], at offset: Int) -> Bool {
        guard text.count <= bytes.byteCount - offset else { return false }
        return text.indices.allSatisfy { byte(bytes, offset + $0) == text[$0] }
    }

    /// No array of it: what is read may be a secret.
    private static func byte(_ bytes: RawSpan, _ offset: Int) -> UInt8 {
        unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }
}
