// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import ImageBuilder
import TestSupport
import Testing

struct ELFObjectTests {
    private static let files: FileReading = { (path) throws(ImageBuildError) in
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        return [UInt8](data)
    }

    /// Programs of the system, and the one that runs the tests, which says itself where its libraries are.
    static let subjects = [
        "/bin/sh", "/usr/bin/openssl", "/usr/bin/python3",
        URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().path,
    ]

    private static func bytes(_ path: String) throws -> [UInt8] { try #require(try files(path)) }

    @Test(arguments: subjects)
    func `what a program needs is what readelf says`(path: String) async throws {
        let object = try ELFObject(try Self.bytes(path), path: path)
        let dynamic = try await Tool.succeed("readelf", ["--dynamic", "--wide", path]).text
        let needed = dynamic.matches(of: /\(NEEDED\)\s+Shared library: \[(.+)\]/).map { String($0.1) }
        let searched = dynamic.matches(of: /\(RUNPATH\)\s+Library runpath: \[(.+)\]/).flatMap {
            $0.1.split(separator: ":")
        }
        #expect(object.needed == needed && !needed.isEmpty)
        #expect(object.searchPath == searched.map(String.init))
        let headers = try await Tool.succeed("readelf", ["--program-headers", "--wide", path]).text
        let interpreter = headers.firstMatch(of: /Requesting program interpreter: (.+)\]/).map { String($0.1) }
        #expect(object.interpreter == interpreter && interpreter != nil)
    }

    /// In the order of the paths; without the vDSO, which is no file.
    @Test(arguments: subjects)
    func `the libraries that are found are those that the dynamic loader maps`(path: String) async throws {
        let object = try ELFObject(try Self.bytes(path), path: path)
        let loader = try #require(object.interpreter)
        let listing = try await Tool.succeed(loader, ["--list", path]).text
        var expected: Set<String> = []
        for line in listing.split(separator: "\n") {
            guard let file = line.firstMatch(of: /(\/\S+) \(0x/)?.1 else { continue }
            expected.insert(URL(fileURLWithPath: String(file)).resolvingSymlinksInPath().path)
        }
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        let found = try ProgramLibraries(read: Self.files).of(object, at: path, inImage: folder)
        #expect(Set(found.map { URL(fileURLWithPath: $0.path).resolvingSymlinksInPath().path }) == expected)
        #expect(found.first?.path == loader)
        for library in found { #expect(library.bytes == (try Self.bytes(library.path))) }
    }

    @Test func `a library that is nowhere is named, with who needs it`() throws {
        let path = "/bin/sh"
        let object = try ELFObject(try Self.bytes(path), path: path)
        let without: FileReading = { (path) throws(ImageBuildError) in
            path.hasSuffix("libc.so.6") ? nil : try Self.files(path)
        }
        #expect(throws: ImageBuildError("/bin/sh needs libc.so.6, which is not in the folders of libraries")) {
            try ProgramLibraries(read: without).of(object, at: path, inImage: "/bin")
        }
    }

    @Test func `libraries are looked for under another root, and keep their places in the image`() throws {
        let path = "/bin/sh"
        let object = try ELFObject(try Self.bytes(path), path: path)
        let moved: FileReading = { (path) throws(ImageBuildError) in
            path.hasPrefix("/elsewhere/") ? try Self.files(String(path.dropFirst("/elsewhere".count))) : nil
        }
        let found = try ProgramLibraries(root: "/elsewhere", read: moved).of(object, at: path, inImage: "/bin")
        #expect(try found == ProgramLibraries(read: Self.files).of(object, at: path, inImage: "/bin"))
    }

    @Test func `a file that is cut off or damaged is refused or read, and nothing else happens`() throws {
        let whole = try Self.bytes("/bin/sh")
        for length in stride(from: 0, to: whole.count, by: 61) {
            _ = try? ELFObject(Array(whole.prefix(length)), path: "cut")
        }
        var random = SplitMix64(seed: 5)
        // Where headers and tables are.
        for _ in 0..<2_000 {
            var damaged = whole
            for _ in 0..<3 {
                damaged[Int.random(in: 16..<1_024, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            _ = try? ELFObject(damaged, path: "damaged")
        }
        #expect(throws: ImageBuildError.self) { try ELFObject(Array(whole.prefix(40)), path: "cut") }
        #expect(throws: ImageBuildError.self) { try ELFObject(Array("#!/bin/sh\n".utf8), path: "script") }
        var other = whole
        other[18] = 243  // RISC-V
        #expect(throws: ImageBuildError.self) { try ELFObject(other, path: "other") }
    }
}
