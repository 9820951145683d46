// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Cryptography
import Encoding
import Foundation
import KeyService
import Keyring
import SecurityModule
import SoftwareModule
import TestSupport

/// What the operator has: a TSK, a keyring sealed under it, and the configuration that commits to it.
struct Workshop: Sendable {
    static let kmsKeyARN = "arn:aws:kms:us-east-1:000000000000:key/11111111-2222-3333-4444-555555555555"
    static let account = "000000000000"
    static let region = "us-east-1"
    static let keyringID = "ring"
    static let host = "broker.test"

    static let specification = """
        {"format": 1, "keyringId": "ring", "account": "000000000000", "region": "us-east-1", "keys": [
          {"keySpec": "ECC_NIST_EDWARDS25519", "aliases": ["alias/ed"]},
          {"keySpec": "ECC_NIST_P256", "aliases": ["alias/p256"]},
          {"keySpec": "RSA_2048", "aliases": ["alias/rsa"]},
          {"keySpec": "HMAC_256", "aliases": ["alias/mac"]}],
         "principals": [
          {"name": "administrator", "policies": [
            {"Version": "2012-10-17", "Statement": [
              {"Effect": "Allow", "Action": ["kms:*", "keybroker:*"], "Resource": "*"}]}]},
          {"name": "signer", "policies": [
            {"Version": "2012-10-17", "Statement": [
              {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}]}]}]}
        """

    /// Made once: RSA keys take their time.
    static let contents: Result<KeyringContents, any Error> = Result {
        try KeyringBuilder.build(
            try KeyringSpecification(json: Array(specification.utf8)),
            at: now(),
            random: SecureRandom.bytes
        ) { _ in throw KeyringBuildError("no files here") }
    }

    let tsk: [UInt8]
    var contents: KeyringContents
    var configuration: BrokerConfiguration

    /// Around a keyring of these contents, else the usual ones.
    init(_ contents: KeyringContents? = nil) throws {
        tsk = try SecureRandom.bytes(count: TrustedSessionKey.length)
        self.contents = try contents ?? Self.contents.get()
        configuration = BrokerConfiguration(
            brokerID: "audit",
            account: Self.account,
            region: Self.region,
            kms: .init(keyARN: Self.kmsKeyARN),
            tsk: .init(
                ciphertext: Array("wrapped".utf8),
                encryptionContext: BrokerConfiguration.encryptionContext(
                    brokerID: "audit",
                    keyringID: Self.keyringID
                ),
                commitment: try Self.keys(tsk).commitment()
            ),
            keyringID: Self.keyringID,
            hosts: [Self.host]
        )
    }

    static func secret(_ bytes: [UInt8]) throws -> SecretBytes {
        var bytes = bytes
        return try SecretBytes(movingFrom: &bytes)
    }

    static func keys(_ tsk: [UInt8], id: String = keyringID) throws -> KeyringKeys {
        try TrustedSessionKey(try secret(tsk)).keys(keyringID: id, kmsKeyARN: kmsKeyARN)
    }

    func sealed(version: UInt64 = 1, id: String = keyringID, under tsk: [UInt8]? = nil) throws -> SealedKeyring {
        let previous = [UInt8](repeating: version == 1 ? 0 : 1, count: 48)
        return try contents.sealed(
            as: KeyringHeader(keyringID: id, version: version, previousDigest: previous),
            under: try Self.keys(tsk ?? self.tsk, id: id),
            random: SecureRandom.bytes
        )
    }

    /// What a host has that does as it is told.
    func hostState() throws -> FakeHost.State {
        FakeHost.State(
            configuration: configuration.json,
            keyring: try sealed().bytes,
            kms: [FakeHost.releasing(tsk)]
        )
    }

    static func now() -> Timestamp { Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000)) }
}
