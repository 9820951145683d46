// SPDX-License-Identifier: Apache-2.0

import Cryptography
import TestSupport
import Testing

/// What is signed here verifies there, and the other way round.
struct OpenSSLInteroperationTests {
    private static func options(_ scheme: SignatureScheme) -> [String] {
        switch scheme {
        case .ed25519: []
        case .ecdsa: []
        case .rsaPKCS1(let hash):
            ["-pkeyopt", "rsa_padding_mode:pkcs1", "-pkeyopt", "digest:\(hash.rawValue)"]
        case .rsaPSS(let hash):
            [
                "-pkeyopt", "rsa_padding_mode:pss", "-pkeyopt", "digest:\(hash.rawValue)", "-pkeyopt",
                "rsa_pss_saltlen:digest",
            ]
        }
    }

    /// What `pkeyutl` takes: the digest, or for Ed25519 the message.
    private static func input(_ message: [UInt8], _ scheme: SignatureScheme) -> [UInt8] {
        switch scheme {
        case .ed25519: message
        case .ecdsa(let hash), .rsaPKCS1(let hash), .rsaPSS(let hash): Hash.digest(hash, message)
        }
    }

    @Test(arguments: kinds) func `the openssl command verifies signatures made here, and its own verify here`(
        algorithm: KeyAlgorithm,
        scheme: SignatureScheme
    ) async throws {
        let openssl = try OpenSSLCommand()
        let key = try TestKeys.key(algorithm)
        let message = Array("signed by one, verified by the other".utf8)
        try openssl.write("input", Self.input(message, scheme))
        try openssl.write("public.pem", Array(key.publicKey.pem.utf8))
        try openssl.write("private.der", exposed(try key.pkcs8()))
        let raw = scheme == .ed25519 ? ["-rawin"] : []

        let ours = try key.sign(message: message, scheme: scheme)
        try openssl.write("ours", ours)
        let verify = ["pkeyutl", "-verify", "-pubin", "-inkey", "public.pem", "-in", "input", "-sigfile", "ours"]
        try await openssl.succeed(verify + raw + Self.options(scheme))

        let sign = ["pkeyutl", "-sign", "-keyform", "DER", "-inkey", "private.der", "-in", "input", "-out", "theirs"]
        try await openssl.succeed(sign + raw + Self.options(scheme))
        let theirs = try openssl.read("theirs")
        #expect(key.publicKey.verify(theirs, message: message, scheme: scheme))

        // The command is a witness only if it refuses as well.
        try openssl.write("input", Self.input(message + [0], scheme))
        #expect(try await openssl.run(verify + raw + Self.options(scheme)).status != 0)
    }

    @Test(arguments: [20, 222]) func `a PSS salt of another length than the hash's is refused`(length: Int) async throws
    {
        let openssl = try OpenSSLCommand()
        let key = try TestKeys.key(.rsa(bits: 2048))
        let digest = Hash.digest(.sha256, [1])
        try openssl.write("digest", digest)
        try openssl.write("private.der", exposed(try key.pkcs8()))
        for (salt, isAccepted) in [(32, true), (length, false)] {
            try await openssl.succeed([
                "pkeyutl", "-sign", "-keyform", "DER", "-inkey", "private.der", "-in", "digest", "-out", "signature",
                "-pkeyopt", "rsa_padding_mode:pss", "-pkeyopt", "digest:sha256", "-pkeyopt", "rsa_pss_saltlen:\(salt)",
            ])
            let signature = try openssl.read("signature")
            #expect(key.publicKey.verify(signature, digest: digest, scheme: .rsaPSS(.sha256)) == isAccepted)
        }
    }

    @Test func `OAEP ciphertexts open on either side`() async throws {
        let openssl = try OpenSSLCommand()
        let key = try TestKeys.key(.rsa(bits: 2048))
        try openssl.write("public.pem", Array(key.publicKey.pem.utf8))
        try openssl.write("private.der", exposed(try key.pkcs8()))
        let options = [
            "-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", "rsa_oaep_md:sha256", "-pkeyopt", "rsa_mgf1_md:sha256",
        ]
        let plaintext = Array("a data key of thirty-two bytes..".utf8)

        try openssl.write("ours", try key.publicKey.encryptOAEP(secret(plaintext)))
        let opened = try await openssl.succeed(
            ["pkeyutl", "-decrypt", "-keyform", "DER", "-inkey", "private.der", "-in", "ours"] + options
        )
        #expect(opened.output == plaintext)

        try openssl.write("plaintext", plaintext)
        try await openssl.succeed(
            ["pkeyutl", "-encrypt", "-pubin", "-inkey", "public.pem", "-in", "plaintext", "-out", "theirs"] + options
        )
        #expect(exposed(try key.decryptOAEP(openssl.read("theirs"))) == plaintext)

        // SHA-1, which older KMS answers had, does not open.
        try await openssl.succeed([
            "pkeyutl", "-encrypt", "-pubin", "-inkey", "public.pem", "-in", "plaintext", "-out", "old", "-pkeyopt",
            "rsa_padding_mode:oaep",
        ])
        let old = try openssl.read("old")
        #expect(code { () throws(CryptographyError) in _ = try key.decryptOAEP(old) } == .authenticationFailed)
    }
}
