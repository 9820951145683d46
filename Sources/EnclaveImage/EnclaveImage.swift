// SPDX-License-Identifier: Apache-2.0

/// The content of an enclave image, held in memory: for making images.
///
/// To look at a file that somebody else made, use ``EnclaveImageFile``, which reads in small pieces.
///
/// ```swift
/// let image = EnclaveImage(
///     architecture: .x86_64, kernel: bzImage, commandLine: "reboot=k panic=30", ramdisks: [boot, application],
///     metadata: metadata)
/// let file = try image.serialized()
/// let pcr0 = image.measurements.pcr0
/// ```
public struct EnclaveImage: Sendable, Equatable {
    /// The processor that the kernel is for. An enclave of the other kind refuses the image.
    public enum Architecture: String, Sendable, CaseIterable {
        /// Intel and AMD.
        case x86_64
        /// Graviton.
        case aarch64
    }

    /// The processor that the kernel is for.
    public var architecture: Architecture
    /// Bytes. Written into the header, where nothing reads it: the memory of an enclave is chosen when it is run.
    public var defaultMemory: UInt64
    /// Written into the header, where nothing reads it.
    public var defaultCPUs: UInt64
    /// bzImage (x86_64) or uncompressed Image (aarch64).
    public var kernel: [UInt8]
    /// The kernel's parameters: at most 4,096 bytes of UTF-8 without a zero.
    public var commandLine: String
    /// cpio archives, each perhaps compressed, which the kernel unpacks one over the other. The first counts in PCR1, the
    /// others in PCR2.
    public var ramdisks: [[UInt8]]
    /// How the image came about.
    public var metadata: ImageMetadata
    /// Nil for an image that nobody signed. It is over PCR0: a change of kernel, command line or ramdisks voids it.
    public var signature: ImageSignature?

    /// An image of the format's version 4.
    public init(
        architecture: Architecture,
        defaultMemory: UInt64 = ImageDefaults.memory,
        defaultCPUs: UInt64 = ImageDefaults.cpus,
        kernel: [UInt8],
        commandLine: String,
        ramdisks: [[UInt8]],
        metadata: ImageMetadata,
        signature: ImageSignature? = nil
    ) {
        self.architecture = architecture
        self.defaultMemory = defaultMemory
        self.defaultCPUs = defaultCPUs
        self.kernel = kernel
        self.commandLine = commandLine
        self.ramdisks = ramdisks
        self.metadata = metadata
        self.signature = signature
    }

    /// What the security module will report. Hashes the whole image at each call.
    public var measurements: EnclaveMeasurements {
        var measurer = ImageMeasurer()
        measure(kernel, as: .kernel, &measurer)
        measure(Array(commandLine.utf8), as: .commandLine, &measurer)
        for ramdisk in ramdisks { measure(ramdisk, as: .ramdisk, &measurer) }
        return measurer.finish(certificate: signature?.certificate.der)
    }

    private func measure(_ bytes: [UInt8], as kind: ImageSectionKind, _ measurer: inout ImageMeasurer) {
        let part = measurer.part(of: kind)
        unsafe measurer.update(bytes.span.bytes, of: part)
    }
}

/// What `nitro-cli` writes into the header of every image.
public enum ImageDefaults: Sendable {
    /// 1 GiB, in bytes.
    public static let memory: UInt64 = ImageFormat.defaultMemory
    /// Two processors.
    public static let cpus: UInt64 = ImageFormat.defaultCPUs
}

extension EnclaveImage.Architecture {
    /// Of the header.
    var flags: UInt16 { self == .aarch64 ? ImageFormat.aarch64Flag : 0 }
}

// MARK: Writing

extension EnclaveImage {
    /// The file: header, kernel, command line, metadata, ramdisks, signature, as `nitro-cli` orders them. The same content
    /// gives the same bytes.
    ///
    /// - Throws: ``EnclaveImageError`` for content that no reader would take: `emptyKernel`, `malformedCommandLine`,
    ///   `malformedMetadata`, `sectionCount`, `signatureTooLarge`.
    public func serialized() throws(EnclaveImageError) -> [UInt8] {
        let sections = try self.sections()
        var header = ImageHeader(
            version: ImageFormat.version,
            flags: architecture.flags,
            defaultMemory: defaultMemory,
            defaultCPUs: defaultCPUs,
            sectionSizes: sections.map(\.bytes.count)
        )
        var bytes = header.encoded
        var checksum = CRC32()
        checksum.update(Array(bytes.prefix(ImageFormat.checksumOffset)))
        bytes.reserveCapacity(
            sections.reduce(bytes.count) { $0 + ImageFormat.sectionHeaderLength + $1.bytes.count }
        )
        for section in sections {
            let head = ImageSectionHeader(section.kind, size: section.bytes.count).encoded
            checksum.update(head)
            checksum.update(section.bytes)
            bytes += head
            bytes += section.bytes
        }
        header.checksum = checksum.value
        bytes.replaceSubrange(0..<ImageFormat.headerLength, with: header.encoded)
        return bytes
    }

    private func sections() throws(EnclaveImageError) -> [(kind: ImageSectionKind, bytes: [UInt8])] {
        guard !kernel.isEmpty else { throw EnclaveImageError(.emptyKernel, "the kernel has no bytes") }
        let commandLine = Array(self.commandLine.utf8)
        try ImageContent.checkCommandLine(commandLine)
        var sections: [(kind: ImageSectionKind, bytes: [UInt8])] = [
            (.kernel, kernel), (.commandLine, commandLine), (.metadata, try metadata.encoded()),
        ]
        sections += ramdisks.map { (.ramdisk, $0) }
        if let signature { sections.append((.signature, try signature.encoded())) }
        guard ImageFormat.sectionCount.contains(sections.count) else {
            throw EnclaveImageError(
                .sectionCount,
                "\(sections.count) sections, of at most \(ImageFormat.sectionCount.upperBound)"
            )
        }
        return sections
    }
}

/// Rules for what is in a section, the same for reading and writing.
enum ImageContent: Sendable {
    static func checkCommandLine(_ bytes: [UInt8]) throws(EnclaveImageError) {
        guard bytes.count <= ImageFormat.maximumCommandLineLength else {
            throw EnclaveImageError(
                .malformedCommandLine,
                "the command line has \(bytes.count) bytes, of at most \(ImageFormat.maximumCommandLineLength)"
            )
        }
        // The kernel would stop reading there, whoever prints it might not.
        guard !bytes.contains(0) else {
            throw EnclaveImageError(.malformedCommandLine, "the command line holds a zero byte")
        }
    }
}
