// SPDX-License-Identifier: Apache-2.0

/// A file or folder of a ramdisk. It belongs to root, and has no time.
package struct ArchiveEntry: Sendable, Equatable {
    package enum Content: Sendable, Equatable {
        case folder
        case file([UInt8], isExecutable: Bool)
    }

    /// From the root, without the slash in front: `usr/bin/keybroker-enclave`.
    package let path: String
    package let content: Content
}

/// The files of a ramdisk, with every folder that they need, in the one order that there is.
package struct ArchiveTree: Sendable, Equatable {
    /// PATH_MAX of Linux, which the kernel's reader of archives applies to names with their zero (init/initramfs.c).
    package static let maximumPathLength = 4_095

    private var contents: [String: ArchiveEntry.Content] = [:]

    package init() {}

    /// Sorted by the bytes of their paths, so that a folder stands before what is in it.
    package var entries: [ArchiveEntry] {
        contents.map { ArchiveEntry(path: $0.key, content: $0.value) }
            .sorted { $0.path.utf8.lexicographicallyPrecedes($1.path.utf8) }
    }

    /// - Parameters:
    ///   - path: Absolute.
    ///   - bytes: Of the file.
    ///   - isExecutable: Mode 0755; else 0644.
    /// - Throws: ``ImageBuildError`` for a path that is taken or that is none.
    package mutating func add(file path: String, _ bytes: [UInt8], isExecutable: Bool = false) throws(ImageBuildError) {
        let name = try add(parentsOf: path)
        guard contents.updateValue(.file(bytes, isExecutable: isExecutable), forKey: name) == nil else {
            throw ImageBuildError("\(path) would be in the image twice")
        }
    }

    /// - Parameter path: Absolute.
    /// - Throws: ``ImageBuildError`` for a path of a file or that is none.
    package mutating func add(folder path: String) throws(ImageBuildError) {
        try add(folder: try add(parentsOf: path), within: path)
    }

    private mutating func add(folder name: String, within path: String) throws(ImageBuildError) {
        guard contents.updateValue(.folder, forKey: name) ?? .folder == .folder else {
            throw ImageBuildError("\(path): /\(name) would be a file and a folder")
        }
    }

    /// The name in the archive, its folders added.
    private mutating func add(parentsOf path: String) throws(ImageBuildError) -> String {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        guard path.hasPrefix("/"), path.utf8.count <= Self.maximumPathLength, !path.utf8.contains(0),
            parts.allSatisfy({ !["", ".", ".."].contains($0) })
        else { throw ImageBuildError("\(path) is not a plain absolute path") }
        for count in 1..<parts.count where parts.count > 1 {
            try add(folder: parts.prefix(count).joined(separator: "/"), within: path)
        }
        return parts.joined(separator: "/")
    }
}
