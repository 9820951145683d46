// SPDX-License-Identifier: Apache-2.0

import EnclaveImage
import Encoding
import Foundation
import TestSupport
import Testing

/// What is written and measured, against a reading of the same file by other code: `reader.py`, with Python's struct, zlib,
/// hashlib and json.
struct ImageWritingTests {
    @Test func `an independent reader finds every section, size, offset and the checksum`() async throws {
        let image = ExampleImage.image
        let read = try await IndependentReader.read(try image.serialized())
        #expect(read.version == 4)
        #expect(read.flags == 0)
        #expect(read.defaultMemory == 1 << 30)
        #expect(read.defaultCPUs == 2)
        #expect(read.kinds == [1, 2, 5, 3, 3, 3])
        #expect(read.sections[0] == image.kernel)
        #expect(read.sections[1] == Array(image.commandLine.utf8))
        #expect(Array(read.sections[3...]) == image.ramdisks)
        #expect(read.isChecksumRight)
    }

    @Test func `PCR0, 1 and 2 are what the independent reader computes`() async throws {
        let read = try await IndependentReader.read(try ExampleImage.image.serialized())
        let measured = ExampleImage.image.measurements
        #expect(read.pcrs == [0: measured.pcr0, 1: measured.pcr1, 2: measured.pcr2])
        #expect(measured.pcr8 == nil)
    }

    @Test(arguments: 0...2) func `any number of ramdisks is measured as the independent reader does`(count: Int)
        async throws
    {
        var image = ExampleImage.image
        image.ramdisks = Array(image.ramdisks.prefix(count))
        let read = try await IndependentReader.read(try image.serialized())
        let measured = image.measurements
        #expect(read.pcrs == [0: measured.pcr0, 1: measured.pcr1, 2: measured.pcr2])
    }

    @Test func `an image for aarch64 says so in bit 0 of the flags`() async throws {
        var image = ExampleImage.image
        image.architecture = .aarch64
        #expect(try await IndependentReader.read(try image.serialized()).flags == 1)
    }

    @Test func `the metadata is JSON as nitro-cli reads it`() async throws {
        let read = try await IndependentReader.read(try ExampleImage.image.serialized())
        let metadata = try #require(try JSONSerialization.jsonObject(with: Data(read.sections[2])) as? [String: Any])
        #expect(Set(metadata.keys) == ["ImageName", "ImageVersion", "BuildMetadata", "DockerInfo", "CustomMetadata"])
        let build = try #require(metadata["BuildMetadata"] as? [String: String])
        #expect(
            Set(build.keys) == ["BuildTime", "BuildTool", "BuildToolVersion", "OperatingSystem", "KernelVersion"]
        )
        #expect(metadata["DockerInfo"] is NSNull)
        #expect(metadata["CustomMetadata"] as? [String: String] == ["note": "é"])
    }

    @Test func `the same content gives the same bytes`() throws {
        #expect(try ExampleImage.image.serialized() == ExampleImage.image.serialized())
    }

    @Test func `32 sections are written, and no more`() throws {
        var image = ExampleImage.image
        image.ramdisks = [[UInt8]](repeating: [1], count: 29)
        #expect(throws: Never.self) { try image.serialized() }
        image.ramdisks.append([1])
        #expect(reason { try image.serialized() } == .sectionCount)
    }

    @Test func `an empty kernel is refused`() {
        var image = ExampleImage.image
        image.kernel = []
        #expect(reason { try image.serialized() } == .emptyKernel)
    }

    @Test func `a command line with a zero byte, or longer than 4096 bytes, is refused`() throws {
        var image = ExampleImage.image
        image.commandLine = "quiet\0init=/bin/sh"
        #expect(reason { try image.serialized() } == .malformedCommandLine)
        image.commandLine = String(repeating: "a", count: 4096)
        #expect(throws: Never.self) { try image.serialized() }
        image.commandLine += "a"
        #expect(reason { try image.serialized() } == .malformedCommandLine)
    }

    @Test(arguments: ["[1]", "{", "\"text\"", "{\"a\":1,\"a\":2}"])
    func `custom metadata that is not a JSON object is refused`(text: String) {
        var image = ExampleImage.image
        image.metadata.custom = Array(text.utf8)
        #expect(reason { try image.serialized() } == .malformedMetadata)
    }
}
