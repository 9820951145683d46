// SPDX-License-Identifier: Apache-2.0

/// As much of an ELF file (System V ABI, 64 bits, little-endian) as tells which machine it is for and what it needs to
/// start.
package struct ELFObject: Sendable, Equatable {
    /// `e_machine`.
    package enum Machine: UInt16, Sendable {
        case x86_64 = 62
        case aarch64 = 183
    }

    package let machine: Machine
    /// The dynamic loader; nil for libraries, static programs and kernel modules.
    package let interpreter: String?
    /// Names of libraries (DT_NEEDED), in their order.
    package let needed: [String]
    /// Folders that come before the usual ones (DT_RUNPATH, else DT_RPATH), `$ORIGIN` as written.
    package let searchPath: [String]

    private static let magic: [UInt8] = [0x7f, 0x45, 0x4c, 0x46, 2, 1]
    private static let programHeaderLength = 56
    /// More than linkers make.
    private static let maximumProgramHeaders = 128
    private static let maximumDynamicEntries = 4_096
    private static let maximumNameLength = 4_096

    private enum Segment {
        static let load: UInt64 = 1
        static let dynamic: UInt64 = 2
        static let interpreter: UInt64 = 3
    }

    private enum Tag {
        static let end: UInt64 = 0
        static let needed: UInt64 = 1
        static let strings: UInt64 = 5
        static let path: UInt64 = 15
        static let runPath: UInt64 = 29
    }

    /// - Parameters:
    ///   - bytes: The whole file.
    ///   - path: For messages.
    /// - Throws: ``ImageBuildError`` if it is something else, or broken.
    package init(_ bytes: [UInt8], path: String) throws(ImageBuildError) {
        let file = Fields(bytes: bytes, path: path)
        guard bytes.starts(with: Self.magic),
            let machine = Machine(rawValue: UInt16(truncatingIfNeeded: try file.number(at: 18, width: 2)))
        else { throw ImageBuildError("\(path) is not an ELF file for x86_64 or aarch64") }
        let count = try file.number(at: 56, width: 2)
        let entryLength = try file.number(at: 54, width: 2)
        guard count == 0 || entryLength == Self.programHeaderLength, count <= Self.maximumProgramHeaders else {
            throw file.broken
        }
        let table = try file.offset(try file.number(at: 32, width: 8))
        var loads: [(address: UInt64, offset: UInt64, length: UInt64)] = []
        var dynamic: (offset: UInt64, length: UInt64)?
        var interpreter: String?
        for index in 0..<Int(count) {
            let start = table + index * Self.programHeaderLength
            let offset = try file.number(at: start + 8, width: 8)
            let length = try file.number(at: start + 32, width: 8)
            switch try file.number(at: start, width: 4) {
            case Segment.load: loads.append((try file.number(at: start + 16, width: 8), offset, length))
            case Segment.dynamic: dynamic = (offset, length)
            case Segment.interpreter: interpreter = try file.text(at: try file.offset(offset))
            default: break
            }
        }
        self.machine = machine
        self.interpreter = interpreter
        guard let dynamic else {
            needed = []
            searchPath = []
            return
        }
        var names: [UInt64] = []
        var path: UInt64?
        var runPath: UInt64?
        var strings: UInt64?
        let first = try file.offset(dynamic.offset)
        for index in 0..<min(Int(clamping: dynamic.length / 16), Self.maximumDynamicEntries) {
            let value = try file.number(at: first + index * 16 + 8, width: 8)
            let tag = try file.number(at: first + index * 16, width: 8)
            if tag == Tag.end { break }
            switch tag {
            case Tag.needed: names.append(value)
            case Tag.strings: strings = value
            case Tag.path: path = value
            case Tag.runPath: runPath = value
            default: break
            }
        }
        guard let strings,
            let segment = loads.first(where: { $0.address <= strings && strings - $0.address < $0.length })
        else { throw file.broken }
        let base = try file.offset(segment.offset &+ (strings - segment.address))
        func name(_ index: UInt64) throws(ImageBuildError) -> String {
            let (position, overflow) = base.addingReportingOverflow(try file.offset(index))
            guard !overflow else { throw file.broken }
            return try file.text(at: position)
        }
        var needed: [String] = []
        for index in names { needed.append(try name(index)) }
        self.needed = needed
        searchPath =
            try (runPath ?? path).map { (index) throws(ImageBuildError) in
                try name(index).split(separator: ":").map(String.init)
            } ?? []
    }

    /// Numbers and texts at places that the file itself names.
    private struct Fields {
        let bytes: [UInt8]
        let path: String

        var broken: ImageBuildError { ImageBuildError("\(path) is a broken ELF file") }

        func offset(_ value: UInt64) throws(ImageBuildError) -> Int {
            guard value <= UInt64(bytes.count) else { throw broken }
            return Int(value)
        }

        func number(at offset: Int, width: Int) throws(ImageBuildError) -> UInt64 {
            guard offset >= 0, offset <= bytes.count - width else { throw broken }
            return bytes[offset..<offset + width].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }

        func text(at offset: Int) throws(ImageBuildError) -> String {
            guard offset < bytes.count,
                let end = bytes[offset...].prefix(ELFObject.maximumNameLength).firstIndex(of: 0),
                let text = String(validating: bytes[offset..<end], as: UTF8.self)
            else { throw broken }
            return text
        }
    }
}
