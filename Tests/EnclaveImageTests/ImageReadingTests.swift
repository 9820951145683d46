// SPDX-License-Identifier: Apache-2.0

import EnclaveImage
import Foundation
import Glibc
import TestSupport
import Testing

/// Files from outside. Each vector is wrong in one thing, its checksum made right again.
struct ImageReadingTests {
    struct Vector: Sendable, CustomTestStringConvertible {
        let name: String
        let reason: EnclaveImageError.Reason
        let image: [UInt8]

        var testDescription: String { name }

        init(_ name: String, _ reason: EnclaveImageError.Reason, _ change: (inout RawImage) -> Void) {
            self.init(name, reason, image: RawImage.valid.with(change).bytes)
        }

        init(_ name: String, _ reason: EnclaveImageError.Reason, image: [UInt8]) {
            self.name = name
            self.reason = reason
            self.image = image
        }
    }

    static let vectors: [Vector] = header + places + sections + sets + content + signatures

    static let header: [Vector] = [
        Vector("no bytes", .wrongMagic, image: []),
        Vector("the magic alone", .truncatedHeader, image: Array(".eif".utf8)),
        Vector("a byte of the header missing", .truncatedHeader, image: Array(RawImage.valid.bytes.prefix(547))),
        Vector("another magic", .wrongMagic) { $0.magic = Array(".elf".utf8) },
        Vector("version 1", .unsupportedVersion) { $0.version = 1 },
        Vector("version 5", .unsupportedVersion) { $0.version = 5 },
        Vector("bit 1 of the flags", .reservedBits) { $0.flags = 2 },
        Vector("the reserved field", .reservedBits) { $0.reserved = 1 },
        Vector("the unused field", .reservedBits) { $0.unused = 1 },
        Vector("no section", .sectionCount) { $0.sectionCount = 0 },
        Vector("33 sections", .sectionCount) { $0.sectionCount = 33 },
        Vector("a section more in the tables than counted", .reservedBits) { $0.sectionCount = 4 },
        Vector("a wrong checksum", .wrongChecksum) { $0.checksumError = 1 },
    ]

    static let places: [Vector] = [
        Vector("a section in the header", .overlappingSections) { $0.sections[0].tableOffset = 536 },
        Vector("a section in the one before it", .overlappingSections) { $0.sections[3].tableOffset = 600 },
        Vector("two sections at one place", .overlappingSections) { $0.sections[1].tableOffset = 548 },
        Vector("bytes between two sections", .gapBetweenSections) { $0.sections[2].gap = [0] },
        Vector("a place beyond the file", .truncatedSection) { $0.sections[4].tableOffset = 1 << 40 },
        Vector("a place that overflows with its size", .truncatedSection) { $0.sections[4].tableOffset = .max - 5 },
        Vector("a size beyond the file", .truncatedSection) {
            $0.sections[4].tableSize = 78
            $0.sections[4].statedSize = 78
        },
        Vector("2⁶⁴−1 bytes of metadata", .truncatedSection) {
            $0.sections[2].tableSize = .max
            $0.sections[2].statedSize = .max
        },
        Vector("bytes behind the last section", .trailingBytes) { $0.trailing = [0] },
    ]

    static let sections: [Vector] = [
        Vector("a section that says less than the table", .sizeMismatch) { $0.sections[3].statedSize = 54 },
        Vector("a section that says more than the table", .sizeMismatch) { $0.sections[3].statedSize = 56 },
        Vector("a section of type 0", .unknownSection) { $0.sections[4].kind = 0 },
        Vector("a section of type 6", .unknownSection) { $0.sections[4].kind = 6 },
        Vector("flags of a section", .reservedBits) { $0.sections[4].flags = 1 },
    ]

    static let sets: [Vector] = [
        Vector("two kernels", .repeatedSection) { $0.sections.append(RawImage.kernel) },
        Vector("two command lines", .repeatedSection) { $0.sections.append(RawImage.commandLine) },
        Vector("metadata twice", .repeatedSection) { $0.sections.append(RawImage.information) },
        Vector("no kernel", .missingKernel) { $0.sections = [RawImage.commandLine, RawImage.information] },
        Vector("no command line", .missingCommandLine) { $0.sections.remove(at: 1) },
        Vector("no metadata in version 4", .missingMetadata) { $0.sections.remove(at: 2) },
        Vector("a ramdisk before the kernel", .sectionOrder) {
            $0.sections = [RawImage.ramdisk, RawImage.kernel, RawImage.commandLine, RawImage.information]
        },
    ]

    static let content: [Vector] = [
        Vector("an empty kernel", .emptyKernel) { $0.sections[0].data = [] },
        Vector("a command line of 4097 bytes", .malformedCommandLine) {
            $0.sections[1].data = [UInt8](repeating: 0x20, count: 4097)
        },
        Vector("a zero in the command line", .malformedCommandLine) { $0.sections[1].data = [0x61, 0, 0x62] },
        Vector("metadata of 262145 bytes", .malformedMetadata) {
            $0.sections[2].data += [UInt8](repeating: 0x20, count: 262_145 - RawImage.metadata.count)
        },
        Vector("metadata that is not JSON", .malformedMetadata) { $0.sections[2].data.removeLast() },
        Vector("metadata that is no object", .malformedMetadata) { $0.sections[2].data = Array("[]".utf8) },
        Vector("metadata with a member twice", .malformedMetadata) {
            $0.sections[2].data = Array(#"{"ImageName":"a","#.utf8) + RawImage.metadata.dropFirst()
        },
        Vector("metadata without a version", .malformedMetadata) { $0.replaceInMetadata("ImageVersion", "Version") },
        Vector("metadata without a build time", .malformedMetadata) { $0.replaceInMetadata("BuildTime", "Time") },
        Vector("metadata without CustomMetadata", .malformedMetadata) { $0.replaceInMetadata("Custom", "Other") },
        Vector("DockerInfo that is text", .malformedMetadata) {
            $0.replaceInMetadata("DockerInfo\":null", "DockerInfo\":\"\"")
        },
    ]

    /// CBOR of a signature section; what is in a right one is `ImageSignatureTests`'.
    static let signatures: [Vector] = [
        Vector("a signature of 32769 bytes", .signatureTooLarge) { $0.sign([UInt8](repeating: 0, count: 32_769)) },
        Vector("an empty signature", .malformedSignature) { $0.sign([]) },
        Vector("a signature that is no array", .malformedSignature) { $0.sign([0xA0]) },
        Vector("no signature in the array", .malformedSignature) { $0.sign([0x80]) },
        Vector("an array that declares 2³² entries", .malformedSignature) { $0.sign([0x9A, 0xFF, 0xFF, 0xFF, 0xFF]) },
        Vector("two signatures", .malformedSignature) { $0.sign([0x82, 0xA0, 0xA0]) },
        Vector("a map without certificate", .malformedSignature) { $0.sign([0x81, 0xA0]) },
        Vector("a certificate that is none", .malformedSignature) {
            $0.sign([0x81, 0xA2, 0x73] + "signing_certificate".utf8 + [0x80, 0x69] + "signature".utf8 + [0x80])
        },
        Vector("bytes instead of an array of integers", .malformedSignature) {
            $0.sign([0x81, 0xA2, 0x73] + "signing_certificate".utf8 + [0x40, 0x69] + "signature".utf8 + [0x40])
        },
        Vector("two signature sections", .repeatedSection) {
            $0.sign([0x80])
            $0.sign([0x80])
        },
    ]

    @Test func `the image that every vector damages is accepted`() throws {
        let file = try EnclaveImageFile(parsing: RawImage.valid.bytes)
        #expect(file.version == 4)
        #expect(file.architecture == .x86_64)
        #expect(file.sections.map(\.kind) == [.kernel, .commandLine, .metadata, .ramdisk, .ramdisk])
        #expect(file.commandLine == RawImage.commandLine.data)
        #expect(file.metadata?.kernelVersion == "k")
        #expect(file.signature == nil)
    }

    @Test(arguments: vectors) func `a file with one thing wrong is refused for it`(vector: Vector) throws {
        #expect(reason { try EnclaveImageFile(parsing: vector.image) } == vector.reason)
        let folder = try TemporaryDirectory()
        let path = try folder.write(vector.image, as: "image.eif").path
        #expect(reason { try EnclaveImageFile(path: path) } == vector.reason)
    }

    @Test func `every reason has a vector`() {
        let elsewhere: Set<EnclaveImageError.Reason> = [
            // Of the file system: the tests below. Of memory or entropy: nothing provokes it.
            .unreadable, .signingFailed,
        ]
        let here = Set(Self.vectors.map(\.reason))
        #expect(
            here.union(ImageSignatureTests.reasons).union(elsewhere) == Set(EnclaveImageError.Reason.allCases)
        )
    }

    @Test(arguments: [2, 3] as [UInt16]) func `older versions need no metadata`(version: UInt16) throws {
        var raw = RawImage.valid
        raw.version = version
        raw.sections.remove(at: 2)
        #expect(try EnclaveImageFile(parsing: raw.bytes).metadata == nil)
    }

    @Test func `a wrong checksum passes if that is asked for, and is told`() throws {
        let image = RawImage.valid.with { $0.checksumError = 1 }.bytes
        let file = try EnclaveImageFile(parsing: image, allowing: .wrongChecksum)
        #expect(!file.isChecksumRight)
        #expect(reason { try file.check(ImagePolicy(), at: Timestamp(milliseconds: 0)) } == .wrongChecksum)
    }

    /// The specification leaves their order open but for ramdisks, and measures them as they stand.
    @Test func `sections in another order are measured in it, as the independent reader does`() async throws {
        let image = RawImage(sections: [
            RawImage.information, RawImage.kernel, RawImage.ramdisk, RawImage.commandLine, RawImage.application,
        ]).bytes
        let file = try EnclaveImageFile(parsing: image)
        let read = try await IndependentReader.read(image)
        #expect(read.pcrs == [0: file.measurements.pcr0, 1: file.measurements.pcr1, 2: file.measurements.pcr2])
        #expect(file.measurements != (try EnclaveImageFile(parsing: RawImage.valid.bytes)).measurements)
        #expect(reason { try EnclaveImage(parsing: image) } == .sectionOrder)
    }

    @Test func `what is written is read as it was`() throws {
        for architecture in EnclaveImage.Architecture.allCases {
            var image = ExampleImage.image
            image.architecture = architecture
            image.defaultMemory = 3
            image.defaultCPUs = 7
            #expect(try EnclaveImage(parsing: image.serialized()) == image)
            let file = try EnclaveImageFile(parsing: image.serialized())
            #expect(file.architecture == architecture)
            #expect(file.measurements == image.measurements)
        }
    }

    @Test func `any changed byte is refused, and with a mended checksum changes a measurement or counts in none`()
        throws
    {
        let bytes = RawImage.valid.bytes
        let file = try EnclaveImageFile(parsing: bytes)
        let metadata = try #require(file.sections.first { $0.kind == .metadata })
        // Architecture, default memory, default processors; what AWS's metadata says.
        let unmeasured = Set([7] + Array(8..<24) + Array(metadata.offset..<metadata.offset + metadata.size))
        for index in bytes.indices where !(544..<548).contains(index) {
            var changed = bytes
            changed[index] ^= 1
            #expect(reason { try EnclaveImageFile(parsing: changed) } != nil, "byte \(index)")
            let mended = try? EnclaveImageFile(parsing: RawImage.mended(changed))
            if let mended, mended.measurements == file.measurements {
                #expect(unmeasured.contains(index), "byte \(index)")
            }
        }
    }

    // MARK: Files

    @Test func `what is no regular file is refused without waiting`() throws {
        let folder = try TemporaryDirectory()
        #expect(reason { try EnclaveImageFile(path: folder.path) } == .unreadable)
        #expect(reason { try EnclaveImageFile(path: folder.file("none.eif")) } == .unreadable)
        #expect(reason { try EnclaveImageFile(path: "/dev/zero") } == .unreadable)
        #expect(unsafe mkfifo(folder.file("pipe"), 0o600) == 0)
        #expect(reason { try EnclaveImageFile(path: folder.file("pipe")) } == .unreadable)
        #expect(reason { try EnclaveImageFile(reading: -1) } == .unreadable)
    }

    @Test func `a descriptor is read from its start, and stays open where it was`() throws {
        let folder = try TemporaryDirectory()
        let path = try folder.write(RawImage.valid.bytes, as: "image.eif").path
        let descriptor = unsafe open(path, O_RDONLY)
        defer { close(descriptor) }
        #expect(lseek(descriptor, 100, SEEK_SET) == 100)
        #expect(try EnclaveImageFile(reading: descriptor).version == 4)
        #expect(lseek(descriptor, 0, SEEK_CUR) == 100)
    }

    /// 96 MiB of ramdisk, sparse: reading it whole would show.
    @Test func `a large file is read in little memory`() throws {
        let folder = try TemporaryDirectory()
        let size = 96 << 20
        var raw = RawImage.valid
        raw.sections[4] = RawImage.Section(kind: 3, data: [], statedSize: UInt64(size), tableSize: UInt64(size))
        let start = raw.bytes
        let path = try folder.write(start, as: "image.eif").path
        #expect(unsafe truncate(path, off_t(start.count + size)) == 0)
        // Resets the peak that the kernel keeps (proc(5), clear_refs).
        try Data("5".utf8).write(to: URL(fileURLWithPath: "/proc/self/clear_refs"))
        let before = try Self.memory("VmHWM")
        let file = try EnclaveImageFile(path: path, allowing: .wrongChecksum)
        #expect(file.sections[4].size == size)
        #expect(try Self.memory("VmHWM") - before < 24 << 20)
    }

    private static func memory(_ name: String) throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix(name + ":") })
        return try #require(line.split(separator: " ").dropFirst().first.flatMap { Int($0) }) * 1024
    }
}

extension RawImage {
    mutating func sign(_ data: [UInt8]) { sections.append(Section(kind: 4, data: data)) }

    mutating func replaceInMetadata(_ old: String, _ new: String) {
        sections[2].data = Array(String(decoding: sections[2].data, as: UTF8.self).replacing(old, with: new).utf8)
    }
}
