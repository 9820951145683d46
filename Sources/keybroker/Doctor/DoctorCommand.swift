// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import ArgumentParser
import BrokerProtocol
import EnclaveImage
import Encoding
import Foundation

struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Say what keeps a broker on this machine from working, and how to mend it.",
        discussion: """
            Looks at what an enclave of nitro-cli needs (devices, allocator, memory, CPUs, image), at the host's credentials,
            whether KMS answers and the clock agrees, and whether the KMS key's policy releases the TSK to this image (PCR0)
            under this configuration (PCR16). It changes nothing: KMS is asked for the key's policy, once. Where the host's
            role may not read that, as it should not, give it with --policy.

              sudo -u keybroker keybroker doctor
              keybroker doctor --host host.json --policy key-policy.json --role arn:aws:iam::111122223333:role/host --json

            Exit status: 0 if nothing failed; 1 otherwise.
            """
    )

    static let defaultHost = "/etc/keybroker/host.json"

    @Option(
        name: .customLong("host"),
        help: ArgumentHelp("The host's configuration. [default: \(DoctorCommand.defaultHost)]", valueName: "FILE")
    )
    var hostFile: String?

    @Option(help: ArgumentHelp("The image, instead of the one that the host's configuration names.", valueName: "FILE"))
    var image: String?

    @OptionGroup var pcr: PCROptions

    @Option(
        help: ArgumentHelp("Instead of an image: an enclave executable, for the software module.", valueName: "FILE")
    )
    var binary: String?

    @Option(help: ArgumentHelp("The broker's configuration, instead of the host's.", valueName: "FILE"))
    var config: String?

    @Option(
        help: ArgumentHelp("The KMS key's policy, as such or as aws kms get-key-policy prints it.", valueName: "FILE")
    )
    var policy: String?

    @Option(help: ArgumentHelp("Whom the host asks KMS as. [default: what STS says]", valueName: "ARN"))
    var role: String?

    @Flag(help: "Look at this machine alone: ask neither STS nor KMS.")
    var offline = false

    @Flag(help: "Print JSON (docs/reference/doctor-output.schema.json).")
    var json = false

    /// For tests: the machine's files are under this folder.
    @Option(help: .hidden)
    var systemRoot: String?

    func run() async throws {
        let root = DoctorRoot(systemRoot)
        var findings: [DoctorFinding] = []
        let installation = try readInstallation(root, &findings)
        let configuration = readConfiguration(installation, root, &findings)
        let image = readImage(installation, root, &findings)
        var pcrs = try known(image)
        pcrs[16] = configuration?.pcr16
        findings += MachineChecks(root: root, installation: installation)
            .findings(imageSize: image?.size)
        var kms = DoctorKMS.Result()
        if offline {
            findings.append(.skipped(.kms, "--offline"))
        } else if let configuration {
            kms = await examiner(installation, configuration).examine()
            findings += kms.findings
        }
        findings += try keyPolicy(configuration, pcrs, kms)
        report(findings, pcrs)
        if findings.contains(where: { $0.status == .failed }) { throw CommandFailure.reported }
    }

    // MARK: Files

    private func readInstallation(
        _ root: DoctorRoot,
        _ findings: inout [DoctorFinding]
    ) throws(CommandFailure) -> DoctorInstallation {
        let path = hostFile ?? root.file(Self.defaultHost)
        guard hostFile != nil || FileManager.default.fileExists(atPath: path) else {
            findings.append(
                .skipped(.host, "\(Self.defaultHost) is not there: name the host's configuration with --host")
            )
            return .none
        }
        let installation = try DoctorInstallation(path: path)
        findings.append(.ok(.host, "\(path); keybroker-host check looks at all of it"))
        return installation
    }

    private func readConfiguration(
        _ installation: DoctorInstallation,
        _ root: DoctorRoot,
        _ findings: inout [DoctorFinding]
    ) -> MeasuredConfiguration? {
        guard let path = config ?? installation.configurationPath.map(root.file) else {
            findings.append(.skipped(.configuration, "no broker configuration is named"))
            return nil
        }
        do throws(CommandFailure) {
            let configuration = try MeasuredConfiguration(path: path)
            let arn = configuration.configuration.kms.keyARN
            if let region = installation.region, arn.split(separator: ":").dropFirst(3).first.map(String.init) != region
            {
                findings.append(
                    .failed(
                        .configuration,
                        "\(path): the KMS key is not in \(region), the host's kms.region",
                        mend: "set kms.region and kms.endpoint of the host's configuration to the key's region"
                    )
                )
            } else {
                findings.append(.ok(.configuration, "\(path), PCR16 \(Hex.encode(configuration.pcr16))"))
            }
            return configuration
        } catch {
            findings.append(
                .failed(
                    .configuration,
                    error.message,
                    mend: "keybroker keyring create makes it; every byte of it counts"
                )
            )
            return nil
        }
    }

    private struct Image {
        let file: EnclaveImageFile
        let size: UInt64
    }

    private func readImage(
        _ installation: DoctorInstallation,
        _ root: DoctorRoot,
        _ findings: inout [DoctorFinding]
    ) -> Image? {
        let named = installation.launch == "process" ? nil : installation.nitro.map { root.file($0.image) }
        guard let path = image ?? named else { return nil }
        do {
            let file = try EnclaveImageFile(path: path)
            let size = DoctorRoot.size(of: path) ?? 0
            #if arch(arm64)
                let machine = EnclaveImage.Architecture.aarch64
            #else
                let machine = EnclaveImage.Architecture.x86_64
            #endif
            if file.architecture == machine {
                findings.append(.ok(.image, "\(path), PCR0 \(Hex.encode(file.measurements.pcr0))"))
            } else {
                findings.append(
                    .failed(
                        .image,
                        "\(path) is for \(file.architecture.rawValue), and this machine is \(machine.rawValue)",
                        mend: "build it for this machine's processor: keybroker image build"
                    )
                )
            }
            return Image(file: file, size: size)
        } catch {
            findings.append(
                .failed(.image, "\(path): \(error)", mend: "keybroker image build, or name another with --image")
            )
            return nil
        }
    }

    /// Registers of the image, as files or options say.
    private func known(_ image: Image?) throws(CommandFailure) -> [Int: [UInt8]] {
        let measured =
            try binary.map { (binary) throws(CommandFailure) in
                try ExpectedIdentity.pcrs(binary: binary, configuration: nil)
            } ?? image?.file.measurements.values ?? [:]
        return measured.merging(try pcr.values()) { $1 }
    }

    // MARK: KMS

    private func examiner(_ installation: DoctorInstallation, _ configuration: MeasuredConfiguration) -> DoctorKMS {
        let arn = configuration.configuration.kms.keyARN
        let region = installation.region ?? arn.split(separator: ":").dropFirst(3).first.map(String.init) ?? "us-east-1"
        return DoctorKMS(
            endpoint: installation.kmsEndpoint ?? "https://kms.\(region).amazonaws.com",
            region: region,
            keyARN: arn,
            profile: installation.profile,
            certificateAuthorityFile: installation.certificateAuthorityFile
        )
    }

    private func keyPolicy(
        _ configuration: MeasuredConfiguration?,
        _ pcrs: [Int: [UInt8]],
        _ kms: DoctorKMS.Result
    ) throws(CommandFailure) -> [DoctorFinding] {
        guard let configuration else { return [] }
        let source: PolicySource
        if let policy {
            source = try PolicySourceFile.read(policy, kind: .key)
        } else if let bytes = kms.policy {
            source = try PolicySourceFile.source(bytes, kind: .key, name: "the key's policy")
        } else {
            return [
                .skipped(
                    .keyPolicy,
                    "not known here: as its administrator, aws kms get-key-policy --key-id "
                        + "\(configuration.configuration.kms.keyARN) --output json > policy.json, then --policy policy.json"
                )
            ]
        }
        return PolicyCheck(
            policy: source,
            configuration: configuration,
            pcrs: pcrs,
            principal: role ?? kms.caller
        ).findings()
    }

    // MARK: Output

    private func report(_ findings: [DoctorFinding], _ registers: [Int: [UInt8]]) {
        if json {
            let pcrs = JSONObject(
                registers.sorted { $0.key < $1.key }.map { ("\($0.key)", .string(Hex.encode($0.value))) }
            )
            Console.json([
                "ok": .bool(!findings.contains { $0.status == .failed }), "pcrs": .object(pcrs),
                "findings": .array(findings.map(\.json)),
            ])
        } else {
            for finding in findings { finding.lines.forEach { Console.line($0) } }
        }
    }
}
