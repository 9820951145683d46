// SPDX-License-Identifier: Apache-2.0

import CBOR
import COSE
import Cryptography
import Encoding
import TestSupport
import Testing

private let payload = Array("This is the content.".utf8)

private func parse(
    _ hex: String,
    tagging: COSETagging = .optional,
    allowing leniency: CBORLeniency = []
) throws -> COSESign1 {
    try COSESign1(unverified: try Hex.decode(hex), limits: .test, tagging: tagging, allowing: leniency)
}

/// `[protected, unprotected, h'', h'']`, the first two in hex.
private func message(protected: String, unprotected: String = "a0") -> String {
    Hex.encode([0x84, 0x40 + UInt8(protected.utf8.count / 2)]) + protected + unprotected + "4040"
}

@Suite struct COSESign1Tests {
    @Test func `keeps what it received`() throws {
        let message = try parse("8443a10126a104423131f64102")
        #expect(!message.isTagged)
        #expect(message.protectedBytes == [0xA1, 0x01, 0x26])
        #expect(message.protectedHeader == CBORMap([(COSEHeader.algorithm, .integer(-7))]))
        #expect(message.unprotectedHeader == CBORMap([(COSEHeader.keyIdentifier, .bytes([0x31, 0x31]))]))
        #expect(message.payload == nil)
        #expect(message.signature == [2])
    }

    @Test func `takes the tag as the caller asks`() throws {
        #expect(try parse("d28440a04040", tagging: .optional).isTagged)
        #expect(try parse("d28440a04040", tagging: .required).isTagged)
        #expect(try !parse("8440a04040", tagging: .forbidden).isTagged)
        #expect(throws: COSEError.unexpectedTag) { try parse("d28440a04040", tagging: .forbidden) }
        #expect(throws: COSEError.unexpectedTag) { try parse("8440a04040", tagging: .required) }
    }

    @Test(arguments: ["d08440a04040", "d8628440a04040", "d903e68440a04040", "d8128440a04040", "d9d9f7d28440a04040"])
    func `refuses other tags, and its own in a longer form`(hex: String) {
        #expect(throws: COSEError.unexpectedTag) { try parse(hex) }
    }

    @Test(arguments: [
        ("d2d28440a04040", CBORError.Code.unexpectedTag, 1), ("d28440a0404000", .trailingBytes, 6),
        ("8440a0404000", .trailingBytes, 5),
        ("8440a040", .unexpectedEnd, 0),
        ("9f40a04040ff", .indefiniteLength, 0), ("845800a04040", .nonShortestForm, 1),
        ("d2845800a04040", .nonShortestForm, 2),
        ("8440a2040004004040", .duplicateKey, 5), ("", .unexpectedEnd, 0), ("8440bfff4040", .indefiniteLength, 2),
    ])
    func `refuses what is not strict CBOR, with the offset in the whole message`(
        hex: String,
        code: CBORError.Code,
        offset: Int
    ) {
        #expect(throws: COSEError.malformed(CBORError(code: code, offset: offset))) { try parse(hex) }
    }

    @Test(arguments: [
        "a0", "00", "80", "8340a040", "8540a0404040", "84a0a04040", "8440404040", "8440a0a040", "8440a04080",
        "8440a06040", "8440a040f6",
    ])
    func `refuses another structure`(hex: String) {
        #expect(throws: COSEError.wrongStructure) { try parse(hex) }
    }

    @Test func `allows what the caller allows`() throws {
        #expect(try parse("9f40a04040ff", allowing: .indefiniteLengthArrays).signature == [])
    }

    @Test(arguments: [
        "", "a0", "a10126", "a201260300", "a2012604413a", "a20126028101", "a1016141", "a163666f6f00", "a220001864f6",
    ])
    func `takes protected headers of every lawful form`(protected: String) throws {
        #expect(try Hex.encode(parse(message(protected: protected)).protectedBytes) == protected)
    }

    @Test(arguments: [
        // Not a map, not strict, followed by something.
        "80", "00", "ff", "a1", "a1011801", "bfff", "a00000", "a201260126", "b800",
        // Wrong types of parameters and labels.
        "a10140", "a101f6", "a10200", "a104613a", "a1050c", "a10605", "a1034100", "a14100f6", "a180f6", "a1f5f6",
        // Critical: empty, unknown, absent, not a label.
        "a201260280", "a2012602811863", "a3012602811863186300", "a20126028104", "a20126028180",
        // Both IVs.
        "a2054100064100",
    ])
    func `refuses protected headers against the rules`(protected: String) {
        #expect(throws: COSEError.invalidHeader) {
            try parse(message(protected: protected))
        }
    }

    @Test(
        arguments: [
            // The same label in both; what must be protected; wrong types.
            ("a2012604413a", "a104413a"), ("a20126186300", "a1186301"),
            ("", "a10126"), ("a10126", "a1028101"), ("a10126", "a104613a"), ("a10126", "a180f6"),
            ("a10126", "a2054100064100"),
        ] as [(String, String)]
    )
    func `refuses unprotected headers against the rules`(protected: String, unprotected: String) {
        #expect(throws: COSEError.invalidHeader) { try parse(message(protected: protected, unprotected: unprotected)) }
    }

    // RFC 9052 sections 3 and 4.4: both forms of an empty header are signed as an empty byte string.
    @Test(arguments: ["8440a0413040", "8441a0a0413040"])
    func `signs the two forms of an empty protected header alike`(hex: String) throws {
        #expect(try Hex.encode(parse(hex).sigStructure()) == "846a5369676e61747572653140404130")
    }

    @Test func `signs the received bytes of the protected header`() throws {
        // Labels 4, 1: not the order in which this encoder would write them.
        let signed = try parse("8446a204413a0126a0413040").sigStructure(externalAAD: [9])
        #expect(Hex.encode(signed) == "846a5369676e61747572653146a204413a012641094130")
    }

    @Test func `takes the payload from the message or from the caller, never from both`() throws {
        let key = try PrivateKey.generate(.ec(.p384))
        let detached = try COSESign1(
            unverified: try COSESign1.sign(payload: payload, algorithm: .es384, key: key, detached: true),
            limits: .test
        )
        #expect(detached.payload == nil)
        #expect(throws: Never.self) { try detached.verify(.es384, key: key.publicKey, detachedPayload: payload) }
        #expect(throws: COSEError.missingPayload) { try detached.verify(.es384, key: key.publicKey) }
        #expect(throws: COSEError.invalidSignature) {
            try detached.verify(.es384, key: key.publicKey, detachedPayload: payload + [0])
        }
        let attached = try COSESign1(
            unverified: try COSESign1.sign(payload: payload, algorithm: .es384, key: key),
            limits: .test
        )
        #expect(throws: COSEError.wrongStructure) {
            try attached.verify(.es384, key: key.publicKey, detachedPayload: payload)
        }
    }

    @Test(arguments: [
        (COSEAlgorithm.es256, KeyAlgorithm.ec(.p256), 64), (.es384, .ec(.p384), 96), (.es512, .ec(.p521), 132),
        (.edDSA, .ed25519, 64),
    ])
    func `accepts its own signatures at exactly their length`(algorithm: COSEAlgorithm, kind: KeyAlgorithm, length: Int)
        throws
    {
        let key = try PrivateKey.generate(kind)
        let bytes = try COSESign1.sign(payload: payload, algorithm: algorithm, key: key, externalAAD: [1])
        let message = try COSESign1(unverified: bytes, limits: .test, tagging: .forbidden)
        #expect(message.signature.count == length)
        #expect(throws: Never.self) { try message.verify(algorithm, key: key.publicKey, externalAAD: [1]) }
        #expect(throws: COSEError.invalidSignature) { try message.verify(algorithm, key: key.publicKey) }
        for other in [message.signature.dropLast(), message.signature + [0], [0] + message.signature, []] {
            let value = CBORValue.array([
                .bytes(message.protectedBytes), .map(CBORMap()), .bytes(payload), .bytes(Array(other)),
            ])
            let damaged = try COSESign1(unverified: value.encoded(), limits: .test)
            #expect(throws: COSEError.invalidSignature) {
                try damaged.verify(algorithm, key: key.publicKey, externalAAD: [1])
            }
        }
    }

    @Test func `refuses DER where r and s are expected`() throws {
        let key = try PrivateKey.generate(.ec(.p384))
        let message = try COSESign1(
            unverified: try COSESign1.sign(payload: payload, algorithm: .es384, key: key),
            limits: .test
        )
        let der = try #require(ECDSASignature.der(fromRaw: message.signature, curve: .p384))
        #expect(key.publicKey.verify(der, message: try message.sigStructure(), scheme: .ecdsa(.sha384)))
        let value = CBORValue.array([.bytes(message.protectedBytes), .map(CBORMap()), .bytes(payload), .bytes(der)])
        let damaged = try COSESign1(unverified: value.encoded(), limits: .test)
        #expect(throws: COSEError.invalidSignature) { try damaged.verify(.es384, key: key.publicKey) }
    }

    @Test func `asks for the algorithm that the caller names, and for a key of its kind`() throws {
        let key = try PrivateKey.generate(.ec(.p384))
        let message = try COSESign1(
            unverified: try COSESign1.sign(payload: payload, algorithm: .es384, key: key),
            limits: .test
        )
        for other in [COSEAlgorithm.es256, .es512, .edDSA, .a256GCM] {
            #expect(throws: COSEError.unsupportedAlgorithm) { try message.verify(other, key: key.publicKey) }
        }
        let p256 = try PrivateKey.generate(.ec(.p256))
        #expect(throws: COSEError.cryptography(CryptographyError(.schemeMismatch))) {
            try message.verify(.es384, key: p256.publicKey)
        }
        #expect(throws: COSEError.cryptography(CryptographyError(.schemeMismatch))) {
            try COSESign1.sign(payload: payload, algorithm: .es384, key: p256)
        }
        #expect(throws: COSEError.unsupportedAlgorithm) {
            try COSESign1.sign(payload: payload, algorithm: .a256GCM, key: key)
        }
        #expect(throws: COSEError.unsupportedAlgorithm) {
            try COSESign1.sign(payload: payload, algorithm: .es384, key: key, protectedHeader: CBORMap())
        }
        #expect(throws: COSEError.invalidHeader) {
            try COSESign1.sign(
                payload: payload,
                algorithm: .es384,
                key: key,
                unprotectedHeader: CBORMap([(COSEHeader.algorithm, .integer(-35))])
            )
        }
    }

    @Test func `makes signatures that the openssl command verifies`() async throws {
        let key = try PrivateKey.generate(.ec(.p384))
        let message = try COSESign1(
            unverified: try COSESign1.sign(payload: payload, algorithm: .es384, key: key),
            limits: .test
        )
        let openssl = try OpenSSLCommand()
        // Written by hand: ["Signature1", h'a1013822', h'', payload].
        let signed = try Hex.decode("846a5369676e61747572653144a10138224054") + payload
        let der = try #require(ECDSASignature.der(fromRaw: message.signature, curve: .p384))
        try openssl.write("signed", signed)
        try openssl.write("signature", der)
        try openssl.write("key.pem", Array(key.publicKey.pem.utf8))
        try await openssl.succeed("dgst", "-sha384", "-verify", "key.pem", "-signature", "signature", "signed")
    }
}
