// SPDX-License-Identifier: Apache-2.0

import Glibc

/// An enclave image as somebody else made it: validated and measured, read in pieces of at most 256 KiB whatever it says of
/// itself. Only command line, metadata and signature are held in memory, each below a limit.
///
/// ```swift
/// let file = try EnclaveImageFile(path: "broker.eif")
/// print(file.measurements.pcr0)
/// try file.check(ImagePolicy(pcrs: [0: expected]), at: now)
/// ```
public struct EnclaveImageFile: Sendable {
    /// Of the format: 2 to 4.
    public let version: Int
    /// The processor that the kernel is for.
    public let architecture: EnclaveImage.Architecture
    /// Bytes. Nothing reads it.
    public let defaultMemory: UInt64
    /// Nothing reads it.
    public let defaultCPUs: UInt64
    /// In the order in which they stand in the file.
    public let sections: [ImageSection]
    /// The kernel's parameters, as they stand in the file.
    public let commandLine: [UInt8]
    /// Nil in versions 2 and 3, which need none. In no measurement: whoever has the file can change it.
    public let metadata: ImageMetadata?
    /// Nil for an image that nobody signed. Not verified: ``check(_:at:)`` does.
    public let signature: ImageSignature?
    /// Whether the checksum in the header is that of the file. Always true without ``ImageLeniency/wrongChecksum``.
    public let isChecksumRight: Bool
    /// What the security module will report.
    public let measurements: EnclaveMeasurements

    /// Reads an open regular file from its start to its end. The descriptor stays the caller's, and its position as it is.
    ///
    /// - Throws: ``EnclaveImageError`` for the first thing wrong: the header, its table of sections, their headers, the
    ///   checksum, their content.
    public init(reading descriptor: CInt, allowing leniency: ImageLeniency = []) throws(EnclaveImageError) {
        try self.init(try ImageSource(descriptor: descriptor), leniency)
    }

    /// Opens, reads and closes the file.
    ///
    /// - Throws: as ``init(reading:allowing:)``; `unreadable` with the system's reason.
    public init(path: String, allowing leniency: ImageLeniency = []) throws(EnclaveImageError) {
        // Never waits for the other end of a pipe.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw ImageSource.failure("open", errno) }
        defer { close(descriptor) }
        try self.init(reading: descriptor, allowing: leniency)
    }

    /// Reads the bytes of a file.
    ///
    /// - Throws: as ``init(reading:allowing:)``.
    public init(parsing bytes: [UInt8], allowing leniency: ImageLeniency = []) throws(EnclaveImageError) {
        try self.init(.memory(bytes), leniency)
    }

    private init(_ source: ImageSource, _ leniency: ImageLeniency) throws(EnclaveImageError) {
        let table = try ImageTable(source)
        var scan = ImageScan(source)
        scan.count(header: table.headerBytes)
        for section in table.sections { try scan.read(section) }
        isChecksumRight = scan.checksum == table.header.checksum
        guard isChecksumRight || leniency.contains(.wrongChecksum) else {
            throw EnclaveImageError(.wrongChecksum, "the checksum in the header is not that of the file")
        }
        version = Int(table.header.version)
        architecture = table.header.flags & ImageFormat.aarch64Flag == 0 ? .x86_64 : .aarch64
        defaultMemory = table.header.defaultMemory
        defaultCPUs = table.header.defaultCPUs
        sections = table.sections
        commandLine = scan.kept[.commandLine] ?? []
        try ImageContent.checkCommandLine(commandLine)
        metadata = try scan.kept[.metadata].map { (bytes) throws(EnclaveImageError) in
            try ImageMetadata(parsing: bytes)
        }
        let signature = try scan.kept[.signature].map { (bytes) throws(EnclaveImageError) in
            try ImageSignature(parsing: bytes)
        }
        self.signature = signature
        measurements = scan.finish(certificate: signature?.certificate.der)
    }
}

/// What a reader lets pass. All off by default.
public struct ImageLeniency: OptionSet, Sendable {
    /// The options as bits.
    public let rawValue: Int
    /// For the options below.
    public init(rawValue: Int) { self.rawValue = rawValue }

    /// Takes a file whose checksum is wrong, so that it can be described. The security module would not start it.
    public static let wrongChecksum = ImageLeniency(rawValue: 1 << 0)
}

/// One pass over a file: checksum, measurements, and the small sections.
struct ImageScan: ~Copyable {
    private static let pieceLength = 256 << 10

    private let source: ImageSource
    private var crc = CRC32()
    private var measurer = ImageMeasurer()
    /// Command line, metadata and signature.
    private(set) var kept: [ImageSectionKind: [UInt8]] = [:]

    init(_ source: ImageSource) {
        self.source = source
    }

    var checksum: UInt32 { crc.value }

    mutating func count(header: [UInt8]) { crc.update(Array(header.prefix(ImageFormat.checksumOffset))) }

    /// Reads a section that is within the source; then the next one behind it.
    mutating func read(_ section: ImageSection) throws(EnclaveImageError) {
        let head = ImageSectionHeader(section.kind, size: section.size)
        crc.update(head.encoded)
        let part = measurer.part(of: section.kind)
        let isKept = section.kind != .kernel && section.kind != .ramdisk
        var content: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: min(Self.pieceLength, section.size))
        var done = 0
        while done < section.size {
            let count = min(piece.count, section.size - done)
            try source.read(count, at: section.offset + done, into: &piece)
            let span = unsafe piece.span.bytes.extracting(0..<count)
            crc.update(span)
            measurer.update(span, of: part)
            if isKept { content += piece.prefix(count) }
            done += count
        }
        if isKept { kept[section.kind] = content }
    }

    consuming func finish(certificate: [UInt8]?) -> EnclaveMeasurements {
        measurer.finish(certificate: certificate)
    }
}
