// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import Foundation
import KMSProtocol
import NitroAttestation
import SecurityModule
import SoftwareModule
import TestSupport
import Testing

/// Somebody with a security module and a recipient key made by the openssl command.
struct TestEnclave {
    let directory: TemporaryDirectory
    let module: SecurityModule
    let roots: TrustAnchors
    let recipientKey: PrivateKey
    let recipientPEM: [UInt8]
    let pcr0: [UInt8]
    let pcr16: [UInt8]

    static let image = [UInt8](repeating: 0xA7, count: 48)

    /// PCR0 to PCR2 are `image`; PCR16 is extended by "configuration" and locked.
    init(clock: TestClock, image: [UInt8] = image) async throws {
        directory = try TemporaryDirectory()
        let software = try SoftwareModule(
            directory: directory.url.path,
            measurements: SoftwareMeasurements(pcr0: image, pcr1: image, pcr2: image),
            clock: { clock.now }
        )
        module = SecurityModule(software)
        pcr0 = image
        pcr16 = try module.extendPCR(16, with: [UInt8]("configuration".utf8))
        try module.lockPCR(16)
        let rootFile = directory.url.appendingPathComponent(SoftwareModule.rootFileName)
        roots = try TrustAnchors(pem: try String(contentsOf: rootFile, encoding: .utf8))
        recipientPEM = try await Self.makeRSAKey(bits: 2048)
        var copy = recipientPEM
        recipientKey = try PrivateKey(pem: try SecretBytes(movingFrom: &copy))
    }

    static func makeRSAKey(bits: Int) async throws -> [UInt8] {
        let made = try await Tool.run(
            "openssl",
            ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:\(bits)"]
        )
        #expect(made.status == 0, "\(made.errors)")
        return made.output
    }

    /// A document with the recipient key.
    func document() throws -> [UInt8] {
        try module.attest(userData: nil, nonce: nil, publicKey: recipientKey.publicKey.spki)
    }

    static func recipient(_ document: [UInt8]) -> JSON {
        ["KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": .blob(document)]
    }

    /// Opens an envelope with the openssl command.
    func open(_ envelope: [UInt8]) async throws -> [UInt8] {
        let files = try TemporaryDirectory()
        let result = try await Tool.run(
            "openssl",
            [
                "cms", "-decrypt", "-inform", "DER", "-binary",
                "-inkey", try files.write(recipientPEM, as: "key.pem").path,
                "-in", try files.write(envelope, as: "envelope").path,
            ]
        )
        #expect(result.status == 0, "\(result.errors)")
        return result.output
    }
}
