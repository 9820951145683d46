// SPDX-License-Identifier: Apache-2.0

import CBOR
import COSE
import Cryptography
import Encoding
import KeyService
import Keyring

/// Keyrings to test with.
enum Workshop {
    static let keyringID = "audit"
    static let keyARN = "arn:aws:kms:us-east-1:000000000000:key/11111111-2222-3333-4444-555555555555"
    static let time = Timestamp(milliseconds: 1_763_719_200_000)

    static func secret(_ bytes: [UInt8]) throws -> SecretBytes {
        var bytes = bytes
        return try SecretBytes(movingFrom: &bytes)
    }

    /// 00 01 … 1F, with one byte changed where a test asks for another key.
    static func keys(flipping bit: Int? = nil, id: String = keyringID, arn: String = keyARN) throws -> KeyringKeys {
        var bytes = [UInt8](0..<32)
        if let bit { bytes[bit / 8] ^= 1 << UInt8(bit % 8) }
        return try TrustedSessionKey(try secret(bytes)).keys(keyringID: id, kmsKeyARN: arn)
    }

    static let specification = """
        {"format": 1, "keyringId": "audit", "account": "000000000000", "region": "us-east-1", "keys": [
          {"keySpec": "ECC_NIST_EDWARDS25519", "aliases": ["alias/ed"], "description": "chain"},
          {"keySpec": "ECC_NIST_P256", "aliases": ["alias/p256"]},
          {"keySpec": "RSA_2048"},
          {"keySpec": "HMAC_256", "aliases": ["alias/mac", "alias/tag"]}]}
        """

    static func contents(_ text: String = specification) throws -> KeyringContents {
        try KeyringBuilder.build(
            try KeyringSpecification(json: Array(text.utf8)),
            at: time,
            random: SecureRandom.bytes
        ) { _ in throw KeyringBuildError("no files here") }
    }

    /// Keys of a kind that is made at once, for tests that need many keyrings.
    static func smallContents() throws -> KeyringContents {
        try contents(
            #"{"format":1,"keyringId":"audit","account":"000000000000","region":"us-east-1","#
                + #""keys":[{"keySpec":"ECC_NIST_EDWARDS25519","aliases":["alias/ed"]},{"keySpec":"HMAC_256"}]}"#
        )
    }

    static func identity(key: PrivateKey? = nil) throws -> TLSIdentity {
        try TLSIdentity.issue(
            TLSIdentity.Request(
                commonName: "audit",
                names: [.dnsName("localhost"), .ipAddress([127, 0, 0, 1])],
                key: key,
                time: time
            ),
            random: SecureRandom.bytes
        )
    }

    static func seal(_ contents: KeyringContents, _ header: KeyringHeader = KeyringHeader(keyringID: keyringID))
        throws -> SealedKeyring
    {
        try contents.sealed(as: header, under: try keys(), random: SecureRandom.bytes)
    }

    static func open(_ bytes: [UInt8]) throws -> OpenedKeyring {
        try UnopenedKeyring(parsing: bytes).open(keyringID: keyringID, keys: try keys())
    }

    // MARK: By hand, for keyrings that the product would not make

    /// HKDF as documented, written a second time.
    static func sealKey(version: UInt64 = 1) throws -> SecretBytes {
        let pseudorandomKey = try HKDF.extract(
            .sha384,
            salt: Array(keyringID.utf8),
            input: try secret([UInt8](0..<32))
        )
        let counter = (0..<8).map { UInt8(truncatingIfNeeded: version >> (56 - 8 * UInt64($0))) }
        return try HKDF.expand(
            .sha384,
            key: pseudorandomKey,
            info: Array("kb1/seal".utf8) + Array(keyARN.utf8) + counter,
            count: 32
        )
    }

    static func header(version: UInt64 = 1) throws -> [(CBORValue, CBORValue)] {
        [
            (.integer(-70_001), .text(keyringID)),
            (.integer(-70_002), .unsigned(version)),
            (.integer(-70_003), .bytes([UInt8](repeating: 0, count: 48))),
            (.integer(-70_004), .bytes([UInt8](repeating: 0, count: 16))),
            (.integer(-70_005), .bytes(try keys().sealCommitment(version: version))),
        ]
    }

    static func seal(
        payload: [UInt8],
        header: [(CBORValue, CBORValue)]? = nil,
        version: UInt64 = 1
    ) throws -> [UInt8] {
        try COSEEncrypt0.seal(
            try secret(payload),
            key: try sealKey(version: version),
            nonce: [UInt8](repeating: 7, count: 12),
            protectedHeader: CBORMap(try header ?? Self.header(version: version))
        )
    }

    /// `[view, [secret, …]]` of one Ed25519 key, as values to damage.
    static func view(spki: [UInt8]) -> [(CBORValue, CBORValue)] {
        let key: [(CBORValue, CBORValue)] = [
            (.text("id"), .text("11111111-2222-3333-4444-555555555555")), (.text("arn"), .text(keyARN)),
            (.text("spec"), .text("ECC_NIST_EDWARDS25519")), (.text("usage"), .text("SIGN_VERIFY")),
            (.text("state"), .text("Enabled")), (.text("description"), .text("")),
            (.text("created"), .unsigned(1_763_719_200_000)), (.text("aliases"), .array([])),
            (.text("policy"), .text("{}")), (.text("origin"), .text("offline")), (.text("spki"), .bytes(spki)),
        ]
        return [
            (.text("format"), .unsigned(1)), (.text("keys"), .array([.map(CBORMap(key))])),
            (.text("principals"), .array([])),
        ]
    }

    static func payload(view: [(CBORValue, CBORValue)], secrets: [[UInt8]]) -> [UInt8] {
        CBORValue.array([
            .bytes(CBORValue.map(CBORMap(view)).encoded()), .array(secrets.map { .bytes($0) }),
        ]).encoded()
    }
}

extension SecretBytes {
    /// Tests may look.
    borrowing func array() -> [UInt8] {
        withBytes { span in unsafe span.withUnsafeBytes { unsafe Array($0) } }
    }
}
