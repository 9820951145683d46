// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import TestSupport
import Testing

private typealias Builder = EnvelopeBuilder

extension SecretBytes {
    fileprivate borrowing func array() -> [UInt8] {
        withBytes { bytes in (0..<bytes.byteCount).map { unsafe bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) } }
    }
}

/// The plaintext, or nil when the envelope is refused.
private func opened(_ message: [UInt8], _ key: PrivateKey) -> [UInt8]? {
    do throws(CMSError) {
        return try CMSEnvelopedData.open(message, key: key).array()
    } catch {
        return nil
    }
}

@Suite(.enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)))
struct `CMS envelopes from KMS` {
    static let real = [
        "edgebit-generatedatakey", "0xsequence-a", "0xsequence-b", "aws-samples-eth-wallet", "enclaver-hello-world",
    ]
    static let synthetic = [
        "kms-shape-32B", "kms-shape-4096B-1000-chunks", "kms-shape-4096B-16-chunks", "kms-shape-odd-7-chunks",
        "definite-der-primitive", "definite-constructed", "indef-outer-primitive-content", "one-byte-plaintext",
        "sixteen-byte-plaintext-full-pad-block",
    ]

    @Test(arguments: real)
    func `an answer of real KMS opens to its published plaintext`(name: String) throws {
        let key = try recordedKey("cms/\(name).key.der")
        #expect(
            opened(try SharedData.bytes("cms/\(name).ber"), key) == (try SharedData.bytes("cms/\(name).plaintext.bin"))
        )
    }

    @Test(arguments: synthetic)
    func `another encoding of the same structure opens`(name: String) throws {
        let key = try recordedKey("cms/synthetic/key.der")
        let plaintext = try SharedData.bytes("cms/synthetic/\(name).plaintext.bin")
        #expect(opened(try SharedData.bytes("cms/synthetic/\(name).ber"), key) == plaintext)
    }

    @Test func `a message for another RSA key is refused`() throws {
        let key = try recordedKey("cms/synthetic/key.der")
        for name in Self.real { #expect(opened(try SharedData.bytes("cms/\(name).ber"), key) == nil) }
    }

    @Test func `a key that is not RSA opens nothing`() throws {
        let key = try PrivateKey.generate(.ec(.p384))
        #expect(opened(try SharedData.bytes("cms/0xsequence-a.ber"), key) == nil)
    }

    // MARK: Structure

    /// What makes a message unacceptable, alone.
    private static let wrongPieces: [(name: String, change: @Sendable (inout Builder) -> Void)] = [
        ("another content type", { $0.contentType = Builder.data }),
        ("EnvelopedData version 0", { $0.version = [2, 1, 0] }),
        ("EnvelopedData version 3", { $0.version = [2, 1, 3] }),
        ("EnvelopedData version in two bytes", { $0.version = [2, 2, 0, 2] }),
        ("recipient version 0", { $0.recipientVersion = [2, 1, 0] }),
        ("another recipient", { $0.recipientIdentifier[5] ^= 1 }),
        ("a 20-byte recipient identifier", { $0.recipientIdentifier = [0x80, 20] + $0.recipientIdentifier[2..<22] }),
        ("a recipient by issuer and serial", { $0.recipientIdentifier[0] = 0x30 }),
        ("two recipients", { $0.recipients = $0.recipient + $0.recipient }),
        ("no recipient", { $0.recipients = [] }),
        ("a key agreement recipient", { $0.recipients = [0xa1] + $0.recipient.dropFirst() }),
        ("originatorInfo", { $0.beforeRecipients = [0xa0, 0] }),
        ("PKCS #1 v1.5", { $0.keyTransport = Builder.rsaEncryption }),
        (
            "PKCS #1 v1.5 with its own parameters",
            {
                $0.keyTransport = Builder.rsaEncryption
                $0.oaepParameters = Builder.null
            }
        ),
        ("OAEP parameters absent", { $0.oaepParameters = [] }),
        ("OAEP parameters empty, which means SHA-1", { $0.oaepParameters = [0x30, 0] }),
        ("OAEP with SHA-1", { $0.oaepParameters = Builder.oaep(hash: Builder.sha1, mask: Builder.sha256) }),
        ("OAEP with SHA-384", { $0.oaepParameters = Builder.oaep(hash: Builder.sha384, mask: Builder.sha256) }),
        ("MGF1 with SHA-1", { $0.oaepParameters = Builder.oaep(hash: Builder.sha256, mask: Builder.sha1) }),
        (
            "a hash without MGF1, which means MGF1 with SHA-1",
            { $0.oaepParameters = Builder.tlv(0x30, Builder.tlv(0xa0, Builder.tlv(0x30, Builder.sha256))) }
        ),
        (
            "MGF1 without a hash, which means SHA-1",
            {
                $0.oaepParameters = Builder.tlv(
                    0x30,
                    Builder.tlv(0xa1, Builder.tlv(0x30, Builder.mgf1 + Builder.tlv(0x30, Builder.sha256)))
                )
            }
        ),
        (
            "a label",
            {
                $0.oaepParameters = Builder.oaep(
                    hash: Builder.sha256,
                    mask: Builder.sha256,
                    more: Builder.tlv(0xa2, Builder.tlv(0x30, Builder.pSpecified + [4, 1, 0x61]))
                )
            }
        ),
        (
            "an empty label spelt out",
            {
                $0.oaepParameters = Builder.oaep(
                    hash: Builder.sha256,
                    mask: Builder.sha256,
                    more: Builder.tlv(0xa2, Builder.tlv(0x30, Builder.pSpecified + [4, 0]))
                )
            }
        ),
        (
            "hash parameters that are not NULL",
            { $0.oaepParameters = Builder.oaep(hash: Builder.sha256 + [4, 0], mask: Builder.sha256) }
        ),
        (
            "a NULL with contents",
            { $0.oaepParameters = Builder.oaep(hash: Builder.sha256 + [5, 1, 0], mask: Builder.sha256) }
        ),
        ("an encrypted key one byte short", { $0.encryptedKey = Builder.tlv(4, $0.encryptedKey[4...].dropLast()) }),
        ("an encrypted key one byte long", { $0.encryptedKey = Builder.tlv(4, $0.encryptedKey[4...] + [0]) }),
        ("an encrypted key in pieces", { $0.encryptedKey = Builder.tlv(0x24, $0.encryptedKey) }),
        ("an encrypted key that does not decrypt", { $0.encryptedKey[100] ^= 1 }),
        (
            "an encrypted key above the modulus",
            { $0.encryptedKey.replaceSubrange(4..., with: repeatElement(255, count: 256)) }
        ),
        ("an inner content type that is not data", { $0.innerContentType = Builder.envelopedData }),
        ("AES-128-CBC", { $0.cipher = Builder.aes128CBC }),
        ("AES-256-GCM", { $0.cipher = Builder.aes256GCM }),
        ("triple DES", { $0.cipher = Builder.des3CBC }),
        ("no IV", { $0.cipherParameters = [] }),
        ("an IV of 15 bytes", { $0.cipherParameters = Builder.tlv(4, $0.cipherParameters[2...].dropLast()) }),
        ("an IV of 17 bytes", { $0.cipherParameters = Builder.tlv(4, $0.cipherParameters[2...] + [0]) }),
        ("no content", { $0.content = [] }),
        ("empty primitive content", { $0.content = [0x80, 0] }),
        ("no chunks", { $0.content = Builder.chunks([]) }),
        ("content of indefinite length in primitive form", { $0.content[0] = 0x80 }),
        ("an unprotected attribute", { $0.afterContent = [0xa1, 0] }),
        ("a trailing byte", { $0.trailing = [0] }),
        ("two trailing zero bytes", { $0.trailing = [0, 0] }),
        ("a second message behind", { $0.trailing = $0.encoded }),
    ]

    private static func builder() throws -> (Builder, PrivateKey) {
        let builder = Builder(takingApart: try SharedData.bytes("cms/synthetic/kms-shape-32B.ber"))
        return (builder, try recordedKey("cms/synthetic/key.der"))
    }

    @Test func `the unchanged pieces make a message that opens`() throws {
        let (builder, key) = try Self.builder()
        #expect(builder.encoded == (try SharedData.bytes("cms/synthetic/kms-shape-32B.ber")))
        #expect(opened(builder.encoded, key) != nil)
    }

    @Test(arguments: wrongPieces.map(\.name))
    func `a message with one wrong piece is refused`(name: String) throws {
        var (builder, key) = try Self.builder()
        let change = try #require(Self.wrongPieces.first { $0.name == name }?.change)
        change(&builder)
        #expect(opened(builder.encoded, key) == nil)
    }

    @Test func `absent NULL parameters are accepted`() throws {
        var (builder, key) = try Self.builder()
        let plaintext = opened(builder.encoded, key)
        for hash in [Builder.sha256, Builder.sha256 + Builder.null] {
            for mask in [Builder.sha256, Builder.sha256 + Builder.null] {
                builder.oaepParameters = Builder.oaep(hash: hash, mask: mask)
                #expect(opened(builder.encoded, key) == plaintext)
            }
        }
    }

    @Test func `chunks may have any length but none`() throws {
        var (builder, key) = try Self.builder()
        let plaintext = opened(builder.encoded, key)
        let ciphertext = [UInt8](builder.content[4..<52])
        builder.content = Builder.chunks(ciphertext.map { [$0] })
        #expect(opened(builder.encoded, key) == plaintext)
        builder.content = Builder.chunks([ciphertext, []])
        #expect(opened(builder.encoded, key) == nil)
        builder.content = Builder.chunks([[], ciphertext])
        #expect(opened(builder.encoded, key) == nil)
    }

    @Test func `a chunk that is itself constructed, or of another type, is refused`() throws {
        var (builder, key) = try Self.builder()
        let ciphertext = [UInt8](builder.content[4..<52])
        let chunk = Builder.tlv(0x04, ciphertext)
        for wrong in [
            Builder.tlv(0x24, chunk), Builder.indefinite(0x24, chunk), Builder.tlv(0x03, ciphertext),
            Builder.tlv(0x80, ciphertext), Builder.tlv(0x04, ciphertext.prefix(16)) + Builder.tlv(0x24, chunk),
        ] {
            builder.content = Builder.indefinite(0xa0, wrong)
            #expect(opened(builder.encoded, key) == nil)
        }
    }

    @Test func `content that is not whole blocks is refused`() throws {
        var (builder, key) = try Self.builder()
        let ciphertext = [UInt8](builder.content[4..<52])
        for count in [1, 15, 17, 31, 47] {
            builder.content = Builder.tlv(0x80, ciphertext.prefix(count))
            #expect(opened(builder.encoded, key) == nil)
        }
    }

    @Test func `every truncation is refused`() throws {
        let (builder, key) = try Self.builder()
        let message = builder.encoded
        for count in 0..<message.count { #expect(opened([UInt8](message.prefix(count)), key) == nil) }
    }

    @Test func `each end-of-contents is needed`() throws {
        let (builder, key) = try Self.builder()
        let message = builder.encoded
        for missing in 1...5 { #expect(opened([UInt8](message.dropLast(2 * missing)), key) == nil) }
        for index in 1...10 {
            var changed = message
            changed[message.count - index] = 1
            #expect(opened(changed, key) == nil)
        }
    }

    @Test func `lengths are in their shortest form, and within what holds them`() throws {
        var (builder, key) = try Self.builder()
        let version: [UInt8] = [2]
        for header: [UInt8] in [
            [0x81, 1], [0x82, 0, 1], [0x83, 0, 0, 1], [0x84, 0, 0, 0, 1], [0x80], [0x7f], [0x82, 0xff, 0xff],
            [0x84, 0xff, 0xff, 0xff, 0xff], [0x88, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], [0xff],
        ] {
            builder.version = [0x02] + header + version
            #expect(opened(builder.encoded, key) == nil)
        }
    }

    @Test func `the recipient and the algorithms have definite lengths`() throws {
        let (builder, key) = try Self.builder()
        var changed = builder
        changed.recipients = Builder.indefinite(0x30, [UInt8](builder.recipient[4...]))
        #expect(opened(changed.encoded, key) == nil)
        changed = builder
        changed.oaepParameters = Builder.indefinite(0x30, [UInt8](builder.oaepParameters[2...]))
        #expect(opened(changed.encoded, key) == nil)
    }

    // MARK: Damage

    @Test func `a flipped bit is refused, or changes the plaintext`() throws {
        let (builder, key) = try Self.builder()
        let message = builder.encoded
        let plaintext = opened(message, key)
        var generator = SplitMix64(seed: 7)
        for index in 0..<(message.count * 4) {
            var changed = message
            changed[index % message.count] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            #expect(opened(changed, key) != plaintext, "byte \(index % message.count)")
        }
    }

    @Test func `an encrypted key that does not decrypt is never made up for`() throws {
        // The key in its place is random: one in 256 leaves what looks like padding.
        var (builder, key) = try Self.builder()
        let encryptedKey = builder.encryptedKey
        for index in 0..<1500 {
            builder.encryptedKey = encryptedKey
            builder.encryptedKey[4 + index % 256] ^= UInt8(1 + index / 256)
            #expect(opened(builder.encoded, key) == nil)
        }
    }

    @Test func `random bytes are refused`() throws {
        let (_, key) = try Self.builder()
        var generator = SplitMix64(seed: 8)
        for _ in 0..<2000 {
            let count = Int.random(in: 0...700, using: &generator)
            #expect(opened((0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }, key) == nil)
        }
    }
}
