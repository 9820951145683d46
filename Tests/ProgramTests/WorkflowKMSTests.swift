// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import Foundation
import SecurityModule
import SoftwareModule
import TestSupport
import Testing

/// CSE-MAW's own calls of KMS, by boto3, with documents of a security module that the development KMS trusts.
struct WorkflowKMSTests {
    private static let image = [UInt8](repeating: 0xA7, count: 48)

    /// A document over the recipient's key, of an enclave with this image and configuration; its PCR16.
    private static func attest(
        _ key: PrivateKey,
        image: [UInt8] = image,
        configuration: String = "configuration",
        in folder: TemporaryDirectory,
        as name: String
    ) throws -> [UInt8] {
        let module = SecurityModule(
            try SoftwareModule(
                directory: folder.file("module"),
                measurements: SoftwareMeasurements(pcr0: image, pcr1: image, pcr2: image),
                clock: RunningBroker.now
            )
        )
        let pcr16 = try module.extendPCR(16, with: Array(configuration.utf8))
        try module.lockPCR(16)
        let document = try module.attest(userData: nil, nonce: nil, publicKey: key.publicKey.spki)
        try RunningBroker.write(document, folder.file(name))
        return pcr16
    }

    @Test(.enabled(if: ClientTests.hasBoto3, "boto3 and cryptography are not installed: make test installs them"))
    func `its enclave gets its key as kmstool does, and under the corrected policy nobody else`() async throws {
        let folder = try TemporaryDirectory()
        defer { folder.remove() }
        let made = try await Tool.succeed(
            "openssl",
            ["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]
        )
        try RunningBroker.write(made.output, folder.file("recipient.pem"))
        var pem = made.output
        let key = try PrivateKey(pem: try SecretBytes(movingFrom: &pem))
        let pcr16 = try Self.attest(key, in: folder, as: "right")
        _ = try Self.attest(key, image: [UInt8](repeating: 0xB8, count: 48), in: folder, as: "other-image")
        _ = try Self.attest(key, configuration: "another", in: folder, as: "other-configuration")
        let (kms, url) = try await RunningBroker.startKMS(folder)
        defer {
            kms.terminate()
            kms.waitUntilExit()
        }
        let result = try await Programs.run(
            ["python3", ClientTests.clients.appendingPathComponent("workflow_kms.py").path],
            environment: [
                "KMS_URL": url, "ROLE": RunningBroker.hostRole, "FOLDER": folder.path,
                "KEYBROKER": Programs.path("keybroker"), "PCR0": Hex.encode(Self.image), "PCR16": Hex.encode(pcr16),
                "POLICIES": SharedData.repository.appendingPathComponent("docs/policies").path,
            ]
        )
        #expect(result.status == 0 && result.text.hasSuffix("ok\n"), "\(result.text)\(result.errors)")
    }
}
