// SPDX-License-Identifier: Apache-2.0

import COpenSSL
package import Encoding

/// An X.509 certificate (RFC 5280), parsed strictly and judged by nobody: whoever relies on it checks.
///
/// Two parsers must agree: a strict DER reader, which the properties come from, and OpenSSL, which checks signatures.
@safe
package final class Certificate: Sendable {
    package struct BasicConstraints: Sendable, Equatable {
        package let isCritical: Bool
        package let isCA: Bool
        /// Nil when absent.
        package let pathLength: Int?

        package init(isCritical: Bool, isCA: Bool, pathLength: Int?) {
            self.isCritical = isCritical
            self.isCA = isCA
            self.pathLength = pathLength
        }
    }

    /// Bit n is named bit n of RFC 5280 section 4.2.1.3.
    package struct KeyUsage: OptionSet, Sendable {
        package let rawValue: Int
        package init(rawValue: Int) { self.rawValue = rawValue }
        package static let digitalSignature = KeyUsage(rawValue: 1 << 0)
        package static let nonRepudiation = KeyUsage(rawValue: 1 << 1)
        package static let keyEncipherment = KeyUsage(rawValue: 1 << 2)
        package static let dataEncipherment = KeyUsage(rawValue: 1 << 3)
        package static let keyAgreement = KeyUsage(rawValue: 1 << 4)
        package static let keyCertSign = KeyUsage(rawValue: 1 << 5)
        package static let cRLSign = KeyUsage(rawValue: 1 << 6)
        package static let encipherOnly = KeyUsage(rawValue: 1 << 7)
        package static let decipherOnly = KeyUsage(rawValue: 1 << 8)
    }

    /// Far above real ones (AWS's attestation certificates have at most 1024 bytes).
    package static let maximumLength = 64 << 10

    /// The bytes that were parsed.
    package let der: [UInt8]
    private let fields: CertificateFields
    private let handle: X509Handle

    /// 1 to 3.
    package var version: Int { fields.version }
    /// Big-endian, lower-case hex.
    package var serialNumber: String { fields.serialNumber }
    package var issuerDER: [UInt8] { fields.issuer.der }
    package var subjectDER: [UInt8] { fields.subject.der }
    /// RFC 4514 one-line text for people: `CN=aws.nitro-enclaves,OU=AWS,O=Amazon,C=US`. Printable ASCII only.
    package var subject: String { fields.subject.text }
    package var issuer: String { fields.issuer.text }
    /// The issuer's attributes in order: OpenSSL's long name of the type (`commonName`), and the value unescaped.
    package var issuerAttributes: [(type: String, value: String)] {
        fields.issuer.attributes.map { (ObjectIdentifier.longName($0.oid), $0.value) }
    }
    package var notBefore: Timestamp { fields.notBefore }
    package var notAfter: Timestamp { fields.notAfter }
    /// Dotted OID of the signature algorithm (inner and outer agree, parameters included), e.g. `1.2.840.10045.4.3.3`.
    package var signatureAlgorithm: String { fields.signatureAlgorithm.name }
    /// OpenSSL's name of it, e.g. `ecdsa-with-SHA384`.
    package var signatureAlgorithmName: String { ObjectIdentifier.longName(fields.signatureAlgorithm.name) }
    /// The content of the signature, without its count of unused bits.
    package var signature: [UInt8] { fields.signature }
    package let publicKey: PublicKey
    package var basicConstraints: BasicConstraints? { fields.extensions.basicConstraints }
    package var keyUsage: KeyUsage? { fields.extensions.keyUsage }
    package var subjectKeyIdentifier: [UInt8]? { fields.extensions.subjectKeyIdentifier }
    /// Nil when absent.
    ///
    /// - Throws: `malformedCertificate` for an extension that is not as RFC 5280 section 4.2.1.6 has it.
    package func subjectAlternativeNames() throws(CryptographyError) -> [GeneralName]? {
        try fields.extensions.subjectAlternativeName.map { (bytes) throws(CryptographyError) in
            try GeneralName.list(bytes)
        }
    }
    /// Dotted OIDs; nil when absent.
    ///
    /// - Throws: `malformedCertificate` for an extension that is not as RFC 5280 section 4.2.1.12 has it.
    package func extendedKeyUsage() throws(CryptographyError) -> [String]? {
        try fields.extensions.extendedKeyUsage.map { (bytes) throws(CryptographyError) in
            try CertificateExtensions.purposes(bytes)
        }
    }
    /// Dotted OIDs of critical extensions other than basicConstraints and keyUsage.
    package var otherCriticalExtensions: [String] { fields.extensions.otherCritical }

    /// Parses DER: whole input, no duplicate extensions, inner and outer algorithms equal.
    ///
    /// - Throws: `malformedCertificate`; for its public key as `PublicKey.init(spki:)` does.
    package init(der: [UInt8]) throws(CryptographyError) {
        guard der.count <= Self.maximumLength else { throw CryptographyError(.malformedCertificate) }
        do {
            fields = try CertificateFields(der.span)
        } catch {
            throw CryptographyError(.malformedCertificate)
        }
        handle = try X509Handle(der)
        let spki = fields.publicKey
        let algorithm = try KeyStructure.publicKey(spki.span, minimumRSABits: KeyStructure.minimumRSABits)
        publicKey = try PublicKey(checking: handle.publicKey(), algorithm: algorithm, spki: spki)
        self.der = der
    }

    /// One PEM certificate, white space around it allowed.
    ///
    /// - Throws: as `init(der:)`.
    package convenience init(pem: String) throws(CryptographyError) {
        guard let der = PEM.decode(label: "CERTIFICATE", pem) else { throw CryptographyError(.malformedCertificate) }
        try self.init(der: der)
    }

    /// What its signature is over: the DER of TBSCertificate (RFC 5280 section 4.1).
    package var toBeSigned: [UInt8] { Array(der[fields.toBeSigned]) }

    package var fingerprintSHA256: [UInt8] { Hash.digest(.sha256, der) }
    package var pem: String { PEM.encode(label: "CERTIFICATE", der) }

    /// True if and only if `issuer`'s key made the signature. Names, validity and constraints are the caller's.
    ///
    /// False for signature algorithms other than ECDSA and RSASSA-PKCS1-v1_5 with SHA-256, SHA-384 and SHA-512, and
    /// Ed25519, and for parameters other than their specifications demand (RFC 4055, RFC 5758, RFC 8410).
    package func isSigned(by issuer: PublicKey) -> Bool {
        guard fields.signatureAlgorithm.fits(issuer.algorithm) else { return false }
        let isValid = unsafe X509_verify(handle.pointer, issuer.handle.pointer) == 1
        if !isValid { ERR_clear_error() }
        return isValid
    }
}

/// Owns an `X509`.
@safe
private final class X509Handle: @unchecked Sendable {  // Only its signature is checked, which changes nothing in it.
    let pointer: OpaquePointer

    /// - Throws: `malformedCertificate` unless OpenSSL reads all of it and would write the same.
    init(_ der: [UInt8]) throws(CryptographyError) {
        Library.setUp()
        var isWhole = false
        let parsed: OpaquePointer? = unsafe der.withUnsafeBufferPointer { buffer in
            var position = buffer.baseAddress
            let parsed = unsafe d2i_X509(nil, &position, buffer.count)
            isWhole = unsafe position == buffer.baseAddress.map { unsafe $0 + buffer.count }
            return unsafe parsed
        }
        guard let parsed = unsafe parsed else { throw .library(.malformedCertificate) }
        unsafe pointer = parsed
        guard isWhole, unsafe Int(i2d_X509(parsed, nil)) == der.count else { throw .library(.malformedCertificate) }
        let again = unsafe try output(der.count) { buffer, length in
            var position = unsafe buffer
            length = unsafe Int(i2d_X509(parsed, &position))
            return length > 0
        }
        guard again == der else { throw .library(.malformedCertificate) }
    }

    /// The key that OpenSSL has parsed already.
    func publicKey() throws(CryptographyError) -> KeyHandle {
        guard let key = unsafe X509_get_pubkey(pointer) else { throw .library(.malformedKey) }
        return unsafe KeyHandle(owning: key)
    }

    deinit {
        unsafe X509_free(pointer)
    }
}
