// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Cryptography
import Encoding
import Keyring

/// What a backup says of itself: `docs/reference/backup-manifest.schema.json`. None of it is secret, and nothing vouches
/// for it: the enclave judges the keyring when it opens it.
struct BackupManifest: Sendable {
    static let format: Int64 = 1
    static let fileName = "manifest.json"
    static let keyringFile = "keyring.cose"
    static let configurationFile = "configuration.json"
    static let attestationFile = "attestation.cbor"

    /// A file of the backup.
    struct Part: Sendable, Equatable {
        let length: Int
        let sha384: [UInt8]

        init(_ bytes: [UInt8]) {
            length = bytes.count
            sha384 = Hash.digest(.sha384, bytes)
        }

        fileprivate init(_ value: JSON, at path: String) throws(JSONFieldError) {
            var fields = try JSONFields(value, at: path)
            _ = try fields.string("file")
            length = Int(try fields.integer("length", in: 1...Int64(InputFile.maximumLength)))
            let text = try fields.string("sha384")
            guard let digest = try? Hex.decode(text), digest.count == 48 else {
                throw JSONFieldError(path: fields.path("sha384"), problem: .invalid(reason: "not 48 bytes in hex"))
            }
            sha384 = digest
            try fields.finish()
        }

        fileprivate func json(_ file: String) -> JSON {
            [
                "file": .string(file), "length": .number(JSONNumber(Int64(length))),
                "sha384": .string(Hex.encode(sha384)),
            ]
        }
    }

    let created: String
    let brokerID: String
    let keyringID: String
    let version: UInt64
    let keyring: Part
    let configuration: Part
    /// The whole of it, in the order in which it is written.
    let json: JSON

    /// Of a keyring and a configuration that were just read.
    init(
        claims: KeyringHeader,
        keyring: [UInt8],
        configuration: BrokerConfiguration,
        bytes: [UInt8],
        attested: JSON?,
        now: Timestamp
    ) {
        created = now.rfc3339
        brokerID = configuration.brokerID
        keyringID = claims.keyringID
        version = claims.version
        self.keyring = Part(keyring)
        self.configuration = Part(bytes)
        var object = JSONObject([
            ("format", .number(JSONNumber(Self.format))), ("created", .string(created)),
            ("brokerId", .string(brokerID)), ("keyringId", .string(keyringID)),
            ("version", .number(JSONNumber(Int64(clamping: version)))),
            ("previousDigest", .string(Hex.encode(claims.previousDigest))),
            ("writerBootId", .string(Hex.encode(claims.writerBootID))),
            ("minimumKeyringVersion", .number(JSONNumber(Int64(clamping: configuration.minimumKeyringVersion)))),
            ("pcr16", .string(Hex.encode(ExpectedIdentity.pcr16(configuration: bytes)))),
            ("keyring", self.keyring.json(Self.keyringFile)),
            ("configuration", self.configuration.json(Self.configurationFile)),
        ])
        object["attested"] = attested
        json = .object(object)
    }

    /// Reads a manifest; unknown members are refused.
    init(_ bytes: [UInt8]) throws(JSONFieldError) {
        guard let json = try? JSON.parse(bytes) else {
            throw JSONFieldError(path: "", problem: .invalid(reason: "not JSON"))
        }
        var fields = try JSONFields(json)
        _ = try fields.integer("format", in: Self.format...Self.format)
        created = try fields.string("created")
        brokerID = try fields.string("brokerId")
        keyringID = try fields.string("keyringId")
        version = UInt64(try fields.integer("version", in: 1...Int64.max))
        keyring = try Part(try fields.value("keyring"), at: "keyring")
        configuration = try Part(try fields.value("configuration"), at: "configuration")
        for name in ["previousDigest", "writerBootId", "pcr16"] { _ = try fields.string(name) }
        _ = try fields.integer("minimumKeyringVersion", in: 1...Int64.max)
        _ = try fields.optionalValue("attested")
        try fields.finish()
        self.json = json
    }
}
