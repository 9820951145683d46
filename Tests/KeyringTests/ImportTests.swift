// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import KMSProtocol
import KeyService
import Keyring
import TestSupport
import Testing

/// Keys that the openssl command makes, each once.
private actor OpenSSLKeys {
    static let shared = OpenSSLKeys()

    static let specs: [KeySpec] = [
        .rsa2048, .rsa3072, .rsa4096, .eccNISTP256, .eccNISTP384, .eccNISTP521, .eccSECGP256K1, .eccNISTEdwards25519,
    ]

    private var made: [KeySpec: Task<[UInt8], any Error>] = [:]

    /// PKCS#8 in PEM.
    func key(_ spec: KeySpec) async throws -> [UInt8] {
        let task = made[spec] ?? Task { try await Self.openssl(["genpkey"] + Self.arguments(spec)) }
        made[spec] = task
        return try await task.value
    }

    private static func arguments(_ spec: KeySpec) -> [String] {
        func ec(_ curve: String) -> [String] { ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:\(curve)"] }
        func rsa(_ bits: Int) -> [String] { ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:\(bits)"] }
        return switch spec {
        case .rsa2048: rsa(2048)
        case .rsa3072: rsa(3072)
        case .rsa4096: rsa(4096)
        case .eccNISTP256: ec("P-256")
        case .eccNISTP384: ec("P-384")
        case .eccNISTP521: ec("P-521")
        case .eccSECGP256K1: ec("secp256k1")
        default: ["-algorithm", "ED25519"]
        }
    }

    static func openssl(_ arguments: [String], input: [UInt8] = []) async throws -> [UInt8] {
        let result = try await Tool.run("openssl", arguments, input: input)
        try #require(result.status == 0, "openssl \(arguments.joined(separator: " ")): \(result.errors)")
        return result.output
    }
}

@Suite struct ImportTests {
    private static func build(_ spec: KeySpec, _ file: [UInt8]) throws -> KeyRecord {
        let text = SpecificationTests.text(keys: #"[{"keySpec":"\#(spec.rawValue)","importFile":"old.key"}]"#)
        return try #require(try SpecificationTests.build(text, files: ["old.key": file]).keys.first)
    }

    /// What is said about a file that must be refused.
    private static func refusal(_ spec: KeySpec, _ file: [UInt8]) -> String? {
        let error = #expect(throws: KeyringBuildError.self) { try build(spec, file) }
        return error?.description
    }

    @Test(arguments: OpenSSLKeys.specs)
    fileprivate func `takes a key pair of openssl in every form, and gives it back unchanged`(spec: KeySpec)
        async throws
    {
        let pem = try await OpenSSLKeys.shared.key(spec)
        let der = try await OpenSSLKeys.openssl(["pkcs8", "-topk8", "-nocrypt", "-outform", "DER"], input: pem)
        let publicKey = try await OpenSSLKeys.openssl(["pkey", "-pubout", "-outform", "DER"], input: pem)
        let commented = Array("Bag Attributes\r\n    friendlyName: audit\r\n".utf8) + pem
        for file in [pem, der, commented] + (try await Self.traditional(spec, pem)) {
            let key = try Self.build(spec, file)
            #expect(key.origin == .imported)
            #expect(key.spki == publicKey)
            guard case .asymmetric(let pair) = key.material else {
                Issue.record("not a key pair")
                continue
            }
            #expect(try pair.pkcs8().array() == der)
        }
    }

    /// PKCS#1 or SEC1 in PEM and DER; none for Ed25519, which has no older form.
    private static func traditional(_ spec: KeySpec, _ pem: [UInt8]) async throws -> [[UInt8]] {
        guard spec != .eccNISTEdwards25519 else { return [] }
        let file = try await OpenSSLKeys.openssl(["pkey", "-traditional"], input: pem)
        let heading = spec.rawValue.hasPrefix("RSA") ? "-----BEGIN RSA PRIVATE KEY" : "-----BEGIN EC PRIVATE KEY"
        #expect(String(decoding: file, as: UTF8.self).hasPrefix(heading))
        let der = try await OpenSSLKeys.openssl(["pkey", "-traditional", "-outform", "DER"], input: pem)
        #expect(der.first == 0x30)
        return [file, der]
    }

    @Test func `takes what ecparam writes, with the parameters before the key`() async throws {
        let pem = try await OpenSSLKeys.openssl(["ecparam", "-name", "secp521r1", "-genkey"])
        #expect(String(decoding: pem, as: UTF8.self).hasPrefix("-----BEGIN EC PARAMETERS"))
        #expect(try Self.build(.eccNISTP521, pem).origin == .imported)
    }

    @Test func `takes what openssl ec and openssl rsa write, in DER too`() async throws {
        for (spec, command) in [(KeySpec.eccNISTP384, "ec"), (.rsa2048, "rsa")] {
            let pem = try await OpenSSLKeys.shared.key(spec)
            let publicKey = try await OpenSSLKeys.openssl(["pkey", "-pubout", "-outform", "DER"], input: pem)
            for more in [[], ["-outform", "DER"]] {
                let traditional = command == "rsa" ? ["-traditional"] : []
                let file = try await OpenSSLKeys.openssl([command] + traditional + more, input: pem)
                #expect(try Self.build(spec, file).spki == publicKey)
                // Cut, or with something behind it: nothing of the kind.
                #expect(throws: KeyringBuildError.self) { try Self.build(spec, Array(file.dropLast(9))) }
                if !more.isEmpty { #expect(throws: KeyringBuildError.self) { try Self.build(spec, file + [0]) } }
            }
        }
    }

    /// AWS KMS Developer Guide, "Requirements for imported key material".
    static let lengths: [(spec: KeySpec, accepted: ClosedRange<Int>)] = [
        (.symmetricDefault, 32...32), (.hmac224, 28...64), (.hmac256, 32...64), (.hmac384, 48...128),
        (.hmac512, 64...128),
    ]

    @Test(arguments: lengths)
    func `takes raw bytes of the lengths that KMS takes, and no other`(spec: KeySpec, accepted: ClosedRange<Int>) throws
    {
        for count in [0, 1, 27, 28, 31, 32, 33, 47, 48, 63, 64, 65, 127, 128, 129, 4096] {
            let file = try SecureRandom.bytes(count: count)
            guard accepted.contains(count) else {
                let message = try #require(Self.refusal(spec, file))
                #expect(
                    message.hasPrefix("keys[0].importFile, old.key: has \(count) bytes, and \(spec.rawValue) takes ")
                )
                continue
            }
            guard case .symmetric(let secret) = try Self.build(spec, file).material else {
                Issue.record("not symmetric")
                continue
            }
            #expect(secret.bytes.array() == file)
        }
    }

    @Test func `a key pair of another spec is refused by both names`() async throws {
        for held in OpenSSLKeys.specs {
            let pem = try await OpenSSLKeys.shared.key(held)
            for asked in OpenSSLKeys.specs where asked != held {
                #expect(
                    Self.refusal(asked, pem)
                        == "keys[0].importFile, old.key: is \(held.rawValue), and \(asked.rawValue) is asked for"
                )
            }
        }
    }

    @Test(arguments: lengths.map(\.spec))
    func `a key pair is never taken for raw bytes`(spec: KeySpec) async throws {
        let pem = try await OpenSSLKeys.shared.key(.eccNISTEdwards25519)
        let der = try await OpenSSLKeys.openssl(["pkcs8", "-topk8", "-nocrypt", "-outform", "DER"], input: pem)
        // Long enough for HMAC_384, both of them.
        #expect(der.count == 48 && pem.count == 119)
        #expect(
            Self.refusal(spec, pem)
                == "keys[0].importFile, old.key: is PEM (PRIVATE KEY), and \(spec.rawValue) takes raw bytes"
        )
        #expect(
            Self.refusal(spec, der)
                == "keys[0].importFile, old.key: is a key pair (PKCS#8), and \(spec.rawValue) takes raw bytes"
        )
    }

    @Test func `a short SEC1 key in DER is not taken for raw bytes either`() async throws {
        let pem = try await OpenSSLKeys.shared.key(.eccNISTP256)
        let der = try await OpenSSLKeys.openssl(["pkey", "-traditional", "-outform", "DER"], input: pem)
        #expect((64...128).contains(der.count))
        #expect(
            Self.refusal(.hmac512, der)
                == "keys[0].importFile, old.key: is a key pair (SEC1), and HMAC_512 takes raw bytes"
        )
    }

    @Test func `what is no usable private key is refused with what it is`() async throws {
        func openssl(_ arguments: String...) async throws -> [UInt8] {
            try await OpenSSLKeys.openssl(arguments, input: try await OpenSSLKeys.shared.key(.eccNISTP256))
        }
        let encrypted = "is encrypted: decrypt it first (openssl pkey -in FILE -out FILE)"
        let unknown =
            "is no private key in a known form (PKCS#8, SEC1 or PKCS#1, in DER or PEM, not encrypted)"
        let unsupported = "is a key of a kind, curve or size that no key spec has"
        let files: [(what: String, file: [UInt8], reason: String)] = [
            ("PKCS#8 with a passphrase", try await openssl("pkey", "-aes256", "-passout", "pass:x"), encrypted),
            (
                "SEC1 with a passphrase", try await openssl("ec", "-aes256", "-passout", "pass:x"),
                encrypted
            ),
            (
                "PKCS#8 with a passphrase in DER",
                try await openssl("pkcs8", "-topk8", "-passout", "pass:x", "-outform", "DER"),
                "is encrypted: decrypt it first (openssl pkey -inform DER -in FILE -out FILE)"
            ),
            ("public key", try await openssl("pkey", "-pubout"), "is a PUBLIC KEY, not a private key"),
            ("public key in DER", try await openssl("pkey", "-pubout", "-outform", "DER"), unknown),
            (
                "certificate", try await openssl("req", "-x509", "-key", "/dev/stdin", "-subj", "/CN=x"),
                "is a CERTIFICATE, not a private key"
            ),
            (
                "another curve",
                try await openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:brainpoolP256r1"),
                unsupported
            ),
            ("X25519", try await openssl("genpkey", "-algorithm", "X25519"), unsupported),
            (
                "RSA of 1024 bits",
                try await openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:1024"), unsupported
            ),
            ("32 raw bytes", try SecureRandom.bytes(count: 32), unknown),
            ("nothing", [], unknown),
        ]
        for (what, file, reason) in files {
            #expect(
                Self.refusal(.eccNISTP256, file)
                    == "keys[0].importFile, old.key: \(reason); ECC_NIST_P256 is asked for",
                "\(what)"
            )
        }
    }

    @Test func `an RSA key of a size between the specs is refused by its size`() async throws {
        let pem = try await OpenSSLKeys.openssl(["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2056"])
        #expect(
            Self.refusal(.rsa2048, pem)
                == "keys[0].importFile, old.key: is an RSA key of 2056 bits, and RSA_2048 is asked for"
        )
    }
}
