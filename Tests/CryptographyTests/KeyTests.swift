// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import Testing

struct KeyTests {
    @Test(arguments: kinds) func `a key survives PKCS#8 and SubjectPublicKeyInfo`(
        algorithm: KeyAlgorithm,
        scheme: SignatureScheme
    ) throws {
        let key = try TestKeys.key(algorithm)
        #expect(key.algorithm == algorithm)
        let again = try PrivateKey(pkcs8: key.pkcs8())
        #expect(again.algorithm == algorithm)
        #expect(again.publicKey == key.publicKey)
        let parsed = try PublicKey(spki: key.publicKey.spki)
        #expect(parsed.algorithm == algorithm)
        let signature = try again.sign(message: [1, 2, 3], scheme: scheme)
        #expect(parsed.verify(signature, message: [1, 2, 3], scheme: scheme))
    }

    @Test(arguments: kinds) func `no changed signature, message or key verifies`(
        algorithm: KeyAlgorithm,
        scheme: SignatureScheme
    ) throws {
        let key = try TestKeys.key(algorithm)
        let message = Array("message".utf8)
        let signature = try key.sign(message: message, scheme: scheme)
        for index in signature.indices {
            var changed = signature
            changed[index] ^= 1 << (index % 8)
            #expect(!key.publicKey.verify(changed, message: message, scheme: scheme))
        }
        for wrong in [[], [0], Array(signature.dropLast()), signature + [0], [0] + signature] as [[UInt8]] {
            #expect(!key.publicKey.verify(wrong, message: message, scheme: scheme))
        }
        #expect(!key.publicKey.verify(signature, message: [], scheme: scheme))
        if case .rsa = algorithm { return }
        #expect(!(try TestKeys.key(algorithm)).publicKey.verify(signature, message: message, scheme: scheme))
    }

    @Test(arguments: kinds) func `a digest signs as its message does, except for Ed25519`(
        algorithm: KeyAlgorithm,
        scheme: SignatureScheme
    ) throws {
        let key = try TestKeys.key(algorithm)
        let message = Array("message".utf8)
        let hash: HashAlgorithm
        switch scheme {
        case .ecdsa(let named), .rsaPKCS1(let named), .rsaPSS(let named): hash = named
        case .ed25519:
            let signature = try key.sign(message: message, scheme: scheme)
            let digest = Hash.digest(.sha512, message)
            #expect(
                code { () throws(CryptographyError) in _ = try key.sign(digest: digest, scheme: scheme) }
                    == .schemeMismatch
            )
            #expect(!key.publicKey.verify(signature, digest: digest, scheme: scheme))
            return
        }
        let digest = Hash.digest(hash, message)
        let signature = try key.sign(digest: digest, scheme: scheme)
        #expect(key.publicKey.verify(signature, message: message, scheme: scheme))
        #expect(key.publicKey.verify(signature, digest: digest, scheme: scheme))
        for wrong in [[], Array(digest.dropLast()), digest + [0]] {
            #expect(
                code { () throws(CryptographyError) in _ = try key.sign(digest: wrong, scheme: scheme) }
                    == .invalidLength
            )
            #expect(!key.publicKey.verify(signature, digest: wrong, scheme: scheme))
            #expect(!SignatureVerifier(key.publicKey, scheme: scheme).verify(signature, signed: wrong))
        }
    }

    @Test(arguments: kinds) func `a verifier of many signatures forgets each, right or wrong`(
        algorithm: KeyAlgorithm,
        scheme: SignatureScheme
    ) throws {
        let key = try TestKeys.key(algorithm)
        let messages = (0..<4).map { Hash.digest(scheme.hashForTests, [UInt8($0)]) }
        let signatures = try messages.map {
            scheme == .ed25519
                ? try key.sign(message: $0, scheme: scheme) : try key.sign(digest: $0, scheme: scheme)
        }
        let verifier = SignatureVerifier(key.publicKey, scheme: scheme)
        for signature in signatures.indices {
            for message in messages.indices {
                #expect(verifier.verify(signatures[signature], signed: messages[message]) == (signature == message))
            }
            #expect(!verifier.verify(signatures[signature].dropLast() as [UInt8], signed: messages[signature]))
        }
        let other: SignatureScheme = scheme == .ed25519 ? .ecdsa(.sha256) : .ed25519
        #expect(!SignatureVerifier(key.publicKey, scheme: other).verify(signatures[0], signed: messages[0]))
    }

    @Test(arguments: kinds) func `a scheme of another kind of key or with a weak hash neither signs nor verifies`(
        algorithm: KeyAlgorithm,
        scheme: SignatureScheme
    ) throws {
        let key = try TestKeys.key(algorithm)
        let signature = try key.sign(message: [1], scheme: scheme)
        let wrong: [SignatureScheme] =
            switch scheme {
            case .ed25519: [.ecdsa(.sha512), .rsaPSS(.sha512), .rsaPKCS1(.sha512)]
            case .ecdsa: [.ed25519, .rsaPSS(.sha256), .ecdsa(.sha1), .ecdsa(.sha224)]
            case .rsaPKCS1, .rsaPSS: [.ed25519, .ecdsa(.sha256), .rsaPSS(.sha1), .rsaPKCS1(.sha1), .rsaPKCS1(.sha224)]
            }
        for scheme in wrong {
            #expect(
                code { () throws(CryptographyError) in _ = try key.sign(message: [1], scheme: scheme) }
                    == .schemeMismatch
            )
            #expect(!key.publicKey.verify(signature, message: [1], scheme: scheme))
        }
    }

    @Test func `PSS and PKCS#1 signatures and their hashes are not mistaken for each other`() throws {
        let key = try TestKeys.key(.rsa(bits: 2048))
        let schemes: [SignatureScheme] = [.rsaPSS(.sha256), .rsaPSS(.sha384), .rsaPKCS1(.sha256), .rsaPKCS1(.sha384)]
        for made in schemes {
            let signature = try key.sign(message: [1], scheme: made)
            for tried in schemes {
                #expect(key.publicKey.verify(signature, message: [1], scheme: tried) == (made == tried))
            }
        }
    }

    @Test(arguments: [1024, 2047, 2052, 4104, 0, -8]) func `makes no RSA key of an odd size`(bits: Int) {
        #expect(
            code { () throws(CryptographyError) in _ = try PrivateKey.generate(.rsa(bits: bits)) } == .unsupportedKey
        )
    }

    @Test func `makes an RSA-4096 key with the usual exponent`() throws {
        let key = try PrivateKey.generate(.rsa(bits: 4096))
        #expect(key.publicKey.spki.suffix(5) == [0x02, 0x03, 0x01, 0x00, 0x01])
        #expect(try PrivateKey(pkcs8: key.pkcs8()).algorithm == .rsa(bits: 4096))
    }

    @Test(arguments: [
        // RFC 6979 appendix A.2.5 and A.2.6.
        (
            EllipticCurve.p256, "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721",
            "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6",
            "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299"
        ),
        (
            .p384,
            "6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA9AA47740787137D896D5724E4C70A825F872C9EA60D2EDF5",
            "EC3A4E415B4E19A4568618029F427FA5DA9A8BC4AE92E02E06AAE5286B300C64DEF8F0EA9055866064A254515480BC13",
            "8015D9B72D7D57244EA8EF9AC0C621896708A59367F9DFB9F54CA84B3F1C9DB1288B231C3AE0D4FE7344FD2533264720"
        ),
    ])
    func `a scalar has the public point that its RFC says`(curve: EllipticCurve, scalar: String, x: String, y: String)
        throws
    {
        let key = try PrivateKey(curve: curve, scalar: secret(hex(scalar)))
        #expect(key.publicKey == (try PublicKey(curve: curve, x: hex(x), y: hex(y))))
        #expect(try PrivateKey(pkcs8: key.pkcs8()).publicKey == key.publicKey)
    }

    @Test func `a scalar is of the right length and below the order`() throws {
        let order = try hex("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551")
        for (bytes, expected) in [
            (order, .malformedKey), ([UInt8](repeating: 0, count: 32), .malformedKey),
            ([UInt8](repeating: 1, count: 31), .invalidLength),
        ] as [([UInt8], CryptographyError.Code)] {
            let scalar = try secret(bytes)
            #expect(
                code { () throws(CryptographyError) in _ = try PrivateKey(curve: .p256, scalar: scalar) } == expected
            )
        }
    }

    @Test func `OAEP carries every length up to the limit`() throws {
        let key = try TestKeys.key(.rsa(bits: 2048))
        for count in [0, 1, 32, 190] {
            let plaintext = try SecretBytes.random(count: count)
            let ciphertext = try key.publicKey.encryptOAEP(plaintext)
            #expect(exposed(try key.decryptOAEP(ciphertext)) == exposed(plaintext))
        }
        let tooLong = try SecretBytes.random(count: 191)
        #expect(
            code { () throws(CryptographyError) in _ = try key.publicKey.encryptOAEP(tooLong) } == .invalidLength
        )
    }

    @Test func `OAEP is for RSA keys only`() throws {
        let key = try PrivateKey.generate(.ec(.p256))
        let plaintext = try secret([1])
        #expect(
            code { () throws(CryptographyError) in _ = try key.publicKey.encryptOAEP(plaintext) } == .schemeMismatch
        )
        #expect(code { () throws(CryptographyError) in _ = try key.decryptOAEP([1]) } == .schemeMismatch)
    }

    @Test func `one key signs from many threads at once`() async throws {
        for (algorithm, scheme) in kinds.prefix(6) {
            let key = try TestKeys.key(algorithm)
            let valid = try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in UInt8(0)..<32 {
                    group.addTask {
                        let signature = try key.sign(message: [number], scheme: scheme)
                        return key.publicKey.verify(signature, message: [number], scheme: scheme)
                    }
                }
                return try await group.reduce(into: 0) { $0 += $1 ? 1 : 0 }
            }
            #expect(valid == 32)
        }
    }
}

struct ECDSASignatureTests {
    @Test(arguments: EllipticCurve.allCases) func `both forms mean the same`(curve: EllipticCurve) throws {
        let key = try PrivateKey.generate(.ec(curve))
        for number in UInt8(0)..<40 {
            let der = try key.sign(message: [number], scheme: .ecdsa(.sha256))
            let raw = try #require(ECDSASignature.raw(fromDER: der, curve: curve))
            #expect(raw.count == 2 * curve.coordinateLength)
            #expect(ECDSASignature.der(fromRaw: raw, curve: curve) == der)
        }
    }

    @Test func `raw ones of a wrong length or with a zero half are refused`() {
        let half = [UInt8](repeating: 1, count: 32)
        let zero = [UInt8](repeating: 0, count: 32)
        #expect(ECDSASignature.der(fromRaw: half + half, curve: .p256) != nil)
        for raw in [half, half + half.dropLast(), half + half + [1], zero + half, half + zero, []] {
            #expect(ECDSASignature.der(fromRaw: raw, curve: .p256) == nil)
        }
    }

    @Test(arguments: [
        ("308006020101020101", "a tag that is not SEQUENCE's content"),
        ("30800201010201010000", "an indefinite length"),
        ("3081060201010201 01", "a length that is longer than it must be"),
        ("30060201010201", "a missing byte"),
        ("3006020101020101 00", "a byte after the sequence"),
        ("3009020101020101020101", "a third number"),
        ("30070202000102 0101", "a padded number"),
        ("3006020100020101", "r = 0"),
        ("3006020101020100", "s = 0"),
        ("3006020181020101", "a negative number"),
        ("30050200020101", "a number without bytes"),
        ("3106020101020101", "a SET"),
        ("30250221 010000000000000000000000000000000000000000000000000000000000000000 0201 01", "33 bytes"),
    ])
    func `DER with one thing wrong is refused`(text: String, what: String) throws {
        #expect(ECDSASignature.raw(fromDER: try hex("3006020101020101"), curve: .p256) != nil)
        #expect(ECDSASignature.raw(fromDER: try hex(text), curve: .p256) == nil, "\(what)")
    }
}

extension SignatureScheme {
    /// What a message is hashed with first; for Ed25519, which has no digest form, any.
    fileprivate var hashForTests: HashAlgorithm {
        switch self {
        case .ecdsa(let hash), .rsaPKCS1(let hash), .rsaPSS(let hash): hash
        case .ed25519: .sha256
        }
    }
}
