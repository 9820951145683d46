// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import TestSupport
import Testing

/// Every verdict of C2SP/wycheproof for what is offered here.
@Suite(.enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)))
struct WycheproofTests {
    struct SignatureFile: Sendable, CustomTestStringConvertible {
        let name: String
        let scheme: SignatureScheme
        /// Signatures are `r || s`.
        var rawCurve: EllipticCurve?
        var testDescription: String { name }
    }

    /// Every algorithm that signs here. Files that the test data does not have are left out.
    static let signatureFiles: [SignatureFile] = {
        var files = [
            SignatureFile(name: "ecdsa_secp256r1_sha256", scheme: .ecdsa(.sha256)),
            SignatureFile(name: "ecdsa_secp256r1_sha256_p1363", scheme: .ecdsa(.sha256), rawCurve: .p256),
            SignatureFile(name: "ecdsa_secp384r1_sha256", scheme: .ecdsa(.sha256)),
            SignatureFile(name: "ecdsa_secp384r1_sha512", scheme: .ecdsa(.sha512)),
            SignatureFile(name: "ecdsa_secp384r1_sha384", scheme: .ecdsa(.sha384)),
            SignatureFile(name: "ecdsa_secp384r1_sha384_p1363", scheme: .ecdsa(.sha384), rawCurve: .p384),
            SignatureFile(name: "ecdsa_secp521r1_sha512", scheme: .ecdsa(.sha512)),
            SignatureFile(name: "ecdsa_secp521r1_sha512_p1363", scheme: .ecdsa(.sha512), rawCurve: .p521),
            SignatureFile(name: "ecdsa_secp256k1_sha256", scheme: .ecdsa(.sha256)),
            SignatureFile(name: "ecdsa_secp256k1_sha256_p1363", scheme: .ecdsa(.sha256), rawCurve: .secp256k1),
            SignatureFile(name: "ed25519", scheme: .ed25519),
        ]
        for bits in [2048, 3072, 4096] {
            for (hash, salt) in [(HashAlgorithm.sha256, 32), (.sha384, 48), (.sha512, 64)] {
                let name = "\(bits)_\(hash.rawValue)"
                files.append(SignatureFile(name: "rsa_signature_\(name)", scheme: .rsaPKCS1(hash)))
                files.append(SignatureFile(name: "rsa_pss_\(name)_mgf1_\(salt)", scheme: .rsaPSS(hash)))
            }
        }
        return files.filter { Wycheproof.has($0.name) }
    }()

    static let macFiles = [
        ("hmac_sha224", HashAlgorithm.sha224), ("hmac_sha256", .sha256), ("hmac_sha384", .sha384),
        ("hmac_sha512", .sha512),
    ].filter { Wycheproof.has($0.0) }

    @Test(arguments: ["ecdsa_", "ed25519", "rsa_signature_", "rsa_pss_", "hmac_"])
    func `the test data has vectors of each kind`(kind: String) {
        #expect((Self.signatureFiles.map(\.name) + Self.macFiles.map(\.0)).contains { $0.hasPrefix(kind) })
    }

    @Test(arguments: signatureFiles)
    func `gives every signature its verdict`(file: SignatureFile) throws {
        let suite = try Wycheproof(file.name)
        var count = 0
        for group in suite.testGroups {
            let key = try PublicKey(spki: hex(#require(group.publicKeyDer)))
            let verifier = SignatureVerifier(key, scheme: file.scheme)
            let hash: HashAlgorithm? =
                switch file.scheme {
                case .ecdsa(let hash), .rsaPKCS1(let hash), .rsaPSS(let hash): hash
                case .ed25519: nil
                }
            for vector in group.tests {
                let message = try hex(#require(vector.msg))
                let signature = try hex(#require(vector.sig))
                let der = file.rawCurve.map { ECDSASignature.der(fromRaw: signature, curve: $0) } ?? signature
                let isAccepted = der.map { key.verify($0, message: message, scheme: file.scheme) } ?? false
                // The one "acceptable" vector of each RSA file lacks NULL in DigestInfo: refused, as RFC 8017 wants.
                #expect(isAccepted == vector.isValid, "\(vector)")
                // With contexts that saw the vectors before, right and wrong ones.
                let signed = hash.map { Hash.digest($0, message) } ?? message
                #expect((der.map { verifier.verify($0, signed: signed) } ?? false) == vector.isValid, "\(vector)")
                count += 1
            }
        }
        #expect(count == suite.numberOfTests)
    }

    @Test(arguments: ["ecdsa_secp256r1_sha256", "ecdsa_secp384r1_sha384"])
    func `reads r and s of every valid DER signature and writes the same DER again`(name: String) throws {
        let curve: EllipticCurve = name.contains("256r1") ? .p256 : .p384
        for vector in try Wycheproof(name).testGroups.flatMap(\.tests) {
            let der = try hex(#require(vector.sig))
            let raw = ECDSASignature.raw(fromDER: der, curve: curve)
            if vector.isValid { #expect(raw?.count == 2 * curve.coordinateLength, "\(vector)") }
            if let raw { #expect(ECDSASignature.der(fromRaw: raw, curve: curve) == der, "\(vector)") }
            if vector.flags.contains("BerEncodedSignature") || vector.flags.contains("InvalidEncoding") {
                #expect(raw == nil, "\(vector)")
            }
        }
    }

    @Test(arguments: [2048]) func `gives every OAEP ciphertext its verdict`(bits: Int) throws {
        let suite = try Wycheproof("rsa_oaep_\(bits)_sha256_mgf1sha256")
        for group in suite.testGroups {
            let key = try PrivateKey(pkcs8: secret(hex(#require(group.privateKeyPkcs8))))
            for vector in group.tests {
                let ciphertext = try hex(#require(vector.ct))
                // There is no label here: ciphertexts made with one do not open.
                guard vector.isValid, vector.label == "" else {
                    #expect(
                        code { () throws(CryptographyError) in _ = try key.decryptOAEP(ciphertext) }
                            == .authenticationFailed,
                        "\(vector)"
                    )
                    continue
                }
                #expect(exposed(try key.decryptOAEP(ciphertext)) == (try hex(#require(vector.msg))), "\(vector)")
            }
        }
    }

    @Test(arguments: macFiles)
    func `gives every HMAC its verdict`(name: String, hash: HashAlgorithm) throws {
        for group in try Wycheproof(name).testGroups {
            let length = try #require(group.tagSize) / 8
            for vector in group.tests {
                let key = try hex(#require(vector.key))
                let message = try hex(#require(vector.msg))
                let mac = HMAC.authenticate(hash, key: try secret(key), message: message)
                #expect(mac == HMAC.authenticate(hash, key: key, message: message))
                let isEqual = constantTimeEquals(Array(mac.prefix(length)), try hex(#require(vector.tag)))
                #expect(isEqual == vector.isValid, "\(vector)")
            }
        }
    }

    @Test(arguments: [("hkdf_sha384", HashAlgorithm.sha384)])
    func `derives what every HKDF vector says`(name: String, hash: HashAlgorithm) throws {
        for vector in try Wycheproof(name).testGroups.flatMap(\.tests) {
            let key = try HKDF.extract(
                hash,
                salt: hex(#require(vector.salt)),
                input: secret(hex(#require(vector.ikm)))
            )
            let info = try hex(#require(vector.info))
            let size = try #require(vector.size)
            guard vector.isValid else {
                #expect(
                    code { () throws(CryptographyError) in
                        _ = try HKDF.expand(hash, key: key, info: info, count: size)
                    } == .invalidLength,
                    "\(vector)"
                )
                continue
            }
            let derived = try HKDF.expand(hash, key: key, info: info, count: size)
            #expect(exposed(derived) == (try hex(#require(vector.okm))), "\(vector)")
        }
    }

    @Test func `gives every AES-GCM vector its verdict, and refuses other key and nonce sizes`() throws {
        for group in try Wycheproof("aes_gcm").testGroups {
            let isOffered = group.keySize == 256 && group.ivSize == 96
            for vector in group.tests {
                let key = try secret(hex(#require(vector.key)))
                let nonce = try hex(#require(vector.iv))
                let additionalData = try hex(#require(vector.aad))
                let message = try hex(#require(vector.msg))
                let sealed = try hex(#require(vector.ct)) + hex(#require(vector.tag))
                let failure = code { () throws(CryptographyError) in
                    let opened = try AESGCM.open(sealed, key: key, nonce: nonce, additionalData: additionalData)
                    #expect(exposed(opened) == message, "\(vector)")
                }
                guard isOffered else {
                    #expect(failure == .invalidLength, "\(vector)")
                    continue
                }
                #expect(failure == (vector.isValid ? nil : .authenticationFailed), "\(vector)")
                if vector.isValid {
                    #expect(
                        try AESGCM.seal(message, key: key, nonce: nonce, additionalData: additionalData) == sealed
                    )
                }
            }
        }
    }
}
