// SPDX-License-Identifier: Apache-2.0

import Cryptography
import EnclaveImage
import Encoding
import Foundation
import TestSupport
import Testing

/// Certificates that `keybroker trust` refuses although their key is the attested one: each is as it must be but for one
/// thing. `openssl` makes them.
@Suite(.serialized)
struct TrustRefusalTests {
    /// Extensions of a certificate as a broker issues it.
    private static let constraints = "basicConstraints=critical,CA:FALSE"
    private static let purposes = "extendedKeyUsage=serverAuth"
    private static let names = "subjectAltName=IP:127.0.0.1,DNS:localhost"

    private static func key(_ folder: TemporaryDirectory, _ name: String) async throws -> String {
        let path = folder.file(name)
        _ = try await Tool.succeed(
            "openssl",
            ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path]
        )
        return path
    }

    /// A certificate that `openssl` makes with these extensions, over a new key; signed by another one if so asked.
    private static func identity(_ extensions: [String], byAnother: Bool = false) async throws -> TLSIdentity {
        let folder = try TemporaryDirectory()
        let (key, certificate) = (try await key(folder, "key.pem"), folder.file("certificate.der"))
        let subject = ["-subj", "/CN=staged", "-days", "1"]
        if byAnother {
            // Of the same name: only the signature tells.
            let other = try await self.key(folder, "other.pem")
            _ = try await Tool.succeed(
                "openssl",
                ["req", "-x509", "-key", other, "-out", folder.file("ca.pem")] + subject
            )
            let request = try await Tool.succeed("openssl", ["req", "-new", "-key", key] + subject.prefix(2)).output
            try folder.write("extensions", extensions.joined(separator: "\n"))
            _ = try await Tool.succeed(
                "openssl",
                [
                    "x509", "-req", "-CA", folder.file("ca.pem"), "-CAkey", other, "-extfile",
                    folder.file("extensions"), "-outform", "DER", "-out", certificate,
                ],
                input: request
            )
        } else {
            _ = try await Tool.succeed(
                "openssl",
                ["req", "-x509", "-key", key, "-outform", "DER", "-out", certificate] + subject
                    + extensions.flatMap { ["-addext", $0] }
            )
        }
        var pem = try folder.bytes("key.pem")
        return try TLSIdentity(
            key: try PrivateKey(pem: try SecretBytes(movingFrom: &pem)),
            certificate: try folder.bytes("certificate.der")
        )
    }

    /// The code of the refusal; nil if it was trusted. Nothing is written where it is refused.
    private static func refusal(_ identity: TLSIdentity, attests: Bool = true) async throws -> String? {
        let enclave = try await StagedEnclave(identity, attests: attests)
        let (result, wrote) = try await enclave.trust()
        await enclave.stop()
        let answer = try #require(try JSON.parse(result.output).object, "\(result.errors)")
        let isTrusted = answer["trusted"] == true
        #expect(result.status == (isTrusted ? 0 : 1))
        #expect(wrote == isTrusted)
        return isTrusted ? nil : answer["reason"]?.string
    }

    @Test func `a certificate that is all right is trusted, and not where its key is not attested`() async throws {
        let identity = try await Self.identity([Self.constraints, Self.purposes, Self.names])
        #expect(try await Self.refusal(identity) == nil)
        #expect(try await Self.refusal(identity, attests: false) == "no-tls-key")
    }

    @Test func `an image file and a configuration file stand for their PCRs`() async throws {
        let image = StagedEnclave.image
        let configuration = Array("{}".utf8)
        let enclave = try await StagedEnclave(
            try await Self.identity([Self.constraints, Self.purposes, Self.names]),
            measurements: image.measurements,
            configuration: configuration
        )
        try enclave.folder.write(configuration, as: "enclave.json")
        var other = image
        other.ramdisks[1] = [6]
        for (made, status) in [(other, Int32(1)), (image, 0)] {
            try enclave.folder.write(try made.serialized(), as: "broker.eif")
            let (result, _) = try await enclave.trust([
                "--image", enclave.folder.file("broker.eif"), "--config", enclave.folder.file("enclave.json"),
            ])
            #expect(result.status == status, "\(result.errors)")
            if status == 1 { #expect(result.errors.contains("attestation-rejected: attestation rejected: pcr")) }
        }
        await enclave.stop()
    }

    static let rejected: [(what: String, extensions: [String])] = [
        ("may sign others", ["basicConstraints=critical,CA:TRUE", purposes, names]),
        ("has keyCertSign", [constraints, "keyUsage=critical,digitalSignature,keyCertSign", purposes, names]),
        ("is for clients too", [constraints, "extendedKeyUsage=serverAuth,clientAuth", names]),
        ("is for anything", [constraints, names]),
        ("has a critical extension that nobody knows", [constraints, purposes, names, "1.2.3.4=critical,DER:0500"]),
        ("names nothing", [constraints, purposes]),
        ("names a mailbox", [constraints, purposes, "\(names),email:a@localhost"]),
    ]

    @Test(arguments: rejected)
    func `a certificate that is not as a broker issues it is rejected`(_ one: (what: String, extensions: [String]))
        async throws
    {
        #expect(try await Self.refusal(Self.identity(one.extensions)) == "certificate-rejected")
    }

    @Test func `a certificate that another key signed is rejected`() async throws {
        let identity = try await Self.identity([Self.constraints, Self.purposes, Self.names], byAnother: true)
        #expect(try await Self.refusal(identity) == "certificate-rejected")
    }

    @Test(arguments: [-11 * 365, 2])
    func `a certificate that is not valid now is rejected`(days: Int64) async throws {
        let identity = try TLSIdentity.issue(
            TLSIdentity.Request(
                commonName: "staged",
                names: [.ipAddress([127, 0, 0, 1])],
                time: RunningBroker.now().advanced(byMilliseconds: days * 24 * 3_600_000)
            ),
            random: SecureRandom.bytes
        )
        #expect(try await Self.refusal(identity) == "certificate-rejected")
    }

    @Test(arguments: ["DNS:broker.example.org", "DNS:kms.us-east-1.amazonaws.com", "IP:8.8.8.8", "DNS:*.internal"])
    func `a certificate with one public name among private ones is refused for it`(name: String) async throws {
        let identity = try await Self.identity([Self.constraints, Self.purposes, "\(Self.names),\(name)"])
        let expected = name.contains("*") ? "certificate-rejected" : "public-name"
        #expect(try await Self.refusal(identity) == expected)
    }

    @Test func `a certificate for other private names than the endpoint's is refused for it`() async throws {
        let identity = try await Self.identity([Self.constraints, Self.purposes, "subjectAltName=DNS:localhost"])
        #expect(try await Self.refusal(identity) == "endpoint-not-named")
    }
}
