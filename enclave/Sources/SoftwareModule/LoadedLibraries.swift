// SPDX-License-Identifier: Apache-2.0

import CPlatform
import Glibc

/// Paths of the shared libraries that a program maps at start, the dynamic loader among them.
enum LoadedLibraries {
    /// Loaders that are run to resolve a program's libraries. The program itself names its loader, and is not trusted to
    /// name any other program.
    private static let interpreters: Set<String> = ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"]
    /// Lines for some thousand libraries.
    private static let maximumListingLength = 1 << 18

    static func ofRunningProgram() -> [String] {
        var paths: [String] = []
        unsafe withUnsafeMutablePointer(to: &paths) { paths in
            unsafe kb_each_loaded_object(
                { name, context in
                    guard let name = unsafe name, let context = unsafe context else { return }
                    unsafe context.assumingMemoryBound(to: [String].self).pointee.append(String(cString: name))
                },
                paths
            )
        }
        // The program itself has no name, and the vDSO no path.
        return paths.filter { $0.contains("/") }
    }

    static func predicted(forExecutable path: String) throws(SoftwareModuleError) -> [String] {
        guard let interpreter = try ELFFile.interpreter(of: path) else { return [] }
        guard interpreters.contains(interpreter) else {
            throw SoftwareModuleError("\(path) asks for the loader \(interpreter), which is not known")
        }
        // The loader looks for libraries relative to the file that a link leads to, as the kernel does.
        guard let resolved = unsafe realpath(path, nil) else { throw .system("open", path, errno) }
        defer { unsafe free(resolved) }
        var output = [CChar](repeating: 0, count: maximumListingLength)
        var length = output.count
        let failure = unsafe kb_list_shared_objects(interpreter, resolved, &output, &length)
        guard failure == 0 else { throw .system("resolve the libraries of", path, failure) }
        let bytes = output.prefix(length).map { UInt8(bitPattern: $0) }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw SoftwareModuleError("the loader's list of the libraries of \(path) is not text")
        }
        return try parse(listing: text, of: path)
    }

    /// Lines of `ld.so --list`: `name => path (address)`, `path (address)`, `linux-vdso.so.1 (address)`, or
    /// `name => not found`.
    static func parse(listing: String, of program: String) throws(SoftwareModuleError) -> [String] {
        var paths: [String] = []
        for line in listing.split(separator: "\n") {
            let entry = line.drop { $0 == "\t" || $0 == " " }
            let parts = entry.split(separator: " => ", maxSplits: 1)
            guard let target = parts.last, let end = target.range(of: " (0x") else {
                throw SoftwareModuleError("\(program) does not start here: \(entry)")
            }
            let path = target[..<end]
            if path.contains("/") { paths.append(String(path)) }
        }
        return paths
    }
}

extension Substring {
    /// Where the last occurrence of `text` begins.
    fileprivate func range(of text: String) -> Index? {
        indices.last { self[$0...].hasPrefix(text) }
    }
}

/// As much of ELF (System V ABI) as tells which loader a program asks for.
enum ELFFile {
    private static let headerLength = 64
    private static let programHeaderLength = 56
    private static let maximumProgramHeaders = 128
    private static let maximumInterpreterLength = 256
    private static let interpreterType: UInt64 = 3

    /// The path in PT_INTERP; nil for a static executable.
    static func interpreter(of path: String) throws(SoftwareModuleError) -> String? {
        let file = try OpenFile(path)
        let header = try file.bytes(at: 0, count: headerLength)
        // 64-bit, little-endian.
        guard header.count == headerLength, header.starts(with: [0x7f, 0x45, 0x4c, 0x46, 2, 1]),
            number(header, at: 54, width: 2) == UInt64(programHeaderLength),
            let tableOffset = Int64(exactly: number(header, at: 32, width: 8)),
            case let count = Int(truncatingIfNeeded: number(header, at: 56, width: 2)), count <= maximumProgramHeaders
        else { throw SoftwareModuleError("\(path) is not a 64-bit little-endian ELF executable") }
        let table = try file.bytes(at: tableOffset, count: count * programHeaderLength)
        guard table.count == count * programHeaderLength else {
            throw SoftwareModuleError("\(path) ends inside its program headers")
        }
        for start in stride(from: 0, to: table.count, by: programHeaderLength)
        where number(table, at: start, width: 4) == interpreterType {
            guard let offset = Int64(exactly: number(table, at: start + 8, width: 8)),
                let length = Int(exactly: number(table, at: start + 32, width: 8)),
                (2...maximumInterpreterLength).contains(length),
                case let bytes = try file.bytes(at: offset, count: length), bytes.count == length, bytes.last == 0,
                let interpreter = String(validating: bytes.dropLast(), as: UTF8.self)
            else { throw SoftwareModuleError("\(path) names its loader wrongly") }
            return interpreter
        }
        return nil
    }

    /// Little-endian; the caller has checked the bounds.
    private static func number(_ bytes: [UInt8], at offset: Int, width: Int) -> UInt64 {
        bytes[offset..<offset + width].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
