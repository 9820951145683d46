// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import Foundation
import TestSupport
import Testing

extension SecretBytes {
    fileprivate borrowing func array() -> [UInt8] {
        withBytes { bytes in (0..<bytes.byteCount).map { unsafe bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) } }
    }

    fileprivate init(_ bytes: [UInt8]) throws {
        try self.init(copying: bytes)
    }
}

/// A recipient as the `openssl` command sees it: a key, and a certificate that names it as KMS does.
private struct Recipient: Sendable {
    let directory: TemporaryDirectory
    let key: PrivateKey
    let keyPath: String
    let certificatePath: String

    /// With RSA-2048, as KMS is given: made once, for keys take their time.
    static func usual() async throws -> Recipient { try await made.value }
    private static let made = Task { try await Recipient(bits: 2048) }

    init(bits: Int) async throws {
        directory = try TemporaryDirectory()
        key = try PrivateKey.generate(.rsa(bits: bits))
        let der = try directory.write(try key.pkcs8().array(), as: "key.der").path
        keyPath = directory.url.appendingPathComponent("key.pem").path
        certificatePath = directory.url.appendingPathComponent("certificate.pem").path
        try await openssl("pkey", "-inform", "DER", "-in", der, "-out", keyPath)
        try await openssl(
            "req",
            "-x509",
            "-new",
            "-key",
            keyPath,
            "-subj",
            "/CN=recipient",
            "-out",
            certificatePath,
            "-addext",
            "subjectKeyIdentifier=\(Hex.encode(Hash.digest(.sha256, key.publicKey.spki)))"
        )
    }

    func path(_ name: String) -> String { directory.url.appendingPathComponent(name).path }
}

@discardableResult
private func openssl(_ arguments: String..., input: [UInt8] = []) async throws -> [UInt8] {
    let result = try await Tool.run("openssl", arguments, input: input)
    try #require(result.status == 0, "openssl \(arguments.joined(separator: " ")): \(result.errors)")
    return result.output
}

private func opens(_ message: [UInt8], _ key: PrivateKey) -> Bool {
    do throws(CMSError) {
        return try CMSEnvelopedData.open(message, key: key).count > 0
    } catch {
        return false
    }
}

struct `CMS envelopes and the openssl command` {
    private static let oaep = ["-keyopt", "rsa_padding_mode:oaep", "-keyopt", "rsa_oaep_md:sha256"]
    private static let plaintext = [UInt8]("a data key, or a wallet in JSON".utf8)

    /// What openssl makes, after it has opened it itself.
    private static func made(_ options: [String], for recipient: Recipient, _ text: [UInt8] = plaintext) async throws
        -> [UInt8]
    {
        let result = try await Tool.run(
            "openssl",
            ["cms", "-encrypt", "-binary", "-outform", "DER"] + options,
            input: text
        )
        try #require(result.status == 0, "\(result.errors)")
        #expect(try await openedByOpenSSL(result.output, recipient) == text)
        return result.output
    }

    private static func openedByOpenSSL(_ message: [UInt8], _ recipient: Recipient) async throws -> [UInt8] {
        try await openssl("cms", "-decrypt", "-inform", "DER", "-inkey", recipient.keyPath, "-binary", input: message)
    }

    @Test(arguments: [[], ["-stream"]])
    func `what openssl seals as KMS does opens, in DER and in a stream`(form: [String]) async throws {
        let recipient = try await Recipient.usual()
        let message = try await Self.made(
            form + ["-aes256", "-keyid", "-recip", recipient.certificatePath] + Self.oaep,
            for: recipient
        )
        #expect(try CMSEnvelopedData.open(message, key: recipient.key).array() == Self.plaintext)
    }

    @Test(arguments: [
        ("-aes256 -keyid", "", "PKCS #1 v1.5"),
        ("-aes256 -keyid", "-keyopt rsa_padding_mode:oaep", "OAEP with SHA-1"),
        ("-aes256 -keyid", "-keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha384", "OAEP with SHA-384"),
        (
            "-aes256 -keyid", "-keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256 -keyopt rsa_mgf1_md:sha1",
            "MGF1 with SHA-1"
        ),
        (
            "-aes256 -keyid", "-keyopt rsa_padding_mode:oaep -keyopt rsa_oaep_md:sha256 -keyopt rsa_oaep_label:616263",
            "a label"
        ),
        ("-aes128 -keyid", oaep.joined(separator: " "), "AES-128"),
        ("-aes192 -keyid", oaep.joined(separator: " "), "AES-192"),
        ("-des3 -keyid", oaep.joined(separator: " "), "triple DES"),
        ("-aes256", oaep.joined(separator: " "), "a recipient by issuer and serial"),
    ])
    func `what openssl seals otherwise is refused`(before: String, after: String, what: String) async throws {
        let recipient = try await Recipient.usual()
        let message = try await Self.made(
            before.split(separator: " ").map(String.init) + ["-recip", recipient.certificatePath]
                + after.split(separator: " ").map(String.init),
            for: recipient
        )
        #expect(!opens(message, recipient.key), "\(what)")
    }

    @Test func `a message to two recipients is refused`() async throws {
        let recipient = try await Recipient.usual()
        let other = try await Recipient(bits: 2048)
        let message = try await Self.made(
            ["-aes256", "-keyid", "-recip", recipient.certificatePath] + Self.oaep + ["-recip", other.certificatePath]
                + Self.oaep,
            for: recipient
        )
        #expect(!opens(message, recipient.key))
        #expect(!opens(message, other.key))
    }

    @Test func `a message above 6144 bytes is refused`() async throws {
        let recipient = try await Recipient.usual()
        let options = ["-aes256", "-keyid", "-recip", recipient.certificatePath] + Self.oaep
        let fits = try await Self.made(options, for: recipient, [UInt8](repeating: 7, count: 5600))
        #expect(fits.count <= 6144 && opens(fits, recipient.key))
        let exceeds = try await Self.made(options, for: recipient, [UInt8](repeating: 7, count: 5760))
        #expect(exceeds.count > 6144 && !opens(exceeds, recipient.key))
    }

    // MARK: Padding

    /// Padded blocks and what they open to.
    private static let paddings: [(blocks: [UInt8], plaintext: [UInt8]?)] = {
        let block = [UInt8](1...16)
        func end(_ bytes: [UInt8]) -> [UInt8] { block + block.prefix(16 - bytes.count) + bytes }
        var cases: [(blocks: [UInt8], plaintext: [UInt8]?)] = []
        for count in 1...16 {
            let padding = [UInt8](repeating: UInt8(count), count: count)
            cases.append((end(padding), block + block.prefix(16 - count)))
            for wrong in 0..<(count - 1) {
                var padding = padding
                padding[wrong] ^= 0x10
                cases.append((end(padding), nil))
            }
        }
        for last: UInt8 in [0, 17, 32, 48, 128, 0x90, 255] {
            cases.append((end([last]), nil))
            cases.append((end([UInt8](repeating: last, count: 16)), nil))
        }
        // Nothing but padding: KMS has no empty plaintext.
        cases.append(([UInt8](repeating: 16, count: 16), nil))
        cases.append((block + [UInt8](repeating: 32, count: 32), nil))
        return cases
    }()

    @Test(.enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)))
    func `exactly right padding is taken off`() async throws {
        // The content key of this message is published with it.
        let contentKey = "e869358cd1b64ae7fc55a777845fb536360f6be78f8f3fc445497ee8c01a9ab7"
        let iv = "432bffaba264af82ce07c9bebeb52531"
        var builder = EnvelopeBuilder(takingApart: try SharedData.bytes("cms/edgebit-generatedatakey.ber"))
        let key = try recordedKey("cms/edgebit-generatedatakey.key.der")
        let ciphertexts = try await Self.encrypted(Self.paddings.map(\.blocks), key: contentKey, iv: Hex.decode(iv))
        for ((blocks, plaintext), ciphertext) in zip(Self.paddings, ciphertexts) {
            builder.content = EnvelopeBuilder.chunks([ciphertext])
            let opened: [UInt8]?
            do throws(CMSError) {
                opened = try CMSEnvelopedData.open(builder.encoded, key: key).array()
            } catch {
                opened = nil
            }
            #expect(opened == plaintext, "\(Hex.encode(blocks))")
        }
    }

    /// CBC (NIST SP 800-38A section 6.2) with `openssl`'s ECB: the first blocks of all messages in one process, then the
    /// second ones, and so on.
    private static func encrypted(_ messages: [[UInt8]], key: String, iv: [UInt8]) async throws -> [[UInt8]] {
        var ciphertexts = [[UInt8]](repeating: [], count: messages.count)
        for start in stride(from: 0, to: messages.map(\.count).max() ?? 0, by: 16) {
            let going = messages.indices.filter { messages[$0].count > start }
            let input = going.flatMap { index in
                zip(messages[index][start..<start + 16], start == 0 ? iv : ciphertexts[index].suffix(16)).map {
                    $0 ^ $1
                }
            }
            let output = try await openssl("enc", "-aes-256-ecb", "-nopad", "-K", key, input: input)
            for (place, index) in going.enumerated() { ciphertexts[index] += output[16 * place..<16 * place + 16] }
        }
        return ciphertexts
    }

    // MARK: Sealing

    @Test(
        .enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)),
        arguments: ["edgebit-generatedatakey", "aws-samples-eth-wallet", "enclaver-hello-world"]
    )
    func `a sealed envelope has the bytes of real KMS outside key, IV and ciphertext`(name: String) throws {
        let message = try SharedData.bytes("cms/\(name).ber")
        let plaintext = try SharedData.bytes("cms/\(name).plaintext.bin")
        let key = try recordedKey("cms/\(name).key.der")
        let sealed = try CMSEnvelopedData.seal(SecretBytes(plaintext), to: key.publicKey, random: SecureRandom.bytes)
        #expect(sealed != message)
        #expect(masked(sealed, plaintext.count) == masked(message, plaintext.count))
        #expect(try CMSEnvelopedData.open(sealed, key: key).array() == plaintext)
    }

    /// Zeros for the encrypted key, the IV and the ciphertext.
    private func masked(_ message: [UInt8], _ plaintextLength: Int) -> [UInt8] {
        var masked = message
        let ciphertextLength = plaintextLength / 16 * 16 + 16
        let end = message.count - 10
        for range in [131..<387, 415..<431, (end - ciphertextLength)..<end] {
            masked.replaceSubrange(range, with: repeatElement(0, count: range.count))
        }
        return masked
    }

    @Test(arguments: [(2048, 32), (2048, 1), (2048, 16), (2048, 255), (2048, 4096), (3072, 32), (4096, 2400)])
    func `openssl opens what is sealed`(bits: Int, count: Int) async throws {
        let recipient = bits == 2048 ? try await Recipient.usual() : try await Recipient(bits: bits)
        let plaintext = try SecureRandom.bytes(count: count)
        let sealed = try CMSEnvelopedData.seal(
            SecretBytes(plaintext),
            to: recipient.key.publicKey,
            random: SecureRandom.bytes
        )
        #expect(try await Self.openedByOpenSSL(sealed, recipient) == plaintext)
        #expect(try CMSEnvelopedData.open(sealed, key: recipient.key).array() == plaintext)
    }

    @Test func `key and IV come from the given source of randomness, the key first`() async throws {
        let recipient = try await Recipient.usual()
        let plaintext = Self.plaintext
        let sealed = try CMSEnvelopedData.seal(SecretBytes(plaintext), to: recipient.key.publicKey) { count in
            [UInt8](repeating: UInt8(count), count: count)
        }
        let expected = try await openssl(
            "enc",
            "-aes-256-cbc",
            "-K",
            String(repeating: "20", count: 32),
            "-iv",
            String(repeating: "10", count: 16),
            input: plaintext
        )
        #expect([UInt8](sealed.dropLast(10).suffix(expected.count)) == expected)
    }

    @Test func `nothing, too much, and a key that is not RSA cannot be sealed`() throws {
        let rsa = try PrivateKey.generate(.rsa(bits: 2048)).publicKey
        let ec = try PrivateKey.generate(.ec(.p256)).publicKey
        #expect(throws: CryptographyError(.invalidLength)) {
            try CMSEnvelopedData.seal(SecretBytes([]), to: rsa, random: SecureRandom.bytes)
        }
        #expect(throws: CryptographyError(.invalidLength)) {
            try CMSEnvelopedData.seal(
                SecretBytes([UInt8](repeating: 0, count: 5712)),
                to: rsa,
                random: SecureRandom.bytes
            )
        }
        #expect(throws: CryptographyError(.unsupportedKey)) {
            try CMSEnvelopedData.seal(SecretBytes([1]), to: ec, random: SecureRandom.bytes)
        }
    }
}
