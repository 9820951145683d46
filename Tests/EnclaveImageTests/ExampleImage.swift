// SPDX-License-Identifier: Apache-2.0

import EnclaveImage
import TestSupport
import Testing

/// Small content, of lengths that are no multiples of anything.
enum ExampleImage: Sendable {
    static let kernel = bytes(10_007, seed: 1)
    static let commandLine = "reboot=k panic=30 pci=off nomodules console=ttyS0 random.trust_cpu=on"
    static let ramdisks = [bytes(4_099, seed: 2), bytes(70_001, seed: 3), bytes(13, seed: 4)]

    static let metadata = ImageMetadata(
        imageName: "broker",
        imageVersion: "1.0",
        buildTime: "2026-11-21T09:20:00Z",
        buildTool: "keybroker",
        buildToolVersion: "0.5",
        operatingSystem: "Linux",
        kernelVersion: "6.12.0",
        custom: Array(#"{"note":"é"}"#.utf8)
    )

    static let image = EnclaveImage(
        architecture: .x86_64,
        kernel: kernel,
        commandLine: commandLine,
        ramdisks: ramdisks,
        metadata: metadata
    )

    static func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
        var generator = SplitMix64(seed: seed)
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }
}

/// Why `work` was refused; nil if it was not.
func reason(_ work: () throws -> some Any) -> EnclaveImageError.Reason? {
    do {
        _ = try work()
        return nil
    } catch let error as EnclaveImageError {
        return error.reason
    } catch {
        Issue.record("another error: \(error)")
        return nil
    }
}
