// SPDX-License-Identifier: Apache-2.0

import EnclaveImage
import Encoding
import Foundation
import TestSupport
import Testing

/// `keybroker image`, as a user runs it, against Python's reading of the same file.
@Suite(.enabled(if: Tool.pythonHas("cryptography"), "python3 has no module cryptography"))
struct ImageCommandTests {
    private let folder: TemporaryDirectory
    private let image: EnclaveImage

    init() throws {
        folder = try TemporaryDirectory()
        image = EnclaveImage(
            architecture: .x86_64,
            kernel: Array("kernel".utf8),
            commandLine: "quiet",
            ramdisks: [Array("boot".utf8), Array("application".utf8)],
            metadata: ImageMetadata(
                imageName: "broker",
                imageVersion: "1.2",
                buildTime: "2026-11-21T09:20:00Z",
                buildTool: "keybroker",
                buildToolVersion: "0.5",
                operatingSystem: "Linux",
                kernelVersion: "6.12.0",
                dockerInfo: Array(#"{"Id":"sha256:0"}"#.utf8),
                custom: Array(#"{"note":{"a":1},"BuildTool":"a lie"}"#.utf8)
            )
        )
        try folder.write(image.serialized(), as: "plain.eif")
    }

    private func run(_ arguments: String...) async throws -> Tool.Result {
        try await Programs.run(["keybroker", "image"] + arguments)
    }

    /// What Python finds in a file.
    private func read(_ name: String) async throws -> JSONObject {
        let script = SharedData.repository.appendingPathComponent("Tests/EnclaveImageTests/Reader/read_eif.py").path
        let result = try await Tool.succeed("python3", [script, folder.file(name)])
        return try #require(try JSON.parse(result.output).object)
    }

    /// A P-384 key and its certificate by the commands that `image sign --help` shows.
    private func makeSigner(_ name: String = "signer", days: String = "365") async throws {
        try await Tool.succeed(
            "openssl",
            ["ecparam", "-name", "secp384r1", "-genkey", "-noout", "-out", "\(name).key"],
            in: folder.path
        )
        try await Tool.succeed(
            "openssl",
            [
                "req", "-new", "-x509", "-key", "\(name).key", "-sha384", "-days", days, "-subj",
                "/C=XX/O=Example \"Inc\"/CN=\(name)", "-out", "\(name).pem",
            ],
            in: folder.path
        )
    }

    @discardableResult
    private func sign(_ input: String, as output: String, _ signer: String = "signer") async throws -> Tool.Result {
        try await run(
            "sign",
            folder.file(input),
            "--key",
            folder.file("\(signer).key"),
            "--certificate",
            folder.file("\(signer).pem"),
            "-o",
            folder.file(output)
        )
    }

    // MARK: describe

    @Test func `describe prints what nitro-cli prints of an image without signature`() async throws {
        let result = try await run("describe", folder.file("plain.eif"))
        #expect(result.status == 0, "\(result.errors)")
        #expect(try JSONSchema("image-description").faults(in: result.output) == [])
        let object = try #require(try JSON.parse(result.output).object)
        #expect(
            object.members.map(\.name) == [
                "EifVersion", "Measurements", "IsSigned", "CheckCRC", "ImageName", "ImageVersion", "Metadata",
            ]
        )
        let read = try await read("plain.eif")
        let measured = try #require(object["Measurements"]?.object)
        #expect(measured.members.map(\.name) == ["HashAlgorithm", "PCR0", "PCR1", "PCR2"])
        for index in 0...2 { #expect(measured["PCR\(index)"] == read["pcrs"]?.object?["\(index)"]) }
        #expect(object["EifVersion"] == read["version"])
        #expect(object["CheckCRC"] == read["isChecksumRight"])
        #expect(object["IsSigned"] == false)
        let expected: JSON = [
            "BuildTime": "2026-11-21T09:20:00Z", "BuildTool": "keybroker", "BuildToolVersion": "0.5",
            "OperatingSystem": "Linux", "KernelVersion": "6.12.0", "DockerInfo": ["Id": "sha256:0"], "note": ["a": 1],
        ]
        #expect(object["Metadata"] == expected)
    }

    /// The names and texts are openssl's: nitro-cli takes them from the same library.
    @Test func `describe shows the signer as openssl does`() async throws {
        try await makeSigner()
        try await sign("plain.eif", as: "signed.eif")
        let result = try await run("describe", folder.file("signed.eif"))
        #expect(result.status == 0, "\(result.errors)")
        #expect(try JSONSchema("image-description").faults(in: result.output) == [])
        let object = try #require(try JSON.parse(result.output).object)
        #expect(object["IsSigned"] == true)
        #expect(object["SignatureCheck"] == true)
        let read = try await read("signed.eif")
        #expect(read["signature"]?.object?["verified"] == true)
        #expect(object["Measurements"]?.object?["PCR8"] == read["pcrs"]?.object?["8"])
        let signer = try #require(object["SigningCertificate"]?.object)
        let issuer: JSON = ["commonName": "signer", "countryName": "XX", "organizationName": "Example Inc"]
        #expect(signer["IssuerName"] == issuer)
        #expect(signer["Algorithm"] == "ecdsa-with-SHA384")
        let dates = try await Tool.succeed(
            "openssl",
            ["x509", "-in", "signer.pem", "-noout", "-startdate", "-enddate"],
            in: folder.path
        )
        #expect(
            dates.text
                == "notBefore=\(signer["NotBefore"]?.string ?? "")\nnotAfter=\(signer["NotAfter"]?.string ?? "")\n"
        )
        let text = try await Tool.succeed("openssl", ["x509", "-in", "signer.pem", "-noout", "-text"], in: folder.path)
        let signature = try #require(text.text.components(separatedBy: "Signature Value:").last)
            .filter { !$0.isWhitespace }.uppercased()
        #expect(signer["Signature"]?.string == signature)
    }

    @Test func `describe shows a damaged image, and ends with 1`() async throws {
        var bytes = try image.serialized()
        bytes[bytes.count - 1] ^= 1
        try folder.write(bytes, as: "damaged.eif")
        let result = try await run("describe", folder.file("damaged.eif"))
        #expect(result.status == 1)
        #expect(result.errors.contains("wrong-checksum"))
        #expect(try JSON.parse(result.output).object?["CheckCRC"] == false)
        #expect(try await read("damaged.eif")["isChecksumRight"] == false)
    }

    @Test func `what is no image is refused, and what cannot be read is another status`() async throws {
        try folder.write(Array("not an image".utf8), as: "text")
        let refused = try await run("describe", folder.file("text"))
        #expect(refused.status == 1)
        #expect(refused.errors.contains("wrong-magic: the file does not begin with .eif"))
        #expect(try await run("describe", folder.file("none")).status == 2)
        #expect(try await run("measure", folder.path).status == 2)
        #expect(try await run("verify", folder.file("none")).status == 2)
    }

    // MARK: measure

    @Test func `measure prints PCRs of a file, and PCR16 of a configuration beside them`() async throws {
        try folder.write("enclave.json", "{}")
        let result = try await run(
            "measure",
            folder.file("plain.eif"),
            "--config",
            folder.file("enclave.json"),
            "--json"
        )
        #expect(try JSONSchema("image-measurement").faults(in: result.output) == [], "\(result.errors)")
        let object = try #require(try JSON.parse(result.output).object)
        #expect(object.members.map(\.name) == ["PCR0", "PCR1", "PCR2", "PCR16"])
        let read = try await read("plain.eif")
        for index in 0...2 { #expect(object["PCR\(index)"] == read["pcrs"]?.object?["\(index)"]) }
        let text = try await run("measure", folder.file("plain.eif")).text
        #expect(text.hasPrefix("PCR0   \(object["PCR0"]?.string ?? "-")\nPCR1   "))
        #expect(try await run("measure", folder.file("plain.eif"), "--binary", "/bin/true").status == 2)
        #expect(try await run("measure").status == 2)
    }

    // MARK: sign and verify

    @Test func `what is signed is verified, by PCR and by certificate`() async throws {
        try await makeSigner()
        let signed = try await sign("plain.eif", as: "signed.eif")
        #expect(signed.status == 0, "\(signed.errors)")
        let path = folder.file("signed.eif")
        let pcr0 = Hex.encode(image.measurements.pcr0)
        let accepted = try await run(
            "verify",
            path,
            "--pcr",
            "0=\(pcr0)",
            "--signing-certificate",
            folder.file("signer.pem"),
            "--json"
        )
        #expect(accepted.status == 0, "\(accepted.errors)")
        #expect(try JSONSchema("image-verification").faults(in: accepted.output) == [])
        #expect(try JSON.parse(accepted.output).object?["identity"] == "checked")
        let read = try await read("signed.eif")
        let pcr8 = try #require(read["pcrs"]?.object?["8"]?.string)
        #expect(signed.text.contains("PCR0   \(pcr0)\n"))
        #expect(signed.text.contains("PCR8   \(pcr8)\n"))
        #expect(try await run("verify", path, "--pcr", "8=\(pcr8)", "--require-signature").status == 0)
        #expect(try await run("verify", path).text.contains("identity: unchecked"))
    }

    @Test func `what is not as demanded is rejected with its reason`() async throws {
        try await makeSigner()
        try await makeSigner("other")
        try await sign("plain.eif", as: "signed.eif")
        let signed = folder.file("signed.eif")
        let zeros = String(repeating: "0", count: 96)
        for (reason, arguments) in [
            ("pcr-mismatch", [signed, "--pcr", "0=\(zeros)"]),
            ("pcr-mismatch", [folder.file("plain.eif"), "--pcr", "8=\(zeros)"]),
            ("other-certificate", [signed, "--signing-certificate", folder.file("other.pem")]),
            ("unsigned", [folder.file("plain.eif"), "--require-signature"]),
            ("certificate-expired", [signed, "--at", "2050-01-01T00:00:00Z"]),
            ("certificate-not-yet-valid", [signed, "--at", "2020-01-01T00:00:00Z"]),
        ] {
            let result = try await Programs.run(["keybroker", "image", "verify", "--json"] + arguments)
            #expect(result.status == 1)
            #expect(try JSONSchema("image-verification").faults(in: result.output) == [])
            #expect(try JSON.parse(result.output).object?["reason"]?.string == reason)
        }
        try folder.write(Array(".eif".utf8), as: "short.eif")
        let short = try await run("verify", folder.file("short.eif"), "--json")
        #expect(try JSONSchema("image-verification").faults(in: short.output) == [])
        #expect(try JSON.parse(short.output).object?["reason"] == "truncated-header")
    }

    @Test func `an image may be signed in its place, and again by another`() async throws {
        try await makeSigner()
        try await makeSigner("other")
        try await sign("plain.eif", as: "plain.eif")
        try await sign("plain.eif", as: "plain.eif", "other")
        let path = folder.file("plain.eif")
        #expect(try await run("verify", path, "--signing-certificate", folder.file("other.pem")).status == 0)
        #expect(try await run("verify", path, "--signing-certificate", folder.file("signer.pem")).status == 1)
        #expect(try await read("plain.eif")["kinds"] == [1, 2, 5, 3, 3, 4])
    }

    @Test func `a failure to sign leaves no file, says why, and shows no key`() async throws {
        try await makeSigner()
        try await makeSigner("other")
        let output = folder.file("out.eif")
        let names = folder.names
        func refusal(_ key: String, _ certificate: String, _ input: String = "plain.eif") async throws -> Tool.Result {
            let result = try await run(
                "sign",
                folder.file(input),
                "--key",
                folder.file(key),
                "--certificate",
                folder.file(certificate),
                "-o",
                output
            )
            #expect(result.text.isEmpty && !result.errors.contains("PRIVATE KEY"))
            return result
        }
        let swapped = try await refusal("other.key", "signer.pem")
        #expect(swapped.status == 1 && swapped.errors.contains("is not the certificate of"))
        let noKey = try await refusal("signer.pem", "signer.pem")
        #expect(noKey.status != 0)
        #expect(try await refusal("signer.key", "signer.key").status == 2)
        #expect(try await refusal("signer.key", "signer.pem", "signer.pem").errors.contains("wrong-magic"))
        #expect(folder.names == names)
    }
}
