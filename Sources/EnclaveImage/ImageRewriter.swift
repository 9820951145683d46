// SPDX-License-Identifier: Apache-2.0

import Glibc

extension EnclaveImageFile {
    /// Writes a signed copy: the sections of the image as they stand, without a signature that is there, and the new one at
    /// the end. Then reads the copy, and returns it if it is valid, has the same PCR0 to PCR2, and is rightly signed.
    ///
    /// Version 2 becomes 3, which has signatures.
    ///
    /// - Parameters:
    ///   - signer: Whose signature it gets.
    ///   - input: The file that this value was read from, open for reading. If it changed since, the copy is refused.
    ///   - output: An empty regular file, open for reading and writing. Its content is of no use if this throws.
    /// - Returns: The copy, as it was read back.
    /// - Throws: ``EnclaveImageError``: `unreadable` for either file; `sectionCount` if there is no room for a section
    ///   more; `wrongSignedValue` if the input changed.
    public func writeSigned(
        by signer: ImageSigner,
        from input: CInt,
        to output: CInt
    ) throws(EnclaveImageError) -> EnclaveImageFile {
        let signature = try signer.sign(pcr0: measurements.pcr0)
        let section = try signature.encoded()
        let kept = sections.filter { $0.kind != .signature }
        guard kept.count < ImageFormat.sectionCount.upperBound else {
            throw EnclaveImageError(.sectionCount, "there is no room for another section")
        }
        var header = ImageHeader(
            version: UInt16(max(version, ImageFormat.signatureVersion)),
            flags: architecture.flags,
            defaultMemory: defaultMemory,
            defaultCPUs: defaultCPUs,
            sectionSizes: kept.map(\.size) + [section.count]
        )
        var writer = ImageWriter(to: output, at: ImageFormat.headerLength)
        writer.checksum.update(Array(header.encoded.prefix(ImageFormat.checksumOffset)))
        let source = try ImageSource(descriptor: input)
        for part in kept {
            try writer.write(ImageSectionHeader(part.kind, size: part.size).encoded)
            guard part.offset + part.size <= source.length else {
                throw EnclaveImageError(.unreadable, "the file became shorter since it was read")
            }
            try writer.copy(part.size, from: source, at: part.offset)
        }
        try writer.write(ImageSectionHeader(.signature, size: section.count).encoded)
        try writer.write(section)
        header.checksum = writer.checksum.value
        var front = ImageWriter(to: output, at: 0)
        try front.write(header.encoded)

        let copy = try EnclaveImageFile(reading: output)
        guard copy.measurements.pcr0 == measurements.pcr0, copy.measurements.pcr1 == measurements.pcr1,
            copy.measurements.pcr2 == measurements.pcr2, let written = copy.signature
        else {
            throw EnclaveImageError(.wrongSignedValue, "the image changed while it was signed")
        }
        try written.check(pcr0: copy.measurements.pcr0)
        return copy
    }
}

/// Writes pieces one behind the other, and counts them in a checksum.
private struct ImageWriter {
    private static let pieceLength = 256 << 10

    private let descriptor: CInt
    private var offset: Int
    var checksum = CRC32()

    init(to descriptor: CInt, at offset: Int) {
        self.descriptor = descriptor
        self.offset = offset
    }

    mutating func write(_ bytes: [UInt8]) throws(EnclaveImageError) { try write(bytes, bytes.count) }

    mutating func copy(_ size: Int, from source: ImageSource, at start: Int) throws(EnclaveImageError) {
        var piece = [UInt8](repeating: 0, count: min(Self.pieceLength, size))
        var done = 0
        while done < size {
            let count = min(piece.count, size - done)
            try source.read(count, at: start + done, into: &piece)
            try write(piece, count)
            done += count
        }
    }

    /// The first `count` of `bytes`.
    private mutating func write(_ bytes: [UInt8], _ count: Int) throws(EnclaveImageError) {
        var done = 0
        while done < count {
            let written = unsafe bytes.withUnsafeBytes { buffer in
                unsafe pwrite(descriptor, buffer.baseAddress?.advanced(by: done), count - done, off_t(offset + done))
            }
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else { throw ImageSource.failure("pwrite", errno) }
            done += written
        }
        unsafe checksum.update(bytes.span.bytes.extracting(0..<count))
        offset += count
    }
}
