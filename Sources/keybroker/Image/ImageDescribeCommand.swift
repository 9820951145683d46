// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import EnclaveImage
import Encoding

struct ImageDescribeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe",
        abstract: "Print what an enclave image is, as `nitro-cli describe-eif` does.",
        discussion: """
            The output is JSON with the members of nitro-cli's (docs/reference/image-description.schema.json). Unlike
            nitro-cli, it ends with status 1 when the checksum or the signature is wrong, and refuses files in which two
            readers could see different things: gaps, overlaps, sizes that disagree, bytes behind the end.

              keybroker image describe broker.eif
            """
    )

    @Argument(help: ArgumentHelp("An enclave image file (EIF).", valueName: "FILE"))
    var file: String

    func run() throws {
        let image = try ImageInput.read(file, allowing: .wrongChecksum)
        let description = ImageDescription(image)
        Console.json(description.json)
        guard image.isChecksumRight else {
            throw CommandFailure.failed("\(file): wrong-checksum: the file was damaged after it was built")
        }
        if let fault = description.signatureFault { throw ImageInput.failure(file, fault) }
    }
}

/// What `nitro-cli describe-eif` prints: its names, its order.
struct ImageDescription: Sendable {
    private let image: EnclaveImageFile
    /// Why the signature is not one; nil for a right one, or none.
    let signatureFault: EnclaveImageError?

    init(_ image: EnclaveImageFile) {
        self.image = image
        var fault: EnclaveImageError?
        do throws(EnclaveImageError) {
            try image.signature?.check(pcr0: image.measurements.pcr0)
        } catch {
            fault = error
        }
        signatureFault = fault
    }

    var json: JSON {
        var object = JSONObject([
            ("EifVersion", .number(JSONNumber(Int64(image.version)))),
            ("Measurements", measurements),
            ("IsSigned", .bool(image.signature != nil)),
        ])
        object["SigningCertificate"] = image.signature.map { Self.certificate($0.certificate) }
        object["CheckCRC"] = .bool(image.isChecksumRight)
        if image.signature != nil { object["SignatureCheck"] = .bool(signatureFault == nil) }
        if let metadata = image.metadata {
            object["ImageName"] = .string(metadata.imageName)
            object["ImageVersion"] = .string(metadata.imageVersion)
            object["Metadata"] = Self.metadata(metadata)
        }
        return .object(object)
    }

    private var measurements: JSON {
        // What Rust prints of its hasher, which nitro-cli takes for a name.
        var members: [(String, JSON)] = [("HashAlgorithm", "Sha384 { ... }")]
        for (index, value) in image.measurements.values.sorted(by: { $0.key < $1.key }) {
            members.append(("PCR\(index)", .string(Hex.encode(value))))
        }
        return .object(JSONObject(members))
    }

    private static func certificate(_ certificate: SigningCertificate) -> JSON {
        let issuer = certificate.issuerAttributes.sorted { $0.key < $1.key }
            .map { ($0.key, JSON.string($0.value.replacing("\"", with: ""))) }
        return [
            "IssuerName": .object(JSONObject(issuer)),
            "Algorithm": .string(certificate.signatureAlgorithm),
            "NotBefore": .string(time(certificate.notBefore)),
            "NotAfter": .string(time(certificate.notAfter)),
            "Signature": .string(
                certificate.signature.map { Hex.encode([$0]).uppercased() }.joined(separator: ":")
            ),
        ]
    }

    private static func metadata(_ metadata: ImageMetadata) -> JSON {
        var object = JSONObject([
            ("BuildTime", .string(metadata.buildTime)),
            ("BuildTool", .string(metadata.buildTool)),
            ("BuildToolVersion", .string(metadata.buildToolVersion)),
            ("OperatingSystem", .string(metadata.operatingSystem)),
            ("KernelVersion", .string(metadata.kernelVersion)),
            ("DockerInfo", value(metadata.dockerInfo)),
        ])
        // nitro-cli puts these beside the others, and would repeat a name: here the one above stays.
        for member in value(metadata.custom).object?.members ?? [] where object[member.name] == nil {
            object[member.name] = member.value
        }
        return .object(object)
    }

    private static func value(_ text: [UInt8]?) -> JSON { text.flatMap { try? JSON.parse($0) } ?? .null }

    /// As `ASN1_TIME_print` has it: `Nov  1 09:20:00 2026 GMT`.
    static func time(_ time: Timestamp) -> String {
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let parts = time.rfc3339.split { "-T:Z.".contains($0) }
        guard parts.count >= 6, let month = Int(parts[1]), months.indices.contains(month - 1) else {
            return time.rfc3339
        }
        let day = parts[2].hasPrefix("0") ? " \(parts[2].dropFirst())" : String(parts[2])
        return "\(months[month - 1]) \(day) \(parts[3]):\(parts[4]):\(parts[5]) \(parts[0]) GMT"
    }
}
