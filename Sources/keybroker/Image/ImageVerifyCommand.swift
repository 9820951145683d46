// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import EnclaveImage
import Encoding

struct ImageVerifyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Hold an enclave image to measurements, and to who signed it.",
        discussion: """
            Checks the file's form and checksum, the PCRs that you name (0, 1, 2 and 8), and the signature if there is one:
            over this image's PCR0, by the key of its certificate, which has to be valid now. Nobody checks who issued that
            certificate: name it, or its PCR8.

              keybroker image verify broker.eif --pcr 0=3f1c…
              keybroker image verify broker.eif --signing-certificate signer.pem
            """
    )

    @Argument(help: ArgumentHelp("An enclave image file (EIF).", valueName: "FILE"))
    var file: String

    @OptionGroup var pcr: PCROptions

    @Option(help: ArgumentHelp("The certificate (PEM) under which it must be signed.", valueName: "FILE"))
    var signingCertificate: String?

    @Flag(help: "Refuse an image without a signature.")
    var requireSignature = false

    @Option(help: ArgumentHelp("The time for the certificate: now, or an RFC 3339 time.", valueName: "TIME"))
    var at: VerificationTime = .now

    @Flag(help: "Print JSON (docs/reference/image-verification.schema.json).")
    var json = false

    func validate() throws {
        if case .document = at { throw ValidationError("--at document: an image has no time; say now, or a time") }
    }

    func run() throws {
        let policy = ImagePolicy(
            pcrs: try pcr.values(),
            certificate: try signingCertificate.map(ImageInput.certificate),
            requiresSignature: requireSignature
        )
        var image: EnclaveImageFile?
        var fault: EnclaveImageError?
        do throws(EnclaveImageError) {
            let read = try EnclaveImageFile(path: file)
            image = read
            try read.check(policy, at: time)
        } catch {
            guard error.reason != .unreadable else { throw ImageInput.failure(file, error) }
            fault = error
        }
        let isNamed = !policy.pcrs.isEmpty || policy.certificate != nil
        if json {
            Console.json(Self.json(image, fault, isNamed: isNamed))
        } else {
            Self.printForPeople(image, fault, isNamed: isNamed)
        }
        if fault != nil { throw CommandFailure.reported }
    }

    private var time: Timestamp {
        if case .at(let time) = at { time } else { SystemClock.now() }
    }

    private static func json(_ image: EnclaveImageFile?, _ fault: EnclaveImageError?, isNamed: Bool) -> JSON {
        var object = JSONObject([
            ("verdict", .string(fault == nil ? "accepted" : "rejected")),
            ("reason", (fault?.reason.rawValue).map(JSON.string) ?? .null),
        ])
        object["detail"] = (fault?.detail).map(JSON.string)
        object["identity"] = .string(fault == nil && isNamed ? "checked" : "unchecked")
        object["architecture"] = image.map { .string($0.architecture.rawValue) } ?? .null
        object["pcrs"] =
            image.map { image in
                let values = image.measurements.values.sorted { $0.key < $1.key }
                return .object(JSONObject(values.map { (String($0.key), .string(Hex.encode($0.value))) }))
            } ?? .null
        object["signer"] =
            image?.signature.map { signature in
                [
                    "subject": .string(signature.certificate.subject),
                    "issuer": .string(signature.certificate.issuer),
                    "notBefore": .string(signature.certificate.notBefore.rfc3339),
                    "notAfter": .string(signature.certificate.notAfter.rfc3339),
                ]
            } ?? .null
        return .object(object)
    }

    private static func printForPeople(_ image: EnclaveImageFile?, _ fault: EnclaveImageError?, isNamed: Bool) {
        if let image {
            var facts = Table()
            facts.add(["image", "\(name(image)) (\(image.architecture.rawValue))"])
            for (index, value) in image.measurements.values.sorted(by: { $0.key < $1.key }) {
                facts.add(["PCR\(index)", Hex.encode(value)])
            }
            facts.add(["signed", image.signature.map { "under \($0.certificate.subject)" } ?? "no"])
            for line in facts.lines { Console.line(line) }
        }
        if let fault {
            Console.line(
                Console.styled("rejected", .red) + "  \(fault.reason.rawValue): " + Console.printable(fault.detail)
            )
        } else {
            let identity =
                isNamed
                ? "identity: checked" : "identity: unchecked (whole and well-formed; name it with --pcr 0=…)"
            Console.line(Console.styled("accepted", .green) + "  " + identity)
        }
    }

    private static func name(_ image: EnclaveImageFile) -> String {
        image.metadata.map { Console.printable("\($0.imageName) \($0.imageVersion)", limit: 100) } ?? "without metadata"
    }
}
