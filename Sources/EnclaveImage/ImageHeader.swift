// SPDX-License-Identifier: Apache-2.0

/// The header of the file, as numbers: not validated.
struct ImageHeader: Sendable, Equatable {
    var version: UInt16
    var flags: UInt16
    var defaultMemory: UInt64
    var defaultCPUs: UInt64
    var reserved: UInt16 = 0
    var sectionCount: UInt16
    /// Both have ``ImageFormat/tableLength`` places.
    var offsets: [UInt64]
    var sizes: [UInt64]
    var unused: UInt32 = 0
    var checksum: UInt32 = 0

    /// For sections that follow the header without gaps; there are at most 32 of them.
    init(version: UInt16, flags: UInt16, defaultMemory: UInt64, defaultCPUs: UInt64, sectionSizes: [Int]) {
        self.version = version
        self.flags = flags
        self.defaultMemory = defaultMemory
        self.defaultCPUs = defaultCPUs
        sectionCount = UInt16(truncatingIfNeeded: sectionSizes.count)
        var offset = UInt64(ImageFormat.headerLength)
        offsets = []
        sizes = []
        for size in sectionSizes.prefix(ImageFormat.tableLength) {
            offsets.append(offset)
            sizes.append(UInt64(size))
            offset += UInt64(ImageFormat.sectionHeaderLength + size)
        }
        let left = ImageFormat.tableLength - offsets.count
        offsets += [UInt64](repeating: 0, count: left)
        sizes += [UInt64](repeating: 0, count: left)
    }

    /// Reads ``ImageFormat/headerLength`` bytes, whose magic was looked at.
    init(decoding bytes: [UInt8]) throws(EnclaveImageError) {
        var reader = BigEndianReader(bytes.dropFirst(ImageFormat.magic.count))
        version = try reader.next()
        flags = try reader.next()
        defaultMemory = try reader.next()
        defaultCPUs = try reader.next()
        reserved = try reader.next()
        sectionCount = try reader.next()
        offsets = []
        sizes = []
        for _ in 0..<ImageFormat.tableLength { offsets.append(try reader.next()) }
        for _ in 0..<ImageFormat.tableLength { sizes.append(try reader.next()) }
        unused = try reader.next()
        checksum = try reader.next()
    }

    /// ``ImageFormat/headerLength`` bytes.
    var encoded: [UInt8] {
        var bytes = ImageFormat.magic
        bytes.reserveCapacity(ImageFormat.headerLength)
        bytes.append(bigEndian: version)
        bytes.append(bigEndian: flags)
        bytes.append(bigEndian: defaultMemory)
        bytes.append(bigEndian: defaultCPUs)
        bytes.append(bigEndian: reserved)
        bytes.append(bigEndian: sectionCount)
        for offset in offsets { bytes.append(bigEndian: offset) }
        for size in sizes { bytes.append(bigEndian: size) }
        bytes.append(bigEndian: unused)
        bytes.append(bigEndian: checksum)
        return bytes
    }
}

/// What stands before the data of a section.
struct ImageSectionHeader: Sendable, Equatable {
    var kind: UInt16
    var flags: UInt16 = 0
    var size: UInt64

    init(_ kind: ImageSectionKind, size: Int) {
        self.kind = kind.rawValue
        self.size = UInt64(size)
    }

    init(decoding bytes: [UInt8]) throws(EnclaveImageError) {
        var reader = BigEndianReader(bytes[...])
        kind = try reader.next()
        flags = try reader.next()
        size = try reader.next()
    }

    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        bytes.append(bigEndian: kind)
        bytes.append(bigEndian: flags)
        bytes.append(bigEndian: size)
        return bytes
    }
}

// MARK: Big-endian integers

extension [UInt8] {
    fileprivate mutating func append<T: FixedWidthInteger & UnsignedInteger>(bigEndian value: T) {
        for shift in stride(from: T.bitWidth - 8, through: 0, by: -8) {
            append(UInt8(truncatingIfNeeded: value >> T(shift)))
        }
    }
}

private struct BigEndianReader {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    mutating func next<T: FixedWidthInteger & UnsignedInteger>() throws(EnclaveImageError) -> T {
        let length = T.bitWidth / 8
        guard rest.count >= length else { throw EnclaveImageError(.truncatedHeader, "a header ends too early") }
        defer { rest = rest.dropFirst(length) }
        return rest.prefix(length).reduce(0) { $0 << 8 | T($1) }
    }
}
