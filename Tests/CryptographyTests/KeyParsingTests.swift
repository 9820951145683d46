// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import TestSupport
import Testing

/// Keys that others made, and keys with one thing wrong.
struct KeyParsingTests {
    static let generators: [(arguments: [String], algorithm: KeyAlgorithm)] = [
        (["-algorithm", "ed25519"], .ed25519),
        (["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], .ec(.p256)),
        (["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-384"], .ec(.p384)),
        (["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-521"], .ec(.p521)),
        (["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:secp256k1"], .ec(.secp256k1)),
        (["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], .rsa(bits: 2048)),
        (
            ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-pkeyopt", "rsa_keygen_pubexp:3"],
            .rsa(bits: 2048)
        ),
    ]

    @Test func `keys that are read one after the other, and at once, with broken ones between, are the keys they were`()
        async throws
    {
        let algorithms: [KeyAlgorithm] = [.rsa(bits: 2048), .ec(.p256), .ec(.p384), .ec(.secp256k1), .ed25519]
        let keys = try algorithms.map { try PrivateKey.generate($0) }
        let texts = try keys.map { exposed(try $0.pkcs8()) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for round in 0..<40 {
                group.addTask {
                    let index = round % keys.count
                    var broken = texts[index]
                    broken[broken.count / 2] ^= 0x55
                    // Damaged in the middle: another key, or none; a decoder that met it decodes on.
                    _ = try? PrivateKey(uncheckedPKCS8: secret(broken))
                    let read = try PrivateKey(uncheckedPKCS8: secret(texts[index]))
                    #expect(read.publicKey == keys[index].publicKey)
                    #expect(exposed(try read.pkcs8()) == texts[index])
                }
            }
            try await group.waitForAll()
        }
    }

    @Test(arguments: generators) func `reads keys that the openssl command made`(
        arguments: [String],
        algorithm: KeyAlgorithm
    ) async throws {
        let openssl = try OpenSSLCommand()
        try await openssl.succeed(["genpkey"] + arguments + ["-outform", "DER", "-out", "key.der"])
        try await openssl.succeed(
            "pkcs8",
            "-topk8",
            "-nocrypt",
            "-inform",
            "DER",
            "-in",
            "key.der",
            "-outform",
            "DER",
            "-out",
            "p8.der"
        )
        try await openssl.succeed("pkey", "-inform", "DER", "-in", "p8.der", "-out", "key.pem")
        try await openssl.succeed("pkey", "-in", "key.pem", "-pubout", "-outform", "DER", "-out", "spki.der")
        try await openssl.succeed("pkey", "-in", "key.pem", "-pubout", "-out", "spki.pem")

        let key = try PrivateKey(pkcs8: secret(openssl.read("p8.der")))
        #expect(key.algorithm == algorithm)
        #expect(key.publicKey.spki == (try openssl.read("spki.der")))
        #expect(Array(key.publicKey.pem.utf8) == (try openssl.read("spki.pem")))
        #expect(exposed(try key.pkcs8()) == (try openssl.read("p8.der")))
        #expect(try PrivateKey(pem: secret(openssl.read("key.pem"))).publicKey == key.publicKey)
        #expect(try PublicKey(spki: openssl.read("spki.der")) == key.publicKey)

        if algorithm != .ed25519 {
            try await openssl.succeed("pkey", "-in", "key.pem", "-traditional", "-out", "old.pem")
            let old = try openssl.read("old.pem")
            #expect(
                String(decoding: old, as: UTF8.self).contains(algorithm == .rsa(bits: 2048) ? "BEGIN RSA" : "BEGIN EC")
            )
            #expect(try PrivateKey(pem: secret(old)).publicKey == key.publicKey)
        }
    }

    @Test func `reads what ecparam writes, with the parameters before the key`() async throws {
        let openssl = try OpenSSLCommand()
        try await openssl.succeed("ecparam", "-name", "prime256v1", "-genkey", "-out", "key.pem")
        let pem = try openssl.read("key.pem")
        #expect(String(decoding: pem, as: UTF8.self).contains("BEGIN EC PARAMETERS"))
        #expect(try PrivateKey(pem: secret(pem)).algorithm == .ec(.p256))
    }

    @Test func `refuses encrypted keys without asking for a passphrase`() async throws {
        let openssl = try OpenSSLCommand()
        try await openssl.succeed("genpkey", "-algorithm", "ed25519", "-aes256", "-pass", "pass:x", "-out", "new.pem")
        try await openssl.succeed("genrsa", "-aes256", "-traditional", "-passout", "pass:x", "-out", "old.pem", "2048")
        let new = try secret(openssl.read("new.pem"))
        let old = try secret(openssl.read("old.pem"))
        #expect(code { () throws(CryptographyError) in _ = try PrivateKey(pem: new) } == .unsupportedKey)
        #expect(code { () throws(CryptographyError) in _ = try PrivateKey(pem: old) } == .malformedKey)
    }

    @Test func `refuses PEM that is not exactly one private key`() async throws {
        let openssl = try OpenSSLCommand()
        try await openssl.succeed("genpkey", "-algorithm", "ed25519", "-out", "key.pem")
        let pem = String(decoding: try openssl.read("key.pem"), as: UTF8.self)
        #expect(
            try PrivateKey(pem: secret(Array("a comment\r\n\(pem.replacing("\n", with: "\r\n"))".utf8))).algorithm
                == .ed25519
        )
        for text in [
            "", "x", pem + pem, String(pem.dropLast(30)), pem.replacing("END PRIVATE", with: "END EC PRIVATE"),
            pem.replacing("MC4C", with: "MC4*"), pem.replacing("MC4C", with: "MC4"),
            pem.replacing("\n-----END", with: "=\n-----END"), pem.replacing("\n-----END", with: "AAAA\n-----END"),
        ] {
            let bytes = try secret(Array(text.utf8))
            #expect(code { () throws(CryptographyError) in _ = try PrivateKey(pem: bytes) } == .malformedKey, "\(text)")
        }
    }

    static let unsupported: [(arguments: [String], what: String)] = [
        (
            ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt", "ec_param_enc:explicit"],
            "explicit parameters"
        ),
        (["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:brainpoolP256r1"], "another curve"),
        (["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"], "a short modulus"),
        (
            ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-pkeyopt", "rsa_keygen_pubexp:1099511627777"],
            "a large exponent"
        ),
        (["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-pkeyopt", "rsa_keygen_primes:3"], "three primes"),
        (["-algorithm", "RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"], "a key for PSS only"),
        (["-algorithm", "X25519"], "a key that does not sign"),
        (["-algorithm", "ED448"], "another Edwards curve"),
    ]

    @Test(arguments: unsupported) func `refuses keys of other kinds`(arguments: [String], what: String) async throws {
        let openssl = try OpenSSLCommand()
        try await openssl.succeed(["genpkey"] + arguments + ["-out", "key.pem"])
        try await openssl.succeed("pkey", "-in", "key.pem", "-pubout", "-outform", "DER", "-out", "spki.der")
        let pem = try secret(openssl.read("key.pem"))
        let spki = try openssl.read("spki.der")
        let isMultiPrime = what == "three primes"
        #expect(
            code { () throws(CryptographyError) in _ = try PrivateKey(pem: pem) }
                == (isMultiPrime ? .malformedKey : .unsupportedKey)
        )
        // The public half of a key with three primes looks like any other.
        #expect(
            code { () throws(CryptographyError) in _ = try PublicKey(spki: spki) }
                == (isMultiPrime ? nil : .unsupportedKey)
        )
    }

    @Test func `a short modulus is read where the caller says so`() async throws {
        let openssl = try OpenSSLCommand()
        try await openssl.succeed("genrsa", "-out", "key.pem", "1024")
        try await openssl.succeed("pkey", "-in", "key.pem", "-pubout", "-outform", "DER", "-out", "spki.der")
        let spki = try openssl.read("spki.der")
        #expect(try PublicKey(spki: spki, minimumRSABits: 1024).algorithm == .rsa(bits: 1024))
    }

    @Test func `refuses compressed points and points that are not on the curve`() async throws {
        let key = try PrivateKey.generate(.ec(.p256))
        let spki = key.publicKey.spki
        var moved = spki
        moved[spki.count - 1] ^= 1
        let infinity = Array(spki.dropLast(65)) + [UInt8](repeating: 0, count: 65)
        let openssl = try OpenSSLCommand()
        try openssl.write("spki.der", spki)
        try await openssl.succeed(
            "ec",
            "-pubin",
            "-inform",
            "DER",
            "-in",
            "spki.der",
            "-conv_form",
            "compressed",
            "-pubout",
            "-outform",
            "DER",
            "-out",
            "compressed.der"
        )
        for bytes in [moved, infinity, try openssl.read("compressed.der")] {
            #expect(code { () throws(CryptographyError) in _ = try PublicKey(spki: bytes) } == .malformedKey)
        }
        let x = Array(spki.suffix(64).prefix(32))
        let y = Array(moved.suffix(32))
        #expect(code { () throws(CryptographyError) in _ = try PublicKey(curve: .p256, x: x, y: y) } == .malformedKey)
        #expect(
            code { () throws(CryptographyError) in _ = try PublicKey(curve: .p256, x: x + [0], y: y) }
                == .invalidLength
        )
    }

    @Test(arguments: kinds) func `no truncated, extended or non-canonical key is read`(
        algorithm: KeyAlgorithm,
        scheme: SignatureScheme
    ) throws {
        let key = try TestKeys.key(algorithm)
        let spki = key.publicKey.spki
        let pkcs8 = exposed(try key.pkcs8())
        for (whole, isPublic) in [(spki, true), (pkcs8, false)] {
            var wrong = stride(from: 0, to: whole.count, by: 7).map { Array(whole.prefix($0)) }
            wrong.append(whole + [0])
            // The same length in a longer form, which DER forbids.
            let header = whole[1] < 0x80 ? 2 : 2 + Int(whole[1] & 0x7f)
            let count = whole.count - header
            wrong.append([0x30, 0x84, 0, 0, UInt8(count >> 8), UInt8(truncatingIfNeeded: count)] + whole[header...])
            for bytes in wrong {
                let bytesInside = try secret(bytes)
                let thrown = code { () throws(CryptographyError) in
                    if isPublic { _ = try PublicKey(spki: bytes) } else { _ = try PrivateKey(pkcs8: bytesInside) }
                }
                #expect(thrown == .malformedKey)
            }
        }
    }

    @Test func `reads a private key without its public point, and none with a compressed one`() async throws {
        let openssl = try OpenSSLCommand()
        try await openssl.succeed("ecparam", "-name", "secp384r1", "-genkey", "-noout", "-out", "key.pem")
        try await openssl.succeed("ec", "-in", "key.pem", "-no_public", "-out", "bare.pem")
        try await openssl.succeed("ec", "-in", "key.pem", "-conv_form", "compressed", "-out", "compressed.pem")
        let key = try PrivateKey(pem: secret(openssl.read("key.pem")))
        let bare = try PrivateKey(pem: secret(openssl.read("bare.pem")))
        #expect(bare.publicKey == key.publicKey)
        #expect(try PrivateKey(pkcs8: bare.pkcs8()).publicKey == key.publicKey)
        let compressed = try secret(openssl.read("compressed.pem"))
        #expect(code { () throws(CryptographyError) in _ = try PrivateKey(pem: compressed) } == .malformedKey)
    }

    @Test func `refuses a private key whose parts do not belong together`() async throws {
        let openssl = try OpenSSLCommand()
        // The private scalar of one key with the public point of another.
        let one = exposed(try PrivateKey.generate(.ec(.p256)).pkcs8())
        let other = exposed(try PrivateKey.generate(.ec(.p256)).pkcs8())
        #expect(one.count == other.count)
        let mixed = try secret(Array(one.dropLast(64)) + other.suffix(64))
        #expect(code { () throws(CryptographyError) in _ = try PrivateKey(pkcs8: mixed) } == .malformedKey)
        // An RSA key with one bit of a prime changed.
        try await openssl.succeed("genpkey", "-algorithm", "RSA", "-outform", "DER", "-out", "rsa.der")
        try await openssl.succeed(
            "pkcs8",
            "-topk8",
            "-nocrypt",
            "-inform",
            "DER",
            "-in",
            "rsa.der",
            "-outform",
            "DER",
            "-out",
            "p8.der"
        )
        var rsa = try openssl.read("p8.der")
        rsa[rsa.count - 200] ^= 2
        let changed = try secret(rsa)
        #expect(code { () throws(CryptographyError) in _ = try PrivateKey(pkcs8: changed) } == .malformedKey)
    }
}

struct DamagedKeyTests {
    static let kinds = CryptographyTests.kinds.filter { $0.algorithm == .ed25519 || $0.algorithm == .ec(.p256) }

    @Test(arguments: kinds) func `a public key with a changed bit is refused or another key`(
        algorithm: KeyAlgorithm,
        scheme: SignatureScheme
    ) throws {
        let key = try PrivateKey.generate(algorithm)
        let signature = try key.sign(message: [1], scheme: scheme)
        for bit in 0..<(8 * key.publicKey.spki.count) {
            var changed = key.publicKey.spki
            changed[bit / 8] ^= 1 << (bit % 8)
            guard let other = try? PublicKey(spki: changed) else { continue }
            #expect(other.spki == changed)
            #expect(!other.verify(signature, message: [1], scheme: scheme))
        }
    }

    @Test(arguments: kinds) func `a private key with a changed bit is refused or another sound key`(
        algorithm: KeyAlgorithm,
        scheme: SignatureScheme
    ) throws {
        let key = try PrivateKey.generate(algorithm)
        let pkcs8 = exposed(try key.pkcs8())
        for bit in 0..<(8 * pkcs8.count) {
            var changed = pkcs8
            changed[bit / 8] ^= 1 << (bit % 8)
            guard let other = try? PrivateKey(pkcs8: secret(changed)) else { continue }
            #expect(other.algorithm == algorithm)
            #expect(other.publicKey != key.publicKey, "bit \(bit) of \(Hex.encode(pkcs8.prefix(40)))")
            let signature = try other.sign(message: [1], scheme: scheme)
            #expect(other.publicKey.verify(signature, message: [1], scheme: scheme))
        }
    }

    @Test func `an unchecked private key is parsed as strictly`() throws {
        let key = try PrivateKey.generate(.ec(.p256))
        #expect(try PrivateKey(uncheckedPKCS8: key.pkcs8()).publicKey == key.publicKey)
        let extended = try secret(exposed(key.pkcs8()) + [0])
        #expect(code { () throws(CryptographyError) in _ = try PrivateKey(uncheckedPKCS8: extended) } == .malformedKey)
    }

    @Test func `a public key's PEM is read back, and nothing else`() throws {
        let key = try PrivateKey.generate(.ec(.p384)).publicKey
        #expect(try PublicKey(pem: key.pem) == key)
        for text in ["", key.pem + key.pem, key.pem.replacing("PUBLIC", with: "PRIVATE"), "x" + key.pem] {
            #expect(code { () throws(CryptographyError) in _ = try PublicKey(pem: text) } == .malformedKey)
        }
    }
}
