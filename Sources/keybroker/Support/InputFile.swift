// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation

/// Files that a user names.
enum InputFile: Sendable {
    /// Larger inputs are refused before they are read: no document, key or configuration comes near.
    static let maximumLength = 16 << 20

    /// The bytes of a file, or of standard input for `-`.
    static func read(_ path: String, limit: Int = maximumLength) throws(CommandFailure) -> [UInt8] {
        do {
            if path == "-" {
                let data = try FileHandle.standardInput.read(upToCount: limit + 1) ?? Data()
                guard data.count <= limit else { throw CommandFailure.usage("standard input: too large") }
                return [UInt8](data)
            }
            let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            defer { try? handle.close() }
            let data = try handle.read(upToCount: limit + 1) ?? Data()
            guard data.count <= limit else { throw CommandFailure.usage("\(path): too large") }
            return [UInt8](data)
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw .usage("\(path): cannot be read: \(reason(error))")
        }
    }

    /// The bytes that a file means: raw, or what it encodes in base64 or hex.
    ///
    /// Empty input, or any byte outside base64, hex and white space, is raw.
    static func decode(_ bytes: [UInt8], named name: String) throws(CommandFailure) -> [UInt8] {
        guard !bytes.isEmpty, bytes.allSatisfy(isText) else { return bytes }
        let text = String(decoding: bytes.filter { !isSpace($0) }, as: UTF8.self)
        if text.isEmpty { return bytes }
        if text.utf8.count.isMultiple(of: 2), let decoded = try? Hex.decode(text) { return decoded }
        if let decoded = try? Base64.decode(text) { return decoded }
        throw .usage("\(name): looks like text, and is neither base64 nor hex")
    }

    /// Writes whole files only: a reader sees the old bytes or the new ones. Secrets get `permissions` 0600.
    static func write(_ bytes: [UInt8], to path: String, permissions: Int = 0o644) throws(CommandFailure) {
        let temporary = path + ".new"
        let manager = FileManager.default
        try? manager.removeItem(atPath: temporary)
        guard
            manager.createFile(
                atPath: temporary,
                contents: Data(bytes),
                attributes: [.posixPermissions: permissions]
            )
        else {
            throw .failed("\(path): cannot be written: \(SystemError.text(errno))")
        }
        guard unsafe rename(temporary, path) == 0 else {
            throw .failed("\(path): cannot be written: \(SystemError.text(errno))")
        }
    }

    /// Makes a folder for its user only, and those that it is in, where there are none.
    static func makeFolder(_ path: String) throws(CommandFailure) {
        do {
            try FileManager.default.createDirectory(
                atPath: path,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700]
            )
        } catch {
            throw .failed("\(path): cannot be made: \(error.localizedDescription)")
        }
    }

    private static func isText(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "+"), UInt8(ascii: "/"), UInt8(ascii: "="):
            true
        default:
            isSpace(byte)
        }
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }

    private static func reason(_ error: any Error) -> String {
        let underlying = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
        let code = underlying?.domain == NSPOSIXErrorDomain ? underlying?.code : nil
        return code.map { SystemError.text(Int32($0)) } ?? error.localizedDescription
    }
}
