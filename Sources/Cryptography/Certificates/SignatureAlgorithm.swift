// SPDX-License-Identifier: Apache-2.0

/// The AlgorithmIdentifier of a certificate's signature.
struct SignatureAlgorithm: Sendable {
    /// What stands after the OID.
    enum Parameters: Sendable {
        case absent
        case null
        case other
    }

    /// Dotted OID.
    let name: String
    let parameters: Parameters

    init(_ input: Span<UInt8>, _ element: DERElement) throws(DERError) {
        var reader = DERReader(element.content)
        name = try ObjectIdentifier.text(input, reader.next(input, tag: DER.objectIdentifier).content)
        if reader.isAtEnd {
            parameters = .absent
        } else {
            parameters = try reader.next(input).tag == DER.null ? .null : .other
            try reader.finish()
        }
    }

    /// True if a key of this kind makes signatures of this algorithm, it is strong, and its parameters are as specified.
    func fits(_ key: KeyAlgorithm) -> Bool {
        switch (name, key, parameters) {
        case (ObjectIdentifier.ecdsaWithSHA256, .ec, .absent), (ObjectIdentifier.ecdsaWithSHA384, .ec, .absent),
            (ObjectIdentifier.ecdsaWithSHA512, .ec, .absent),  // RFC 5758 section 3.2
            (ObjectIdentifier.sha256WithRSAEncryption, .rsa, .null),
            (ObjectIdentifier.sha384WithRSAEncryption, .rsa, .null),
            (ObjectIdentifier.sha512WithRSAEncryption, .rsa, .null),  // RFC 4055 section 5
            (ObjectIdentifier.ed25519, .ed25519, .absent):  // RFC 8410 section 3
            true
        default:
            false
        }
    }

    /// DER AlgorithmIdentifier and scheme of what a key of this kind signs with.
    ///
    /// - Throws: `schemeMismatch` for SHA-1 and SHA-224.
    static func signing(_ key: KeyAlgorithm, _ hash: HashAlgorithm) throws(CryptographyError) -> (
        identifier: [UInt8], scheme: SignatureScheme
    ) {
        let name: String
        switch (key, hash) {
        case (.ec, .sha256): name = ObjectIdentifier.ecdsaWithSHA256
        case (.ec, .sha384): name = ObjectIdentifier.ecdsaWithSHA384
        case (.ec, .sha512): name = ObjectIdentifier.ecdsaWithSHA512
        case (.rsa, .sha256): name = ObjectIdentifier.sha256WithRSAEncryption
        case (.rsa, .sha384): name = ObjectIdentifier.sha384WithRSAEncryption
        case (.rsa, .sha512): name = ObjectIdentifier.sha512WithRSAEncryption
        case (.ed25519, _): name = ObjectIdentifier.ed25519
        default: throw CryptographyError(.schemeMismatch)
        }
        let oid = DERWriter.objectIdentifier(name)
        switch key {
        case .ec: return (DERWriter.sequence(oid), .ecdsa(hash))
        case .rsa: return (DERWriter.sequence(oid, DERWriter.null), .rsaPKCS1(hash))
        case .ed25519: return (DERWriter.sequence(oid), .ed25519)
        }
    }
}
