// SPDX-License-Identifier: Apache-2.0

/// Writes cpio archives in the "newc" format, which the kernel unpacks at boot (Linux,
/// Documentation/driver-api/early-userspace/buffer-format.rst).
///
/// The same files give the same bytes: owner root, time 0, inodes counted from 1, no device numbers. Not compressed: what
/// is measured is what runs, and no compressor's version is part of it.
package enum CPIOArchive: Sendable {
    private static let magic = "070701"
    private static let alignment = 4
    /// Archives end on a whole block, and the next ramdisk begins on a multiple of four, as the kernel wants it.
    private static let blockLength = 512
    /// Fields are eight hexadecimal digits.
    private static let maximumFileLength = Int(UInt32.max)
    private static let folderMode: UInt32 = 0o040755
    private static let fileMode: UInt32 = 0o100644
    private static let executableMode: UInt32 = 0o100755
    private static let trailer = "TRAILER!!!"

    /// - Parameter tree: What is in the archive.
    /// - Returns: The archive, its length a multiple of 512.
    /// - Throws: ``ImageBuildError`` for a file of 4 GiB or more.
    package static func newc(_ tree: ArchiveTree) throws(ImageBuildError) -> [UInt8] {
        var archive: [UInt8] = []
        var inode: UInt32 = 0
        for entry in tree.entries {
            inode &+= 1
            switch entry.content {
            case .folder:
                append(Record(name: entry.path, inode: inode, mode: folderMode, links: 2), [], to: &archive)
            case .file(let bytes, let isExecutable):
                guard bytes.count <= maximumFileLength else {
                    throw ImageBuildError("/\(entry.path) is too large for an image")
                }
                let mode = isExecutable ? executableMode : fileMode
                append(Record(name: entry.path, inode: inode, mode: mode, links: 1), bytes, to: &archive)
            }
        }
        append(Record(name: trailer, inode: 0, mode: 0, links: 1), [], to: &archive)
        pad(&archive, to: blockLength)
        return archive
    }

    private struct Record {
        let name: String
        let inode: UInt32
        let mode: UInt32
        let links: UInt32
    }

    private static func append(_ record: Record, _ bytes: [UInt8], to archive: inout [UInt8]) {
        archive += magic.utf8
        let fields: [UInt32] = [
            record.inode, record.mode,
            0, 0,  // owner, group
            record.links,
            0,  // time
            UInt32(clamping: bytes.count),
            0, 0, 0, 0,  // device of the file, device that it is
            UInt32(clamping: record.name.utf8.count + 1),
            0,  // check sum, of another format
        ]
        for field in fields { archive += digits(field) }
        archive += record.name.utf8
        archive.append(0)
        pad(&archive, to: alignment)
        archive += bytes
        pad(&archive, to: alignment)
    }

    private static func digits(_ value: UInt32) -> [UInt8] {
        let digits = Array(String(value, radix: 16).utf8)
        return [UInt8](repeating: UInt8(ascii: "0"), count: 8 - digits.count) + digits
    }

    private static func pad(_ archive: inout [UInt8], to length: Int) {
        let excess = archive.count % length
        if excess > 0 { archive += [UInt8](repeating: 0, count: length - excess) }
    }
}
