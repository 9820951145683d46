// SPDX-License-Identifier: Apache-2.0

import CBOR
import COSE
import Cryptography
import Encoding
import Testing

// Made with AESGCM of Python's `cryptography` 48 over an Enc_structure assembled there byte by byte:
// key 00…1f, nonce 64…6f, content "This is the content.".
private let key = [UInt8](0..<32)
private let nonce = [UInt8](100..<112)
private let content = Array("This is the content.".utf8)
private let externalAAD = "11aa22bb33cc44dd55006699"
private let plain =
    "d08343a10103a1054c6465666768696a6b6c6d6e6f5824"
    + "1c73b715598025be4a0a3ac8b90a048927ac7224cf88c4656a5abcfa8e3e966803b91ec6"
private let withExternalAAD =
    "d08343a10103a1054c6465666768696a6b6c6d6e6f5824"
    + "1c73b715598025be4a0a3ac8b90a048927ac7224115d43c798deb851ffbeb342eeab1773"
private let withParameter =
    "d08349a2010319fde9426869a1054c6465666768696a6b6c6d6e6f5824"
    + "1c73b715598025be4a0a3ac8b90a048927ac7224079a2c415b185f020487a1151d69dc1d"

private func open(_ hex: String, key: [UInt8] = key, externalAAD: [UInt8] = []) throws -> Bool {
    let message = try COSEEncrypt0(unopened: try Hex.decode(hex), limits: .test)
    let secret = try SecretBytes(copying: key)
    return try message.open(key: secret, externalAAD: externalAAD).equals(content)
}

@Suite struct COSEEncrypt0Tests {
    @Test func `opens what Python's cryptography sealed`() throws {
        #expect(try open(plain))
        #expect(try open(withParameter))
        #expect(try open(withExternalAAD, externalAAD: Hex.decode(externalAAD)))
        #expect(try open(String(plain.dropFirst(2))))
    }

    @Test func `seals to the same bytes`() throws {
        let secret = try SecretBytes(copying: key)
        let plaintext = try SecretBytes(copying: content)
        let parameter = CBORMap([(.unsigned(65001), .bytes(Array("hi".utf8)))])
        let messages = [
            try COSEEncrypt0.seal(plaintext, key: secret, nonce: nonce, protectedHeader: CBORMap()),
            try COSEEncrypt0.seal(
                plaintext,
                key: secret,
                nonce: nonce,
                protectedHeader: CBORMap([(COSEHeader.algorithm, .unsigned(3))]),
                externalAAD: Hex.decode(externalAAD)
            ),
            try COSEEncrypt0.seal(plaintext, key: secret, nonce: nonce, protectedHeader: parameter),
        ]
        #expect(messages.map(Hex.encode) == [plain, withExternalAAD, withParameter])
        let untagged = try COSEEncrypt0.seal(
            plaintext,
            key: secret,
            nonce: nonce,
            protectedHeader: CBORMap(),
            tagged: false
        )
        #expect(Hex.encode(untagged) == plain.dropFirst(2))
    }

    @Test func `refuses another key, other external data, and a message cut short`() throws {
        #expect(throws: COSEError.decryptionFailed) { try open(plain, key: [UInt8](1..<33)) }
        #expect(throws: COSEError.decryptionFailed) { try open(plain, externalAAD: [0]) }
        #expect(throws: COSEError.decryptionFailed) {
            try open("8343a10103a1054c6465666768696a6b6c6d6e6f4f" + String(repeating: "00", count: 15))
        }
        #expect(throws: COSEError.decryptionFailed) { try open("8343a10103a1054c6465666768696a6b6c6d6e6f40") }
    }

    @Test func `refuses every message of which one bit is flipped`() throws {
        let bytes = try Hex.decode(withParameter)
        for place in bytes.indices {
            for bit in 0..<8 as Range<UInt8> {
                var damaged = bytes
                damaged[place] ^= 1 << bit
                #expect(throws: COSEError.self) { try open(Hex.encode(damaged)) }
            }
        }
    }

    @Test(arguments: ["8340", "8343a10101", "8343a10126", "8344a1011818"])
    func `refuses other algorithms, and none`(start: String) {
        #expect(throws: COSEError.unsupportedAlgorithm) { try open(start + "a1054c6465666768696a6b6c6d6e6f40") }
    }

    @Test(arguments: [
        "a0", "a1054b6465666768696a6b6c6d6e", "a1054d6465666768696a6b6c6d6e6f70", "a1064c6465666768696a6b6c6d6e6f",
    ])
    func `refuses a nonce that is not 12 bytes in the unprotected header`(unprotected: String) {
        #expect(throws: COSEError.invalidHeader) {
            try open("8343a10103\(unprotected)" + "5010000000000000000000000000000000")
        }
    }

    @Test func `refuses a nonce in the protected header`() {
        #expect(throws: COSEError.invalidHeader) {
            try open("8351a20103054c6465666768696a6b6c6d6e6fa05010000000000000000000000000000000")
        }
    }

    @Test func `refuses another structure, a detached ciphertext and foreign tags`() {
        #expect(throws: COSEError.wrongStructure) { try open("8240a0") }
        #expect(throws: COSEError.wrongStructure) { try open("8440a04040") }
        #expect(throws: COSEError.wrongStructure) { try open("8340a080") }
        #expect(throws: COSEError.missingPayload) { try open("8340a0f6") }
        #expect(throws: COSEError.unexpectedTag) { try open("d28340a040") }
        #expect(throws: COSEError.malformed(CBORError(code: .trailingBytes, offset: 5))) { try open("d08340a04000") }
    }

    @Test func `refuses to seal with a wrong key, nonce or header`() throws {
        let plaintext = try SecretBytes(copying: content)
        let secret = try SecretBytes(copying: key)
        let short = try SecretBytes(copying: [UInt8](0..<31))
        let invalidLength = COSEError.cryptography(CryptographyError(.invalidLength))
        #expect(throws: invalidLength) {
            try COSEEncrypt0.seal(plaintext, key: short, nonce: nonce, protectedHeader: CBORMap())
        }
        #expect(throws: invalidLength) {
            try COSEEncrypt0.seal(plaintext, key: secret, nonce: nonce + [0], protectedHeader: CBORMap())
        }
        #expect(throws: COSEError.unsupportedAlgorithm) {
            let header = CBORMap([(COSEHeader.algorithm, .unsigned(1))])
            return try COSEEncrypt0.seal(plaintext, key: secret, nonce: nonce, protectedHeader: header)
        }
        #expect(throws: COSEError.invalidHeader) {
            let header = CBORMap([(COSEHeader.initializationVector, .bytes(nonce))])
            return try COSEEncrypt0.seal(plaintext, key: secret, nonce: nonce, protectedHeader: header)
        }
        #expect(throws: invalidLength) { try open(plain, key: [UInt8](0..<31)) }
    }
}
