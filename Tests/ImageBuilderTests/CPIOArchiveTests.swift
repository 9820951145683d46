// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import ImageBuilder
import TestSupport
import Testing

struct CPIOArchiveTests {
    private static func tree() throws -> ArchiveTree {
        var tree = ArchiveTree()
        try tree.add(file: "/usr/bin/program", Array("program\n".utf8), isExecutable: true)
        try tree.add(file: "/etc/a", [1, 2, 3])
        try tree.add(file: "/etc/empty", [])
        try tree.add(folder: "/proc")
        return tree
    }

    /// A reader of the format in another language, from the kernel's description of it: one line for each entry.
    private static let reader = """
        import sys
        data = sys.stdin.buffer.read()
        assert len(data) % 512 == 0, len(data)
        at = 0
        while True:
            assert at % 4 == 0 and data[at:at + 6] == b"070701", at
            f = [int(data[at + 6 + 8 * i:at + 14 + 8 * i], 16) for i in range(13)]
            ino, mode, uid, gid, nlink, mtime, size, dmaj, dmin, rmaj, rmin, namesize, check = f
            name = data[at + 110:at + 110 + namesize]
            assert name[-1:] == b"\\0" and check == 0 and (uid, gid, mtime, dmaj, dmin, rmaj, rmin) == (0,) * 7
            start = (at + 110 + namesize + 3) & ~3
            at = (start + size + 3) & ~3
            if name == b"TRAILER!!!\\0":
                assert not any(data[at:])
                break
            print(ino, oct(mode), nlink, name[:-1].decode(), data[start:start + size].hex())
        """

    @Test func `another reader finds the files, in the order of their names, owned by root and without times`()
        async throws
    {
        let output = try await Tool.python(Self.reader, input: try CPIOArchive.newc(try Self.tree()))
        #expect(
            String(decoding: output, as: UTF8.self) == """
                1 0o40755 2 etc\u{20}
                2 0o100644 1 etc/a 010203
                3 0o100644 1 etc/empty\u{20}
                4 0o40755 2 proc\u{20}
                5 0o40755 2 usr\u{20}
                6 0o40755 2 usr/bin\u{20}
                7 0o100755 1 usr/bin/program 70726f6772616d0a

                """
        )
    }

    private static let hasCpio = ["/bin/cpio", "/usr/bin/cpio"].contains {
        FileManager.default.isExecutableFile(atPath: $0)
    }

    @Test(.enabled(if: hasCpio, "cpio is not installed"))
    func `cpio lists what is in an archive`() async throws {
        let list = try await Tool.succeed("cpio", ["--list", "--quiet"], input: try CPIOArchive.newc(try Self.tree()))
        #expect(list.text == "etc\netc/a\netc/empty\nproc\nusr\nusr/bin\nusr/bin/program\n")
    }

    @Test func `the order in which files are added does not matter`() throws {
        var other = ArchiveTree()
        try other.add(folder: "/proc")
        try other.add(file: "/etc/empty", [])
        try other.add(folder: "/usr/bin")
        try other.add(file: "/etc/a", [1, 2, 3])
        try other.add(file: "/usr/bin/program", Array("program\n".utf8), isExecutable: true)
        #expect(try CPIOArchive.newc(other) == CPIOArchive.newc(try Self.tree()))
    }

    @Test(arguments: [
        "a", "/", "//a", "/a/", "/a//b", "/a/../b", "/./a", "/a\u{0}b", "/" + String(repeating: "a", count: 4_095),
    ])
    func `a name that is no plain absolute path is refused`(path: String) {
        var tree = ArchiveTree()
        #expect(throws: ImageBuildError.self) { try tree.add(file: path, []) }
        #expect(throws: ImageBuildError.self) { try tree.add(folder: path) }
    }

    @Test func `a name is there once, as a file or as a folder`() throws {
        var tree = try Self.tree()
        #expect(throws: ImageBuildError.self) { try tree.add(file: "/etc/a", []) }
        #expect(throws: ImageBuildError.self) { try tree.add(file: "/etc", []) }
        #expect(throws: ImageBuildError.self) { try tree.add(file: "/etc/a/b", []) }
        #expect(throws: ImageBuildError.self) { try tree.add(folder: "/etc/a") }
        #expect(throws: Never.self) { try tree.add(folder: "/etc") }
    }
}
