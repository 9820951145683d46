// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import BrokerProtocol
import EnclaveImage
import Encoding
import Foundation
import ImageBuilder

struct ImageBuildCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "build",
        abstract: "Make an enclave image (EIF) from the release binary, without a container engine.",
        discussion: """
            The image holds the enclave's program, the libraries that it names, an init, and the
            kernel of --blobs: nitro-cli's folder of bzImage (Image on aarch64), its .config,
            cmdline and nsm.ko. The same files give the same image, byte for byte; `make image`
            in a checkout builds the program, so that the same sources do. Prints PCR0 to PCR2.

              keybroker image build -o keybroker.eif
              keybroker image build --blobs kernel --config enclave.json -o keybroker.eif

            With --config the image carries its configuration, which then counts in PCR0 and
            PCR2; without, the host gives it one. It counts in PCR16 either way.

            A kernel that Nitro's hypervisor cannot start (Debian's, for one) still makes an
            image, for tests, and a warning.

            The folder of --blobs may have a file `modules`: names of kernel modules in it, one
            in a line, which are loaded in this order instead of nsm.ko alone.
            """
    )

    @Option(help: ArgumentHelp("The folder of the kernel, laid out as nitro-cli's.", valueName: "DIR"))
    var blobs = KernelBlobs.installedFolder

    @Option(
        help: ArgumentHelp(
            "The enclave's program, a release build. Default: the one that `make image` made, else the installed one.",
            valueName: "FILE"
        )
    )
    var binary: String?

    @Option(
        name: .customLong("init"),
        help: ArgumentHelp("The init. Default: init beside the program.", valueName: "FILE")
    )
    var initialProgram: String?

    @Option(help: ArgumentHelp("A broker configuration that the image carries.", valueName: "FILE"))
    var config: String?

    @Option(
        help: ArgumentHelp(
            "Where libraries are looked for, as if it were /: for a program from another system.",
            valueName: "DIR"
        )
    )
    var root: String?

    @Option(help: ArgumentHelp("The image's name, in its metadata.", valueName: "NAME"))
    var name = "keybroker-enclave"

    @Option(
        help: ArgumentHelp(
            "What the program was built from: lines of a name, a tab and a digest. Default: inputs beside the program.",
            valueName: "FILE"
        )
    )
    var inputs: String?

    @Option(
        help: ArgumentHelp("Compare with a record of inputs and measurements, and say what differs.", valueName: "FILE")
    )
    var check: String?

    @Option(help: ArgumentHelp("Write such a record.", valueName: "FILE"))
    var record: String?

    @Flag(help: "Take a program that has the software security module, as debug builds do. For tests.")
    var allowSoftwareModule = false

    @Option(name: .shortAndLong, help: ArgumentHelp("The image.", valueName: "FILE"))
    var output: String

    @Flag(help: "Print JSON (docs/reference/image-build.schema.json).")
    var json = false

    func run() throws {
        let parts = try ImageParts(self)
        do {
            let recipe = try ImageRecipe(
                program: parts.program,
                initialProgram: parts.initialProgram,
                configuration: parts.configuration,
                blobs: blobs,
                root: root ?? "",
                read: ImageParts.read
            )
            let image = try recipe.image(name: name, version: productVersion, time: Self.buildTime)
            let bytes = try image.serialized()
            try InputFile.write(bytes, to: output)
            var inputs = recipe.inputs
            if let (path, lines) = parts.inputs { try inputs.add(lines: lines, path: path) }
            var report = ImageBuildReport(
                path: output,
                length: bytes.count,
                recipe: recipe,
                ramdisks: try recipe.ramdisks(),
                record: MeasurementRecord(inputs: inputs, measurements: image.measurements.named)
            )
            if let check {
                let earlier = try MeasurementRecord(json: try InputFile.read(check), path: check)
                report.comparison = (check, report.record.comparison(with: earlier))
            }
            if let record {
                try InputFile.write(report.record.json.serialized(pretty: true) + [UInt8(ascii: "\n")], to: record)
            }
            report.print(json: json)
            if report.comparison.map({ $0.result != .reproduced }) ?? false { throw CommandFailure.reported }
        } catch let error as ImageBuildError {
            throw CommandFailure.failed("\(error)")
        } catch let error as EnclaveImageError {
            throw CommandFailure.failed("\(error)")
        }
    }

    /// The one time in an image, in its metadata: not this moment, so that the same files give the same bytes
    /// (https://reproducible-builds.org/specs/source-date-epoch/).
    private static var buildTime: String {
        let seconds = ProcessInfo.processInfo.environment["SOURCE_DATE_EPOCH"].flatMap { Int64($0) } ?? 0
        return Timestamp(seconds: seconds).rfc3339
    }
}

extension EnclaveMeasurements {
    /// As everything here names them.
    fileprivate var named: [String: String] {
        ["PCR0": Hex.encode(pcr0), "PCR1": Hex.encode(pcr1), "PCR2": Hex.encode(pcr2)]
    }
}

/// The files that the command line names, read.
private struct ImageParts {
    /// Programs with their libraries and kernels have a few tens of MiB.
    private static let maximumLength = 1 << 30

    let program: ImageRecipe.File
    let initialProgram: ImageRecipe.File
    let configuration: ImageRecipe.File?
    let inputs: (path: String, lines: [UInt8])?

    init(_ command: ImageBuildCommand) throws {
        let binary = try command.binary ?? Self.usualProgram()
        let folder = URL(fileURLWithPath: binary).deletingLastPathComponent()
        program = try Self.file(binary)
        guard command.allowSoftwareModule || !SoftwareModuleTraces.isIn(program.bytes) else {
            throw CommandFailure.failed(
                "\(binary) has the software security module, which has no place in an image: build it with `make image`"
            )
        }
        initialProgram = try Self.file(command.initialProgram ?? folder.appendingPathComponent("init").path)
        configuration = try command.config.map(Self.file)
        if let configuration {
            do {
                _ = try BrokerConfiguration(json: configuration.bytes)
            } catch {
                throw CommandFailure.failed("\(configuration.path): \(error)")
            }
        }
        if let path = command.inputs {
            inputs = (path, try InputFile.read(path))
        } else {
            let path = folder.appendingPathComponent("inputs").path
            inputs = FileManager.default.fileExists(atPath: path) ? (path, try InputFile.read(path)) : nil
        }
    }

    /// What `make image` leaves in a checkout; else beside `bin`, where `make install` and the package put it.
    private static func usualProgram() throws(CommandFailure) -> String {
        let here = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        let installed = here.deletingLastPathComponent().appendingPathComponent("lib/keybroker/image").path
        for folder in [".build-image/image", installed] {
            let path = "\(folder)/keybroker-enclave"
            if FileManager.default.fileExists(atPath: path) { return path }
        }
        throw .usage(
            "no enclave program in .build-image/image or \(installed): `make image` makes one, or name a release build with --binary"
        )
    }

    private static func file(_ path: String) throws(CommandFailure) -> ImageRecipe.File {
        ImageRecipe.File(path: path, bytes: try InputFile.read(path, limit: maximumLength))
    }

    static let read: FileReading = { (path) throws(ImageBuildError) in
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        do throws(CommandFailure) {
            return try InputFile.read(path, limit: maximumLength)
        } catch {
            throw ImageBuildError(error.message)
        }
    }
}
