// SPDX-License-Identifier: Apache-2.0

import EnclaveImage
import Encoding
import Foundation
import TestSupport
import Testing

/// Signatures: ours read by Python's cryptography, and those that it makes (as nitro-cli does) read by us.
@Suite(.enabled(if: Tool.pythonHas("cryptography"), "python3 has no module cryptography"))
struct ImageSignatureTests {
    /// A key and its certificate, made by `openssl`.
    struct Identity: Sendable {
        let key: [UInt8]
        let certificate: [UInt8]
        let keyPath: String
        let certificatePath: String

        func parsed() throws -> SigningCertificate {
            try SigningCertificate(pem: String(decoding: certificate, as: UTF8.self))
        }

        func signer() throws -> ImageSigner {
            var secret = key
            return try ImageSigner(privateKey: &secret, certificate: try parsed())
        }
    }

    private let folder: TemporaryDirectory
    private let openssl: OpenSSLCommand
    /// Read after the certificates were made: they count from their second.
    private var now: Timestamp { Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000)) }

    init() throws {
        folder = try TemporaryDirectory()
        openssl = try OpenSSLCommand()
    }

    private func identity(_ name: String = "signer", curve: String = "secp384r1") async throws -> Identity {
        if curve == "rsa" {
            try await openssl.succeed("genrsa", "-out", "\(name).key", "2048")
        } else {
            try await openssl.succeed("ecparam", "-name", curve, "-genkey", "-noout", "-out", "\(name).key")
        }
        try await openssl.succeed(
            "req",
            "-new",
            "-x509",
            "-key",
            "\(name).key",
            "-sha384",
            "-days",
            "30",
            "-subj",
            "/C=XX/O=Example/CN=\(name)",
            "-out",
            "\(name).pem"
        )
        return Identity(
            key: try openssl.read("\(name).key"),
            certificate: try openssl.read("\(name).pem"),
            keyPath: "\(openssl.directory)/\(name).key",
            certificatePath: "\(openssl.directory)/\(name).pem"
        )
    }

    /// Signed by Reader/sign_eif.py.
    private func foreign(
        _ key: Identity,
        certificate: Identity? = nil,
        certificateText: [UInt8]? = nil,
        _ wrong: String...
    ) async throws -> [UInt8] {
        let script = SharedData.repository.appendingPathComponent("Tests/EnclaveImageTests/Reader/sign_eif.py").path
        let image = try folder.write(RawImage.valid.bytes, as: "image.eif").path
        var certificatePath = (certificate ?? key).certificatePath
        if let certificateText { certificatePath = try folder.write(certificateText, as: "certificate.pem").path }
        try await Tool.succeed(
            "python3",
            [script, image, key.keyPath, certificatePath, folder.file("signed.eif")] + wrong
        )
        return try folder.bytes("signed.eif")
    }

    private func fault(
        _ image: [UInt8],
        _ policy: ImagePolicy = ImagePolicy(),
        at time: Timestamp? = nil
    ) -> EnclaveImageError.Reason? {
        reason { try EnclaveImageFile(parsing: image).check(policy, at: time ?? now) }
    }

    // MARK: Ours, read by others

    @Test func `what is signed here verifies elsewhere: ES384 over PCR0, in the shape of nitro-cli`() async throws {
        let signer = try await identity()
        var image = ExampleImage.image
        let before = image.measurements
        try image.sign(with: try signer.signer())
        let read = try await IndependentReader.read(try image.serialized())
        let signature = try #require(read.signature)
        #expect(signature.verified)
        #expect(signature.isPCR0)
        #expect(signature.index == 0)
        #expect(signature.members == ["register_index", "register_value"])
        #expect(signature.algorithm == [1: -35])
        #expect(signature.unprotected.isEmpty)
        #expect(signature.length == 96)
        #expect(read.kinds == [1, 2, 5, 3, 3, 3, 4])
        #expect(read.isChecksumRight)
        #expect(read.pcrs[8] == image.measurements.pcr8)
        #expect(image.measurements.pcr8 == (try signer.parsed()).pcr8)
        for index in 0...2 { #expect(image.measurements[index] == before[index] && read.pcrs[index] == before[index]) }
        #expect(try EnclaveImage(parsing: image.serialized()) == image)
    }

    @Test func `PCR8 is SHA384(0⁴⁸ ‖ SHA384(certificate)) by openssl`() async throws {
        let signer = try await identity()
        try await openssl.succeed("x509", "-in", "signer.pem", "-outform", "DER", "-out", "signer.der")
        try await openssl.succeed("dgst", "-sha384", "-binary", "-out", "inner", "signer.der")
        try openssl.write("outer", [UInt8](repeating: 0, count: 48) + (try openssl.read("inner")))
        let digest = try await openssl.succeed("dgst", "-sha384", "-binary", "outer")
        #expect(try signer.parsed().pcr8 == digest.output)
    }

    @Test(arguments: [false, true]) func `a file is signed piece by piece, once or again`(again: Bool) async throws {
        let signer = try await identity()
        var source = ExampleImage.image
        if again { try source.sign(with: try await identity("older").signer()) }
        let input = try FileHandle(forReadingFrom: folder.write(try source.serialized(), as: "in.eif"))
        let output = try FileHandle(forUpdating: folder.write([], as: "out.eif"))
        let file = try EnclaveImageFile(reading: input.fileDescriptor)
        let copy = try file.writeSigned(by: signer.signer(), from: input.fileDescriptor, to: output.fileDescriptor)
        #expect(copy.signature?.certificate == (try signer.parsed()))
        let written = try folder.bytes("out.eif")
        let read = try await IndependentReader.read(written)
        #expect(read.signature?.verified == true)
        #expect(read.signature?.isPCR0 == true)
        #expect(read.isChecksumRight)
        #expect(read.kinds == [1, 2, 5, 3, 3, 3, 4])
        // Signatures are random: the rest is what the other way of signing writes.
        var expected = ExampleImage.image
        expected.signature = copy.signature
        #expect(written == (try expected.serialized()))
    }

    @Test func `an image without room for a signature is not signed`() async throws {
        var image = ExampleImage.image
        image.ramdisks = [[UInt8]](repeating: [1], count: 29)
        let signer = try await identity().signer()
        let input = try FileHandle(forReadingFrom: folder.write(try image.serialized(), as: "in.eif"))
        let output = try FileHandle(forUpdating: folder.write([], as: "out.eif"))
        let file = try EnclaveImageFile(reading: input.fileDescriptor)
        #expect(
            reason { try file.writeSigned(by: signer, from: input.fileDescriptor, to: output.fileDescriptor) }
                == .sectionCount
        )
    }

    @Test func `a file that changed since it was read is not signed`() async throws {
        let signer = try await identity().signer()
        let path = try folder.write(try ExampleImage.image.serialized(), as: "in.eif").path
        let input = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        let output = try FileHandle(forUpdating: folder.write([], as: "out.eif"))
        let file = try EnclaveImageFile(reading: input.fileDescriptor)
        try input.seek(toOffset: 600)
        try input.write(contentsOf: [0, 0, 0, 0])
        #expect(
            reason { try file.writeSigned(by: signer, from: input.fileDescriptor, to: output.fileDescriptor) }
                == .wrongSignedValue
        )
    }

    // MARK: Others', read here

    @Test(arguments: ["prime256v1", "secp384r1", "secp521r1"])
    func `a signature that was made elsewhere verifies`(curve: String) async throws {
        let signer = try await identity(curve: curve)
        let image = try await foreign(signer)
        #expect(fault(image, ImagePolicy(certificate: try signer.parsed(), requiresSignature: true)) == nil)
        let read = try EnclaveImageFile(parsing: image)
        #expect(read.measurements.pcr8 == (try signer.parsed()).pcr8)
    }

    @Test func `text before the certificate is passed over, as nitro-cli does`() async throws {
        let signer = try await identity()
        let text = try await openssl.succeed("x509", "-in", "signer.pem", "-text").output
        let image = try await foreign(signer, certificateText: text)
        #expect(fault(image, ImagePolicy(certificate: try signer.parsed())) == nil)
        // And it is kept as it stands.
        #expect(try EnclaveImage(parsing: image).serialized().suffix(4000) == image.suffix(4000))
    }

    /// Reasons that have a vector below.
    static let reasons: Set<EnclaveImageError.Reason> = [
        .pcrMismatch, .unsigned, .otherCertificate, .unsupportedSigningKey, .wrongSigningAlgorithm, .wrongSignedValue,
        .invalidSignature, .certificateNotYetValid, .certificateExpired, .malformedSigningKey, .otherSigningKey,
    ]

    @Test func `a signature by another key is refused`() async throws {
        let (signer, other) = (try await identity(), try await identity("other"))
        #expect(fault(try await foreign(other, certificate: signer)) == .invalidSignature)
    }

    @Test func `a signature over something else is refused`() async throws {
        let signer = try await identity()
        let other = String(repeating: "ab", count: 48)
        #expect(fault(try await foreign(signer, "value=\(other)")) == .wrongSignedValue)
        #expect(fault(try await foreign(signer, "index=8")) == .wrongSignedValue)
        #expect(fault(try await foreign(signer, "members=swapped")) == .wrongSignedValue)
        #expect(fault(try await foreign(signer, "payload=detached")) == .wrongSignedValue)
    }

    @Test func `a signature of another algorithm, or with other headers, is refused`() async throws {
        let signer = try await identity()
        #expect(fault(try await foreign(signer, "algorithm=-7")) == .wrongSigningAlgorithm)
        #expect(fault(try await foreign(signer, "unprotected=1")) == .wrongSigningAlgorithm)
        #expect(fault(try await foreign(try await identity("rsa", curve: "rsa"))) == .unsupportedSigningKey)
    }

    @Test func `a changed byte of the message is refused`() async throws {
        let image = try await foreign(try await identity())
        let file = try EnclaveImageFile(parsing: image)
        let section = try #require(file.sections.last)
        // The signature's 96 integers are the last of the section, each one byte or two: every one of its last 90.
        for index in (section.offset + section.size - 90)..<(section.offset + section.size) {
            var changed = image
            changed[index] ^= 1
            #expect(fault(RawImage.mended(changed)) != nil, "byte \(index)")
        }
    }

    @Test func `a certificate counts from its first second to its last`() async throws {
        let signer = try await identity()
        let image = try await foreign(signer)
        let certificate = try signer.parsed()
        #expect(fault(image, at: certificate.notBefore) == nil)
        #expect(fault(image, at: certificate.notBefore.advanced(byMilliseconds: -1)) == .certificateNotYetValid)
        #expect(fault(image, at: certificate.notAfter) == nil)
        #expect(fault(image, at: certificate.notAfter.advanced(byMilliseconds: 1)) == .certificateExpired)
    }

    @Test func `a policy names PCRs, the certificate, or that there is one`() async throws {
        let (signer, other) = (try await identity(), try await identity("other"))
        let unsigned = RawImage.valid.bytes
        let signed = try await foreign(signer)
        let measured = try EnclaveImageFile(parsing: signed).measurements
        let zeros = [UInt8](repeating: 0, count: 48)
        for index in [0, 1, 2, 8] {
            let value = try #require(measured[index])
            #expect(fault(signed, ImagePolicy(pcrs: [index: value])) == nil)
            #expect(fault(signed, ImagePolicy(pcrs: [index: zeros])) == .pcrMismatch)
        }
        #expect(fault(unsigned, ImagePolicy(pcrs: [8: zeros])) == .pcrMismatch)
        #expect(fault(signed, ImagePolicy(pcrs: [3: zeros])) == .pcrMismatch)
        #expect(fault(signed, ImagePolicy(certificate: try other.parsed())) == .otherCertificate)
        #expect(fault(unsigned, ImagePolicy(requiresSignature: true)) == .unsigned)
        #expect(fault(unsigned, ImagePolicy(certificate: try signer.parsed())) == .unsigned)
        #expect(fault(unsigned) == nil)
    }

    // MARK: Keys

    @Test func `a key is PEM or DER, PKCS#8 or SEC1, and is wiped`() async throws {
        let signer = try await identity()
        try await openssl.succeed("pkcs8", "-topk8", "-nocrypt", "-in", "signer.key", "-out", "signer.pk8.pem")
        try await openssl.succeed(
            "pkcs8",
            "-topk8",
            "-nocrypt",
            "-in",
            "signer.key",
            "-outform",
            "DER",
            "-out",
            "signer.pk8"
        )
        for name in ["signer.key", "signer.pk8.pem", "signer.pk8"] {
            var secret = try openssl.read(name)
            _ = try ImageSigner(privateKey: &secret, certificate: try signer.parsed())
            #expect(secret.allSatisfy { $0 == 0 }, "\(name)")
        }
    }

    @Test func `a key that does not fit is refused`() async throws {
        let (signer, other) = (try await identity(), try await identity("other"))
        let small = try await identity("small", curve: "prime256v1")
        func fault(_ key: [UInt8], _ certificate: Identity) throws -> EnclaveImageError.Reason? {
            let certificate = try certificate.parsed()
            var secret = key
            return reason { try ImageSigner(privateKey: &secret, certificate: certificate) }
        }
        #expect(try fault(other.key, signer) == .otherSigningKey)
        #expect(try fault(small.key, small) == .unsupportedSigningKey)
        #expect(try fault(Array("no key".utf8), signer) == .malformedSigningKey)
        #expect(try fault([0x30, 0x00], signer) == .malformedSigningKey)
    }

    @Test func `a certificate that is none is refused`() {
        for text in ["", "no certificate", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"] {
            #expect(reason { try SigningCertificate(pem: text) } == .malformedSignature)
        }
    }
}
