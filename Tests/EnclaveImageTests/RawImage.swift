// SPDX-License-Identifier: Apache-2.0

/// An image file put together by hand, right or wrong: what the library writes is no part of it.
struct RawImage: Sendable {
    struct Section: Sendable {
        var kind: UInt16
        var data: [UInt8]
        var flags: UInt16 = 0
        /// What the section's own header says; nil for the truth.
        var statedSize: UInt64?
        /// What the file's header says; nil for the truth.
        var tableSize: UInt64?
        /// Where the file's header says that it begins; nil for the truth.
        var tableOffset: UInt64?
        /// Bytes before it that belong to nothing.
        var gap: [UInt8] = []
    }

    var magic: [UInt8] = Array(".eif".utf8)
    var version: UInt16 = 4
    var flags: UInt16 = 0
    var reserved: UInt16 = 0
    var unused: UInt32 = 0
    /// Nil for the truth.
    var sectionCount: UInt16?
    var sections: [Section]
    var trailing: [UInt8] = []
    /// What is added to the right checksum.
    var checksumError: UInt32 = 0

    static let metadata = Array(
        #"""
        {"ImageName":"n","ImageVersion":"1","BuildMetadata":{"BuildTime":"t","BuildTool":"b","BuildToolVersion":"v",\#
        "OperatingSystem":"Linux","KernelVersion":"k"},"DockerInfo":null,"CustomMetadata":null}
        """#.utf8
    )

    static let kernel = Section(kind: 1, data: ExampleImage.bytes(101, seed: 5))
    static let commandLine = Section(kind: 2, data: Array("quiet".utf8))
    static let ramdisk = Section(kind: 3, data: ExampleImage.bytes(55, seed: 6))
    static let application = Section(kind: 3, data: ExampleImage.bytes(77, seed: 7))
    static let information = Section(kind: 5, data: metadata)

    /// Nothing is wrong with it.
    static let valid = RawImage(sections: [kernel, commandLine, information, ramdisk, application])

    /// With one thing changed.
    func with(_ change: (inout RawImage) -> Void) -> RawImage {
        var copy = self
        change(&copy)
        return copy
    }

    var bytes: [UInt8] {
        var offsets: [UInt64] = []
        var sizes: [UInt64] = []
        var body: [UInt8] = []
        for section in sections {
            body += section.gap
            offsets.append(section.tableOffset ?? UInt64(548 + body.count))
            sizes.append(section.tableSize ?? UInt64(section.data.count))
            body += big(section.kind) + big(section.flags) + big(section.statedSize ?? UInt64(section.data.count))
            body += section.data
        }
        body += trailing
        var header = magic + big(version) + big(flags) + big(UInt64(1 << 30)) + big(UInt64(2)) + big(reserved)
        header += big(sectionCount ?? UInt16(sections.count))
        for list in [offsets, sizes] {
            for index in 0..<32 { header += big(index < list.count ? list[index] : 0) }
        }
        header += big(unused)
        return header + big(Self.checksum(header + body) &+ checksumError) + body
    }

    /// The same file after somebody changed it and mended its checksum.
    static func mended(_ bytes: [UInt8]) -> [UInt8] {
        let content = Array(bytes[..<544] + bytes[548...])
        return Array(bytes[..<544]) + RawImage.valid.big(checksum(content)) + Array(bytes[548...])
    }

    /// Bit by bit, as the polynomial is defined.
    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        var state: UInt32 = 0xFFFF_FFFF
        for byte in bytes {
            state ^= UInt32(byte)
            for _ in 0..<8 { state = state & 1 == 1 ? (state >> 1) ^ 0xEDB8_8320 : state >> 1 }
        }
        return ~state
    }

    private func big<T: FixedWidthInteger & UnsignedInteger>(_ value: T) -> [UInt8] {
        (0..<T.bitWidth / 8).reversed().map { UInt8(truncatingIfNeeded: value >> T(8 * $0)) }
    }
}
