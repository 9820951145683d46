// SPDX-License-Identifier: Apache-2.0

/// A section of a file.
public struct ImageSection: Sendable, Equatable {
    /// What it holds.
    public let kind: ImageSectionKind
    /// Where its data begins: behind the 12 bytes of its own header.
    public let offset: Int
    /// Bytes of its data.
    public let size: Int
}

/// The header and the headers of the sections, validated against each other and against the length of the file, before
/// anything that they point to is read.
struct ImageTable: Sendable {
    let header: ImageHeader
    /// The bytes of the header.
    let headerBytes: [UInt8]
    let sections: [ImageSection]

    init(_ source: ImageSource) throws(EnclaveImageError) {
        headerBytes = try source.bytes(min(ImageFormat.headerLength, source.length), at: 0)
        let magic = ImageFormat.magic
        guard headerBytes.prefix(magic.count).elementsEqual(magic.prefix(headerBytes.count)), !headerBytes.isEmpty
        else {
            throw EnclaveImageError(.wrongMagic, "the file does not begin with .eif")
        }
        guard headerBytes.count == ImageFormat.headerLength else {
            throw EnclaveImageError(
                .truncatedHeader,
                "the file has \(headerBytes.count) bytes, its header should have \(ImageFormat.headerLength)"
            )
        }
        header = try ImageHeader(decoding: headerBytes)
        try Self.checkFields(header)
        try Self.checkPlaces(header, fileLength: source.length)
        sections = try Self.readSections(header, source)
        try Self.checkSet(sections, version: header.version)
    }

    // MARK: The file's header

    private static func checkFields(_ header: ImageHeader) throws(EnclaveImageError) {
        guard ImageFormat.readableVersions.contains(header.version) else {
            throw EnclaveImageError(
                .unsupportedVersion,
                "version \(header.version), of \(ImageFormat.readableVersions.lowerBound) to "
                    + "\(ImageFormat.readableVersions.upperBound)"
            )
        }
        guard header.flags & ~ImageFormat.aarch64Flag == 0, header.reserved == 0, header.unused == 0 else {
            throw EnclaveImageError(.reservedBits, "a flag or a reserved field of the header is set")
        }
        guard ImageFormat.sectionCount.contains(Int(header.sectionCount)) else {
            throw EnclaveImageError(
                .sectionCount,
                "\(header.sectionCount) sections, of \(ImageFormat.sectionCount.lowerBound) to "
                    + "\(ImageFormat.sectionCount.upperBound)"
            )
        }
        let count = Int(header.sectionCount)
        guard (header.offsets[count...] + header.sizes[count...]).allSatisfy({ $0 == 0 }) else {
            throw EnclaveImageError(.reservedBits, "the header has a place or size beyond its \(count) sections")
        }
    }

    /// Sections follow the header and each other, and the file ends with the last: then every reader, by offsets or in
    /// sequence, sees the same.
    private static func checkPlaces(_ header: ImageHeader, fileLength: Int) throws(EnclaveImageError) {
        let fileLength = UInt64(fileLength)
        var expected = UInt64(ImageFormat.headerLength)
        for index in 0..<Int(header.sectionCount) {
            let (offset, size) = (header.offsets[index], header.sizes[index])
            guard offset >= expected else {
                throw EnclaveImageError(
                    .overlappingSections,
                    "section \(index) begins at \(offset), what is before it ends at \(expected)"
                )
            }
            let head = UInt64(ImageFormat.sectionHeaderLength)
            guard offset <= fileLength, fileLength - offset >= head, fileLength - offset - head >= size else {
                throw EnclaveImageError(
                    .truncatedSection,
                    "section \(index) of \(size) bytes at \(offset) reaches beyond the end of the file, \(fileLength)"
                )
            }
            guard offset == expected else {
                throw EnclaveImageError(
                    .gapBetweenSections,
                    "section \(index) begins at \(offset), what is before it ends at \(expected)"
                )
            }
            expected = offset + head + size
        }
        guard expected == fileLength else {
            throw EnclaveImageError(
                .trailingBytes,
                "the last section ends at \(expected), the file at \(fileLength)"
            )
        }
    }

    // MARK: The sections' headers

    private static func readSections(_ header: ImageHeader, _ source: ImageSource) throws(EnclaveImageError)
        -> [ImageSection]
    {
        var sections: [ImageSection] = []
        for index in 0..<Int(header.sectionCount) {
            // Within the file, as was just compared.
            let offset = Int(header.offsets[index])
            let section = try ImageSectionHeader(
                decoding: source.bytes(ImageFormat.sectionHeaderLength, at: offset)
            )
            guard let kind = ImageSectionKind(rawValue: section.kind) else {
                throw EnclaveImageError(.unknownSection, "section \(index) is of the unknown type \(section.kind)")
            }
            guard section.flags == 0 else {
                throw EnclaveImageError(.reservedBits, "section \(index) (\(kind)) has flags, which none defines")
            }
            guard section.size == header.sizes[index] else {
                throw EnclaveImageError(
                    .sizeMismatch,
                    "section \(index) (\(kind)) says \(section.size) bytes, the header of the file "
                        + "\(header.sizes[index])"
                )
            }
            try checkSize(kind, Int(header.sizes[index]))
            sections.append(
                ImageSection(kind: kind, offset: offset + ImageFormat.sectionHeaderLength, size: Int(section.size))
            )
        }
        return sections
    }

    /// Of what is read whole, and of the kernel.
    private static func checkSize(_ kind: ImageSectionKind, _ size: Int) throws(EnclaveImageError) {
        switch kind {
        case .kernel where size == 0:
            throw EnclaveImageError(.emptyKernel, "the kernel has no bytes")
        case .commandLine where size > ImageFormat.maximumCommandLineLength:
            throw EnclaveImageError(
                .malformedCommandLine,
                "the command line has \(size) bytes, of at most \(ImageFormat.maximumCommandLineLength)"
            )
        case .metadata where size > ImageFormat.maximumMetadataLength:
            throw EnclaveImageError(
                .malformedMetadata,
                "the metadata has \(size) bytes, of at most \(ImageFormat.maximumMetadataLength)"
            )
        case .signature where size > ImageFormat.maximumSignatureLength:
            throw EnclaveImageError(
                .signatureTooLarge,
                "the signature has \(size) bytes, of at most \(ImageFormat.maximumSignatureLength)"
            )
        default: break
        }
    }

    /// Which sections there are, and in which order.
    private static func checkSet(_ sections: [ImageSection], version: UInt16) throws(EnclaveImageError) {
        var seen: Set<ImageSectionKind> = []
        for (index, section) in sections.enumerated() {
            if section.kind == .ramdisk {
                guard seen.contains(.kernel) else {
                    throw EnclaveImageError(.sectionOrder, "section \(index), a ramdisk, stands before the kernel")
                }
            } else {
                guard seen.insert(section.kind).inserted else {
                    throw EnclaveImageError(.repeatedSection, "section \(index) is a second \(section.kind)")
                }
            }
        }
        guard seen.contains(.kernel) else { throw EnclaveImageError(.missingKernel, "there is no kernel") }
        guard seen.contains(.commandLine) else {
            throw EnclaveImageError(.missingCommandLine, "there is no command line")
        }
        guard version < ImageFormat.metadataVersion || seen.contains(.metadata) else {
            throw EnclaveImageError(.missingMetadata, "there is no metadata, which version \(version) demands")
        }
    }
}
