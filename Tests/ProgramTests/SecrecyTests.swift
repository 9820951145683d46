// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Cryptography
import Encoding
import Foundation
import KMSProtocol
import Keyring
import TestSupport
import Testing

/// Looks for secrets where they must not be, after a full run.
@Suite(.serialized, .sharedBroker(tls: true))
struct SecrecyTests {
    /// A secret in each form in which it could be written down.
    static func forms(_ secret: [UInt8]) -> [[UInt8]] {
        [
            secret, Array(Hex.encode(secret).utf8), Array(Hex.encode(secret).uppercased().utf8),
            Array(Base64.encode(secret).utf8.prefix { $0 != UInt8(ascii: "=") }),
        ]
    }

    static func contains(_ haystack: [UInt8], _ secrets: [[UInt8]]) -> Bool {
        let data = Data(haystack)
        return secrets.contains { data.range(of: Data($0)) != nil }
    }

    /// What no one outside the enclave may have: TSK, private keys, and the private key of its TLS, each in every form.
    static func secrets(of broker: RunningBroker) throws -> [[UInt8]] {
        [broker.tsk, broker.imported.p256Scalar, broker.imported.hmac, try broker.tlsScalar()].flatMap(forms)
    }

    @Test func `neither the TSK nor a private key is in a log, an argument, a file or an environment`() async throws {
        let broker = try SharedBroker.current
        try await exercise(broker)
        let secrets = try Self.secrets(of: broker)

        // The search finds what it is told to look for: the files that the operator imported the keys from.
        #expect(Self.contains(try RunningBroker.bytes(broker.folder.file("hmac.bin")), secrets))
        // PEM breaks the base64 of the scalar over lines, so these two are the only files that may hold secrets.
        let operatorsOwn = ["hmac.bin", "p256.pem"]

        let files = try #require(FileManager.default.enumerator(atPath: broker.folder.path))
        var searched = 0
        while let file = files.nextObject() as? String {
            let path = broker.folder.file(file)
            guard !operatorsOwn.contains(file), let data = FileManager.default.contents(atPath: path) else { continue }
            searched += 1
            #expect(!Self.contains([UInt8](data), secrets), "\(file)")
        }
        #expect(searched > 6)
        for process in [broker.host.processIdentifier, try broker.enclavePID(), broker.kms.processIdentifier] {
            for name in ["cmdline", "environ"] {
                let bytes = try RunningBroker.bytes("/proc/\(process)/\(name)")
                #expect(!Self.contains(bytes, secrets), "\(name) of \(process)")
            }
        }
    }

    @Test func `the enclave's environment is empty`() async throws {
        let broker = try SharedBroker.current
        #expect(try RunningBroker.bytes("/proc/\(broker.enclavePID())/environ").isEmpty)
    }

    @Test func `the host's log does not hold its own credentials or a principal's secret`() async throws {
        let broker = try SharedBroker.current
        try await exercise(broker)
        let credentials = try String(contentsOfFile: broker.folder.file("credentials"), encoding: .utf8)
        let secret = try #require(credentials.firstMatch(of: /aws_secret_access_key = (\S+)/)).1
        let log = try RunningBroker.bytes(broker.folder.file("host.log"))
        #expect(!Self.contains(log, [Array(secret.utf8), Array("host-secret".utf8)]))
    }

    @Test func `the host's memory holds neither the TSK nor a private key nor a principal's secret`() async throws {
        let broker = try SharedBroker.current
        try await exercise(broker)
        let credentials = try String(contentsOfFile: broker.folder.file("credentials"), encoding: .utf8)
        let secret = try #require(credentials.firstMatch(of: /aws_secret_access_key = (\S+)/)).1
        let secrets = try Self.secrets(of: broker) + [Array(secret.utf8)]
        // What the host does have in its memory, so that a search that finds nothing has looked.
        let known = Array("host-secret".utf8)

        let found = try ProcessMemory(process: broker.host.processIdentifier).finds(secrets + [known])
        #expect(found == [known])
    }

    @Test func `the key that ends TLS is no key of the API: not listed, and by no name does it sign or show itself`()
        async throws
    {
        let broker = try SharedBroker.current
        let certificate = try RunningBroker.require(try broker.openedKeyring().tlsIdentity).certificate
        let client = try broker.client()
        let listed = try #require(try await client.call("TrentService.ListKeys", [:])["Keys"]?.array)
        let ids = listed.compactMap { $0.object?["KeyId"]?.string }
        #expect(ids.count == 4)
        for id in ids {
            // A MAC key shows none.
            let answer = try? await client.call("TrentService.GetPublicKey", ["KeyId": .string(id)])
            let key = try answer.map { try #require($0["PublicKey"]?.string) }
            #expect(key != Base64.encode(certificate.publicKey.spki))
        }
        let digest = certificate.publicKeySHA256
        let names = [
            "tls", "alias/tls", "test", "alias/test", Hex.encode(digest), Base64.encode(digest),
            certificate.serialNumber, Hex.encode(certificate.fingerprintSHA256),
            Hex.encode(certificate.subjectKeyIdentifier ?? []),
        ]
        for name in names {
            let sign: JSON = ["KeyId": .string(name), "Message": "ZXZlbnQ=", "SigningAlgorithm": "ECDSA_SHA_256"]
            for (operation, input) in [("Sign", sign), ("GetPublicKey", ["KeyId": .string(name)])] {
                await #expect(throws: KMSClient.Failure.self, "\(operation) \(name)") {
                    try await client.call("TrentService.\(operation)", input)
                }
            }
        }
    }

    private func exercise(_ broker: RunningBroker) async throws {
        let client = try broker.client()
        for (alias, algorithm) in [("p256", "ECDSA_SHA_256"), ("ed25519", "ED25519_SHA_512")] {
            _ = try await client.call(
                "TrentService.Sign",
                [
                    "KeyId": .string("alias/audit-\(alias)"), "Message": "ZXZlbnQ=",
                    "SigningAlgorithm": .string(algorithm),
                ]
            )
        }
        _ = try await client.call(
            "TrentService.GenerateMac",
            ["KeyId": "alias/audit-hmac", "Message": "ZXZlbnQ=", "MacAlgorithm": "HMAC_SHA_256"]
        )
    }
}
