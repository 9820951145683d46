// SPDX-License-Identifier: Apache-2.0

import CBOR
import COSE
import Cryptography
import Encoding
import TestSupport
import Testing

/// Vectors of the COSE working group and of gluecose, for the algorithms that are here.
@Suite(.enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)))
struct COSESuiteTests {
    private static let algorithms: [String: COSEAlgorithm] = [
        "ES256": .es256, "ES384": .es384, "ES512": .es512, "EdDSA": .edDSA,
    ]

    private func check(_ name: String, as given: COSEAlgorithm? = nil) throws -> COSEError? {
        let vector = try readVector("cose-wg-examples/\(name).json")
        let input = try #require(vector["input"]?.object?["sign0"]?.object)
        let algorithm = try #require(given ?? Self.algorithms[input["alg"]?.string ?? ""])
        let key = try VectorKey(json: try #require(input["key"])).publicKey()
        let external = try Hex.decode(input["external"]?.string ?? "")
        let bytes = try vector.hex("output", "cbor")
        return error { () throws(COSEError) in
            let message = try COSESign1(unverified: bytes, limits: .test)
            let signed = try message.sigStructure(externalAAD: external)
            if vector["fail"] != true, let expected = try? vector.hex("intermediates", "ToBeSign_hex") {
                #expect(signed == expected)
            }
            try message.verify(algorithm, key: key, externalAAD: external)
        }
    }

    @Test(arguments: [
        "sign1-tests/sign-pass-02", "sign1-tests/sign-pass-03", "ecdsa-examples/ecdsa-sig-01",
        "ecdsa-examples/ecdsa-sig-02", "ecdsa-examples/ecdsa-sig-03", "eddsa-examples/eddsa-sig-01", "CWT/A_3",
        "RFC8152/Appendix_C_2_1",
    ])
    func `verifies what the working group signed`(name: String) throws {
        #expect(try check(name) == nil)
    }

    @Test(arguments: [
        ("sign1-tests/sign-fail-01", COSEError.unexpectedTag), ("sign1-tests/sign-fail-02", .invalidSignature),
        ("sign1-tests/sign-fail-03", .unsupportedAlgorithm), ("sign1-tests/sign-fail-04", .unsupportedAlgorithm),
        ("sign1-tests/sign-fail-06", .invalidSignature), ("sign1-tests/sign-fail-07", .invalidSignature),
    ])
    func `refuses what the working group damaged`(name: String, reason: COSEError) throws {
        #expect(try check(name) == reason)
    }

    /// RFC 9052 section 3.1 wants the algorithm authenticated; the working group's example has it in the unprotected
    /// header.
    @Test func `refuses an algorithm that is not protected, unlike the working group`() throws {
        #expect(try check("sign1-tests/sign-pass-01") == .invalidHeader)
    }

    /// RFC 9053 section 2.1 allows any curve with any hash, and recommends one for each.
    @Test func `refuses ES512 with P-256, unlike the working group`() throws {
        #expect(try check("ecdsa-examples/ecdsa-sig-04") == .cryptography(CryptographyError(.schemeMismatch)))
    }

    @Test(arguments: ["ecdsa-01", "sign-fail-01", "sign-fail-02", "sign-pass-01", "sign-pass-02", "sign-pass-03"])
    func `refuses messages with several signers`(name: String) throws {
        let bytes = try readVector("cose-wg-examples/sign-tests/\(name).json").hex("output", "cbor")
        // The untagged one has an array where the signature is to be.
        let expected: COSEError = name == "sign-pass-03" ? .wrongStructure : .unexpectedTag
        #expect(error { () throws(COSEError) in try COSESign1(unverified: bytes, limits: .test) } == expected)
    }

    @Test(arguments: [0, 1, 2, 3])
    func `verifies what gluecose signed`(number: Int) throws {
        let vector = try readVector("gluecose/sign1-verify-000\(number).json")
        let verify = try #require(vector["sign1::verify"]?.object)
        #expect(verify["shouldVerify"] == true)
        let message = try COSESign1(
            unverified: try verify.hex("taggedCOSESign1", "cborHex"),
            limits: .test,
            tagging: .required
        )
        let key = try VectorKey(json: try #require(vector["key"])).publicKey()
        let algorithm = try #require(Self.algorithms[vector["alg"]?.string ?? ""])
        let external = try Hex.decode(verify["external"]?.string ?? "")
        #expect(throws: Never.self) { try message.verify(algorithm, key: key, externalAAD: external) }
        #expect(throws: COSEError.invalidSignature) {
            try message.verify(algorithm, key: key, externalAAD: external + [0])
        }
    }

    @Test(arguments: [0, 1, 2, 3])
    func `signs what gluecose signs, in the same form`(number: Int) throws {
        let vector = try readVector("gluecose/sign1-sign-000\(number).json")
        let sign = try #require(vector["sign1::sign"]?.object)
        let key = try VectorKey(json: try #require(vector["key"])).privateKey()
        let algorithm = try #require(Self.algorithms[vector["alg"]?.string ?? ""])
        let external = try Hex.decode(sign["external"]?.string ?? "")
        let headers = try ["protectedHeaders", "unprotectedHeaders"].map {
            try #require(try CBORDecoder.decode(try sign.hex($0, "cborHex"), limits: .test).map)
        }
        let bytes = try COSESign1.sign(
            payload: try sign.hex("payload"),
            algorithm: algorithm,
            key: key,
            protectedHeader: headers[0],
            unprotectedHeader: headers[1],
            externalAAD: external,
            tagged: true
        )
        let message = try COSESign1(unverified: bytes, limits: .test)
        #expect(try message.sigStructure(externalAAD: external) == sign.hex("tbsHex", "cborHex"))
        let expected = try sign.hex("expectedOutput", "cborHex")
        #expect(bytes.dropLast(message.signature.count) == expected.dropLast(message.signature.count))
        #expect(bytes.count == expected.count)
        #expect(throws: Never.self) { try message.verify(algorithm, key: key.publicKey, externalAAD: external) }
    }

    /// What the tests above verify; `sign-pass-03` is untagged.
    static let accepted: Set<String> = [
        "cose-wg-examples/CWT/A_3", "cose-wg-examples/RFC8152/Appendix_C_2_1",
        "cose-wg-examples/ecdsa-examples/ecdsa-sig-01", "cose-wg-examples/ecdsa-examples/ecdsa-sig-02",
        "cose-wg-examples/ecdsa-examples/ecdsa-sig-03", "cose-wg-examples/eddsa-examples/eddsa-sig-01",
        "cose-wg-examples/sign1-tests/sign-pass-02", "cose-wg-examples/sign1-tests/sign-pass-03",
        "gluecose/sign1-verify-0000", "gluecose/sign1-verify-0001", "gluecose/sign1-verify-0002",
        "gluecose/sign1-verify-0003",
    ]

    /// Messages of other kinds (several signers, MACs, encryption) and algorithms (PS256, Ed448) are all refused before a
    /// key is looked at; the damaged ones by a key that fits, above.
    @Test func `of all vectors these verify and no other`() throws {
        var verified: Set<String> = []
        for (name, bytes, key, external) in try allMessages() {
            guard let message = try? COSESign1(unverified: bytes, limits: .test) else { continue }
            for algorithm in Self.algorithms.values {
                guard let key, key.isReadable else { continue }
                let publicKey = try key.publicKey()
                if (try? message.verify(algorithm, key: publicKey, externalAAD: external)) != nil {
                    verified.insert(name)
                }
            }
        }
        #expect(verified == Self.accepted)
    }

    /// Every message of both suites, with the key of its one signer where there is one.
    private func allMessages() throws -> [(name: String, bytes: [UInt8], key: VectorKey?, external: [UInt8])] {
        var messages: [(name: String, bytes: [UInt8], key: VectorKey?, external: [UInt8])] = []
        for name in try vectorNames("cose-wg-examples") {
            let vector = try readVector("\(name).json")
            let signer = vector["input"]?.object?["sign0"]?.object
            let external = try Hex.decode(signer?["external"]?.string ?? "")
            messages.append(
                (name, try vector.hex("output", "cbor"), (signer?["key"]).map(VectorKey.init(json:)), external)
            )
        }
        for name in try vectorNames("gluecose") where name.contains("sign1-verify") && !name.contains("misc") {
            let vector = try readVector("\(name).json")
            let external = try Hex.decode(vector["sign1::verify"]?.object?["external"]?.string ?? "")
            let bytes = try vector.hex("sign1::verify", "taggedCOSESign1", "cborHex")
            messages.append((name, bytes, vector["key"].map(VectorKey.init(json:)), external))
        }
        #expect(messages.count >= 58)
        return messages
    }

    @Test func `signs with Ed25519 to the same bytes as the working group`() throws {
        let vector = try readVector("cose-wg-examples/eddsa-examples/eddsa-sig-01.json")
        let key = try VectorKey(json: try #require(vector["input"]?.object?["sign0"]?.object?["key"])).privateKey()
        let bytes = try COSESign1.sign(
            payload: Array("This is the content.".utf8),
            algorithm: .edDSA,
            key: key,
            protectedHeader: CBORMap([(COSEHeader.algorithm, .integer(-8)), (COSEHeader.contentType, .unsigned(0))]),
            unprotectedHeader: CBORMap([(COSEHeader.keyIdentifier, .bytes(Array("11".utf8)))]),
            tagged: true
        )
        #expect(try Hex.encode(bytes) == Hex.encode(vector.hex("output", "cbor")))
    }

    @Test func `refuses every message of which one bit is flipped`() throws {
        let vector = try readVector("gluecose/sign1-verify-0002.json")
        let bytes = try vector.hex("sign1::verify", "taggedCOSESign1", "cborHex")
        let key = try VectorKey(json: try #require(vector["key"])).publicKey()
        // The unprotected header is not signed: `a1 04 44` and its four bytes.
        let unprotected = try #require(bytes.indices.first { bytes[$0...].starts(with: [0xA1, 0x04, 0x44]) })
        for place in bytes.indices where !(unprotected..<unprotected + 7).contains(place) {
            for bit in 0..<8 as Range<UInt8> {
                var damaged = bytes
                damaged[place] ^= 1 << bit
                let found = error { () throws(COSEError) in
                    try COSESign1(unverified: damaged, limits: .test, tagging: .required).verify(.es384, key: key)
                }
                #expect(found != nil, "byte \(place), bit \(bit)")
            }
        }
    }
}
