// SPDX-License-Identifier: Apache-2.0

/// The outer structures of keys, read strictly before OpenSSL sees them: what OpenSSL would tolerate (BER, explicit
/// curve parameters, compressed points, trailing bytes) does not reach it.
enum KeyStructure: Sendable {
    /// RSA moduli above are slow to verify and nothing needs them (KMS ends at RSA_4096).
    static let maximumRSABits = 4096
    /// NIST SP 800-131A revision 2, section 6.
    static let minimumRSABits = 2048
    /// A larger public exponent only costs its verifiers time.
    static let maximumExponentBits = 33

    /// What an AlgorithmIdentifier (RFC 5280 section 4.1.1.2) names.
    enum Kind: Sendable {
        case rsa
        case ec(EllipticCurve)
        case ed25519
    }

    /// Reads `SubjectPublicKeyInfo` (RFC 5280 section 4.1).
    static func publicKey(_ input: Span<UInt8>, minimumRSABits: Int) throws(CryptographyError) -> KeyAlgorithm {
        do {
            let outer = try DER.canonical(input, 0..<input.count)
            guard outer.tag == DER.sequence else { throw DERError() }
            var reader = DERReader(outer.content)
            let identifier = try reader.next(input, tag: DER.sequence)
            let bits = try reader.next(input, tag: DER.bitString)
            try reader.finish()
            // Whole bytes: the first of the content counts unused bits.
            guard bits.content.count > 1, input[bits.content.lowerBound] == 0 else { throw DERError() }
            let key = bits.content.dropFirst()
            switch try kind(input, identifier) {
            case .rsa:
                let outer = try DER.canonical(input, key)
                guard outer.tag == DER.sequence else { throw DERError() }
                var reader = DERReader(outer.content)
                let size = try rsaSize(input, &reader, minimumBits: minimumRSABits)
                try reader.finish()
                return .rsa(bits: size)
            case .ec(let curve):
                try checkPoint(input, key, curve)
                return .ec(curve)
            case .ed25519:
                guard key.count == 32 else { throw DERError() }
                return .ed25519
            }
        } catch let error as CryptographyError {
            throw error
        } catch {
            throw CryptographyError(.malformedKey)
        }
    }

    /// Reads `PrivateKeyInfo` (RFC 5208 section 5, version 0) so far that OpenSSL meets no surprise.
    ///
    /// - Returns: also where the key itself is, as its algorithm encodes it; for Ed25519 the bare seed.
    static func privateKey(_ input: Span<UInt8>, minimumRSABits: Int) throws(CryptographyError) -> (
        algorithm: KeyAlgorithm, key: Range<Int>
    ) {
        do {
            let outer = try DER.canonical(input, 0..<input.count)
            guard outer.tag == DER.sequence else { throw DERError() }
            var reader = DERReader(outer.content)
            try expectSmallInteger(input, &reader, 0)
            let identifier = try reader.next(input, tag: DER.sequence)
            let octets = try reader.next(input, tag: DER.octetString)
            // Attributes, which some exporters write, say nothing about the key.
            _ = try reader.nextIfPresent(input, tag: DER.contextConstructed(0))
            try reader.finish()
            let inner = try DER.canonical(input, octets.content)
            switch try kind(input, identifier) {
            case .rsa:
                guard inner.tag == DER.sequence else { throw DERError() }
                var reader = DERReader(inner.content)
                try expectSmallInteger(input, &reader, 0)  // Two primes.
                let size = try rsaSize(input, &reader, minimumBits: minimumRSABits)
                // d, p, q, d mod p - 1, d mod q - 1, 1/q mod p (RFC 8017 appendix A.1.2).
                for _ in 0..<6 { _ = try bitWidth(input, reader.next(input, tag: DER.integer)) }
                try reader.finish()
                return (.rsa(bits: size), inner.whole)
            case .ec(let curve):
                guard inner.tag == DER.sequence else { throw DERError() }
                var reader = DERReader(inner.content)
                try expectSmallInteger(input, &reader, 1)
                _ = try reader.next(input, tag: DER.octetString)
                if let parameters = try reader.nextIfPresent(input, tag: DER.contextConstructed(0)) {
                    guard try namedCurve(input, parameters.content) == curve else {
                        throw CryptographyError(.unsupportedKey)
                    }
                }
                // What OpenSSL finds here it uses, and in the same form.
                if let wrapped = try reader.nextIfPresent(input, tag: DER.contextConstructed(1)) {
                    var inner = DERReader(wrapped.content)
                    let bits = try inner.next(input, tag: DER.bitString)
                    try inner.finish()
                    guard input[bits.content.lowerBound] == 0 else { throw DERError() }
                    try checkPoint(input, bits.content.dropFirst(), curve)
                }
                try reader.finish()
                return (.ec(curve), inner.whole)
            case .ed25519:
                guard inner.tag == DER.octetString, inner.content.count == 32 else { throw DERError() }
                return (.ed25519, inner.content)
            }
        } catch let error as CryptographyError {
            throw error
        } catch {
            throw CryptographyError(.malformedKey)
        }
    }

    /// The curve that encoded parameters name.
    ///
    /// - Throws: `unsupportedKey` for explicit parameters (RFC 5480 section 2.1.1 forbids them) and unknown curves.
    static func namedCurve(_ input: Span<UInt8>, _ range: Range<Int>) throws(CryptographyError) -> EllipticCurve {
        var reader = DERReader(range)
        guard let parameters = try? reader.next(input), reader.isAtEnd else { throw CryptographyError(.malformedKey) }
        guard parameters.tag == DER.objectIdentifier,
            let name = try? ObjectIdentifier.text(input, parameters.content),
            let curve = EllipticCurve.allCases.first(where: { $0.objectIdentifier == name })
        else { throw CryptographyError(.unsupportedKey) }
        return curve
    }

    private static func kind(_ input: Span<UInt8>, _ identifier: DERElement) throws -> Kind {
        var reader = DERReader(identifier.content)
        let name = try reader.next(input, tag: DER.objectIdentifier)
        let rest = name.whole.upperBound..<identifier.content.upperBound
        switch try ObjectIdentifier.text(input, name.content) {
        case ObjectIdentifier.rsaEncryption:
            // NULL, and not absent (RFC 8017 appendix A.1).
            _ = try reader.next(input, tag: DER.null)
            try reader.finish()
            return .rsa
        case ObjectIdentifier.ecPublicKey:
            return .ec(try namedCurve(input, rest))
        case ObjectIdentifier.ed25519:
            // Absent (RFC 8410 section 3).
            try reader.finish()
            return .ed25519
        default:
            throw CryptographyError(.unsupportedKey)
        }
    }

    /// Bits of the modulus, after a check of both numbers.
    private static func rsaSize(_ input: Span<UInt8>, _ reader: inout DERReader, minimumBits: Int) throws -> Int {
        let modulus = try reader.next(input, tag: DER.integer)
        let exponent = try reader.next(input, tag: DER.integer)
        let size = try bitWidth(input, modulus)
        let exponentBits = try bitWidth(input, exponent)
        guard input[modulus.content.upperBound - 1] & 1 == 1, input[exponent.content.upperBound - 1] & 1 == 1,
            exponentBits >= 2
        else { throw DERError() }
        guard size >= minimumBits, size <= maximumRSABits, exponentBits <= maximumExponentBits else {
            throw CryptographyError(.unsupportedKey)
        }
        return size
    }

    /// Bits of a positive INTEGER.
    private static func bitWidth(_ input: Span<UInt8>, _ element: DERElement) throws(DERError) -> Int {
        let significant = element.content.drop { input[$0] == 0 }
        guard let first = significant.first, input[element.content.lowerBound] < 0x80 else { throw DERError() }
        return significant.count * 8 - input[first].leadingZeroBitCount
    }

    /// Uncompressed points only: RFC 5480 section 2.2 obliges to no other form.
    private static func checkPoint(_ input: Span<UInt8>, _ range: Range<Int>, _ curve: EllipticCurve) throws(DERError) {
        guard range.count == 1 + 2 * curve.coordinateLength, input[range.lowerBound] == 4 else { throw DERError() }
    }

    private static func expectSmallInteger(_ input: Span<UInt8>, _ reader: inout DERReader, _ value: UInt8)
        throws(DERError)
    {
        let element = try reader.next(input, tag: DER.integer)
        guard element.content.count == 1, input[element.content.lowerBound] == value else { throw DERError() }
    }
}
