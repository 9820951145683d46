// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import Foundation
import Keyring
import TestSupport

/// A host's files without a host: a configuration and a state folder with version 1, made by `keyring create` over a data
/// key that the test knows, so that it can seal later versions.
final class BackupFolder {
    static let keyARN = "arn:aws:kms:us-east-1:000000000000:key/11111111-2222-3333-4444-555555555555"

    let folder: TemporaryDirectory
    let keyringID: String
    private let tsk: [UInt8]

    init(keyringID: String = "k", tsk: [UInt8] = [UInt8](0..<32)) async throws {
        folder = try TemporaryDirectory()
        self.keyringID = keyringID
        self.tsk = tsk
        try folder.write("keyring.json", Self.specification(keyringID))
        let dataKey: JSON = [
            "CiphertextBlob": .string(Base64.encode([1, 2, 3])), "Plaintext": .string(Base64.encode(tsk)),
            "KeyId": .string(Self.keyARN),
        ]
        try folder.write(dataKey.serialized(), as: "data-key.json")
        let made = try await run([
            "create", "--spec", file("keyring.json"), "--broker-id", "b", "--configuration", configuration, "--state",
            state, "--credentials", file("credentials"), "--data-key", file("data-key.json"),
        ])
        guard made.status == 0 else { throw Unexpected(made.errors) }
        let host: JSON = ["state": .string(state), "configuration": .string(configuration)]
        try folder.write(host.serialized(), as: "host.json")
    }

    var configuration: String { file("enclave.json") }
    var state: String { file("state") }
    func file(_ name: String) -> String { folder.file(name) }

    /// `keybroker keyring …`
    func run(_ arguments: [String]) async throws -> Tool.Result {
        try await Programs.run(["keybroker", "keyring"] + arguments)
    }

    /// Seals another version and puts it into the state folder.
    @discardableResult
    func store(version: UInt64) throws -> [UInt8] {
        let bytes = try seal(version: version)
        try Data(bytes).write(to: URL(fileURLWithPath: "\(state)/keyring-\(version).cose"))
        return bytes
    }

    func seal(version: UInt64) throws -> [UInt8] {
        var secret = tsk
        let keys = try TrustedSessionKey(try SecretBytes(movingFrom: &secret))
            .keys(keyringID: keyringID, kmsKeyARN: Self.keyARN)
        let contents = try KeyringBuilder.build(
            try KeyringSpecification(json: Array(Self.specification(keyringID).utf8)),
            at: Timestamp(seconds: 1_763_719_200),
            random: SecureRandom.bytes
        ) { _ in throw Unexpected("no files here") }
        let header = KeyringHeader(
            keyringID: keyringID,
            version: version,
            previousDigest: version == 1 ? KeyringHeader.noPreviousDigest : [UInt8](repeating: 7, count: 48)
        )
        return try contents.sealed(as: header, under: keys, random: SecureRandom.bytes).bytes
    }

    struct Stored: Equatable {
        let name: String
        let bytes: [UInt8]
    }

    /// The file of the highest version.
    func current() throws -> Stored {
        let names = try FileManager.default.contentsOfDirectory(atPath: state).filter { $0.hasSuffix(".cose") }
        let last = try RunningBroker.require(names.max { $0.count == $1.count ? $0 < $1 : $0.count < $1.count })
        return Stored(name: last, bytes: try RunningBroker.bytes("\(state)/\(last)"))
    }

    private static func specification(_ id: String) -> String {
        #"{"format":1,"keyringId":"\#(id)","account":"000000000000","region":"us-east-1","keys":[{"keySpec":"HMAC_256"}]}"#
    }
}
