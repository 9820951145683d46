// SPDX-License-Identifier: Apache-2.0

extension EnclaveImage {
    /// Reads a whole image into memory, to change it and write it again. Use ``EnclaveImageFile`` for files that are only
    /// looked at.
    ///
    /// - Throws: ``EnclaveImageError`` as ``EnclaveImageFile/init(parsing:allowing:)``; `missingMetadata` for an image
    ///   without; `sectionOrder` for measured sections in another order than this type writes them, which would change the
    ///   measurements; `malformedCommandLine` for one that is not UTF-8.
    public init(parsing bytes: [UInt8]) throws(EnclaveImageError) {
        let file = try EnclaveImageFile(parsing: bytes)
        guard let metadata = file.metadata else {
            throw EnclaveImageError(.missingMetadata, "there is no metadata")
        }
        let measured = file.sections.map(\.kind).filter { $0 != .metadata && $0 != .signature }
        guard measured.starts(with: [.kernel, .commandLine]) else {
            throw EnclaveImageError(.sectionOrder, "the sections do not begin with kernel and command line")
        }
        guard let commandLine = String(validating: file.commandLine, as: UTF8.self) else {
            throw EnclaveImageError(.malformedCommandLine, "the command line is not UTF-8")
        }
        func content(_ section: ImageSection) -> [UInt8] {
            Array(bytes[section.offset..<section.offset + section.size])
        }
        self.init(
            architecture: file.architecture,
            defaultMemory: file.defaultMemory,
            defaultCPUs: file.defaultCPUs,
            kernel: file.sections.first { $0.kind == .kernel }.map(content) ?? [],
            commandLine: commandLine,
            ramdisks: file.sections.filter { $0.kind == .ramdisk }.map(content),
            metadata: metadata,
            signature: file.signature
        )
    }
}
