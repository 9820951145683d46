// SPDX-License-Identifier: Apache-2.0

import Cryptography
package import EnclaveImage

/// What an enclave image is made of, and the making of it.
///
/// Two ramdisks: the first boots and counts in PCR1 with the kernel, the second is the application and is PCR2. The kernel
/// unpacks one over the other, so the program finds itself under `/`.
package struct ImageRecipe: Sendable {
    /// Where the program is in the image; `enclave/image/init.c` starts it.
    package static let programPath = "\(programFolder)/keybroker-enclave"
    /// Where the program's configuration is in an image that carries one; `enclave/image/init.c` looks for it.
    package static let configurationPath = "/etc/keybroker/enclave.json"
    private static let programFolder = "/usr/bin"
    private static let initPath = "/init"
    private static let moduleFolder = "/modules"
    /// Where the init mounts what the kernel shows.
    private static let mountPoints = ["/dev", "/proc", "/sys"]

    /// A file, and where it was.
    package struct File: Sendable {
        package let path: String
        package let bytes: [UInt8]

        package init(path: String, bytes: [UInt8]) {
            self.path = path
            self.bytes = bytes
        }
    }

    package let program: File
    package let initialProgram: File
    package let configuration: File?
    package let machine: ELFObject.Machine
    package let blobs: KernelBlobs
    package let libraries: [ProgramLibraries.Library]

    /// - Parameters:
    ///   - program: The enclave's program.
    ///   - initialProgram: The init.
    ///   - configuration: What the image carries; nil: the host gives one.
    ///   - blobs: The folder of the kernel.
    ///   - root: Where libraries are looked for, as if it were `/`; empty for `/`.
    ///   - read: Reads files.
    /// - Throws: ``ImageBuildError`` for what is missing or does not fit together.
    package init(
        program: File,
        initialProgram: File,
        configuration: File?,
        blobs: String,
        root: String,
        read: @escaping FileReading
    ) throws(ImageBuildError) {
        let object = try ELFObject(program.bytes, path: program.path)
        let initial = try ELFObject(initialProgram.bytes, path: initialProgram.path)
        guard initial.interpreter == nil, initial.needed.isEmpty else {
            throw ImageBuildError("\(initialProgram.path) is not static: it starts before there are libraries")
        }
        guard initial.machine == object.machine else {
            throw ImageBuildError("\(initialProgram.path) and \(program.path) are for different machines")
        }
        self.program = program
        self.initialProgram = initialProgram
        self.configuration = configuration
        machine = object.machine
        self.blobs = try KernelBlobs(folder: blobs, machine: machine, read: read)
        libraries = try ProgramLibraries(root: root, read: read).of(
            object,
            at: program.path,
            inImage: Self.programFolder
        )
    }

    /// What a Nitro enclave needs that the kernel lacks: with any of it the image is for tests. Nil if the kernel's
    /// configuration is not there.
    package var missingForNitro: [String]? { blobs.missingForNitro }

    /// The files of both ramdisks.
    ///
    /// - Throws: ``ImageBuildError`` for two files of one name.
    package func ramdisks() throws(ImageBuildError) -> [ArchiveTree] {
        var boot = ArchiveTree()
        for folder in Self.mountPoints + [Self.moduleFolder] { try boot.add(folder: folder) }
        try boot.add(file: Self.initPath, initialProgram.bytes, isExecutable: true)
        for (index, module) in blobs.modules.enumerated() {
            // The init loads them in the order of their names.
            let number = String(index + 1)
            let prefix = number.count < 2 ? "0" + number : number
            try boot.add(file: "\(Self.moduleFolder)/\(prefix)-\(module.name)", module.bytes)
        }
        var application = ArchiveTree()
        try application.add(file: Self.programPath, program.bytes, isExecutable: true)
        for library in libraries { try application.add(file: library.path, library.bytes, isExecutable: true) }
        if let configuration { try application.add(file: Self.configurationPath, configuration.bytes) }
        return [boot, application]
    }

    /// - Parameters:
    ///   - name: `ImageName` of the metadata.
    ///   - version: `ImageVersion`, and the version of the tool that builds.
    ///   - time: `BuildTime`; nothing else in the image has a time.
    /// - Returns: The image, unsigned.
    /// - Throws: ``ImageBuildError``.
    package func image(name: String, version: String, time: String) throws(ImageBuildError) -> EnclaveImage {
        var archives: [[UInt8]] = []
        for tree in try ramdisks() { archives.append(try CPIOArchive.newc(tree)) }
        return EnclaveImage(
            architecture: machine == .x86_64 ? .x86_64 : .aarch64,
            kernel: blobs.kernel,
            commandLine: blobs.commandLine,
            ramdisks: archives,
            metadata: ImageMetadata(
                imageName: name,
                imageVersion: version,
                buildTime: time,
                buildTool: "keybroker",
                buildToolVersion: version,
                operatingSystem: blobs.configuration?.operatingSystem ?? "",
                kernelVersion: blobs.configuration?.version ?? ""
            )
        )
    }

    /// SHA-384 of every file that goes into the image, by what it is.
    package var inputs: BuildInputs {
        var inputs = BuildInputs()
        inputs["kernel"] = Hash.digest(.sha384, blobs.kernel)
        inputs["kernel command line"] = Hash.digest(.sha384, Array(blobs.commandLine.utf8))
        for module in blobs.modules { inputs["kernel module \(module.name)"] = Hash.digest(.sha384, module.bytes) }
        inputs["init"] = Hash.digest(.sha384, initialProgram.bytes)
        inputs["program"] = Hash.digest(.sha384, program.bytes)
        for library in libraries { inputs["library \(library.path)"] = Hash.digest(.sha384, library.bytes) }
        if let configuration { inputs["configuration"] = Hash.digest(.sha384, configuration.bytes) }
        return inputs
    }
}
