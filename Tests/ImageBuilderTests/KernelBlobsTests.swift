// SPDX-License-Identifier: Apache-2.0

import Encoding
import ImageBuilder
import TestSupport
import Testing

struct KernelBlobsTests {
    /// What the kernel of nitro-cli is built with, as far as it matters here (aws-nitro-enclaves-sdk-bootstrap).
    static let amazon = """
        #
        # Automatically generated file; DO NOT EDIT.
        # Linux/x86_64 6.6.38 Kernel Configuration
        #
        CONFIG_CC_VERSION_TEXT="gcc (GCC) 13.2.0"
        CONFIG_BLK_DEV_INITRD=y
        CONFIG_VSOCKETS=y
        CONFIG_VIRTIO_VSOCKETS=y
        CONFIG_DEVTMPFS=y
        # CONFIG_NITRO_ENCLAVES is not set
        CONFIG_VIRTIO_MMIO=y
        CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES=y
        CONFIG_PROC_FS=y
        CONFIG_SYSFS=y

        """
    /// The same of Debian's linux-image-6.12-cloud-amd64.
    static let debian = """
        # Linux/x86 6.12.95 Kernel Configuration
        CONFIG_BLK_DEV_INITRD=y
        CONFIG_VSOCKETS=m
        CONFIG_VIRTIO_VSOCKETS=m
        CONFIG_DEVTMPFS=y
        CONFIG_NSM=m
        CONFIG_VIRTIO_MMIO=m
        # CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES is not set
        CONFIG_PROC_FS=y
        CONFIG_SYSFS=y

        """

    /// An object file of x86_64 without anything in it.
    static let module: [UInt8] =
        [0x7f, 0x45, 0x4c, 0x46, 2, 1, 1] + [UInt8](repeating: 0, count: 9) + [1, 0, 62, 0, 1, 0, 0, 0]
        + [UInt8](repeating: 0, count: 40)

    private static func blobs(_ files: [String: [UInt8]]) throws(ImageBuildError) -> KernelBlobs {
        try KernelBlobs(folder: "/blobs", machine: .x86_64) { (path) throws(ImageBuildError) in
            path.hasPrefix("/blobs/") ? files[String(path.dropFirst(7))] : nil
        }
    }

    private static let plain: [String: [UInt8]] = [
        "bzImage": [1, 2, 3], "bzImage.config": Array(amazon.utf8), "cmdline": Array(" reboot=k panic=30\n".utf8),
        "nsm.ko": module,
    ]

    @Test func `the folder of nitro-cli has a kernel, its command line and one module`() throws {
        let blobs = try Self.blobs(Self.plain)
        #expect(blobs.kernel == [1, 2, 3])
        #expect(blobs.commandLine == "reboot=k panic=30")
        #expect(blobs.modules.map(\.name) == ["nsm.ko"])
        #expect(blobs.configuration?.operatingSystem == "Linux")
        #expect(blobs.configuration?.version == "6.6.38")
        #expect(blobs.missingForNitro == [])
    }

    @Test func `a list names other modules, in the order in which they are loaded`() throws {
        var files = Self.plain
        files["modules"] = Array("virtio_mmio.ko\nnsm.ko\n".utf8)
        files["virtio_mmio.ko"] = Self.module
        #expect(try Self.blobs(files).modules.map(\.name) == ["virtio_mmio.ko", "nsm.ko"])
    }

    @Test func `a kernel with the driver built in needs no module`() throws {
        var files = Self.plain
        files["nsm.ko"] = nil
        files["bzImage.config"] = Array((Self.amazon + "CONFIG_NSM=y\n").utf8)
        let blobs = try Self.blobs(files)
        #expect(blobs.modules == [])
        #expect(blobs.missingForNitro == [])
    }

    @Test func `Debian's kernel lacks devices on the command line, whichever modules are loaded`() throws {
        var files = Self.plain
        files["bzImage.config"] = Array(Self.debian.utf8)
        #expect(
            try Self.blobs(files).missingForNitro == [
                "VIRTIO_MMIO", "VIRTIO_MMIO_CMDLINE_DEVICES", "VIRTIO_VSOCKETS", "VSOCKETS",
            ]
        )
        let names = ["virtio_mmio.ko", "nsm.ko", "vsock.ko", "vmw_vsock_virtio_transport.ko"]
        files["modules"] = Array(names.joined(separator: "\n").utf8)
        for name in names { files[name] = Self.module }
        #expect(try Self.blobs(files).missingForNitro == ["VIRTIO_MMIO_CMDLINE_DEVICES"])
    }

    @Test func `without the kernel's configuration nothing is said of Nitro`() throws {
        var files = Self.plain
        files["bzImage.config"] = nil
        #expect(try Self.blobs(files).missingForNitro == nil)
    }

    @Test(arguments: ["bzImage", "cmdline", "nsm.ko"])
    func `a file that is missing is named`(name: String) {
        var files = Self.plain
        files[name] = nil
        #expect { try Self.blobs(files) } throws: { "\($0)".contains("/blobs has no \(name)") }
    }

    @Test(arguments: [
        ("modules", "../nsm.ko"), ("modules", "nsm"), ("modules", ".ko"), ("modules", "nsm.ko\nnsm.ko"),
        ("modules", "absent.ko"), ("nsm.ko", "no object file"), ("cmdline", "\u{fffd}"),
    ])
    func `a folder with something wrong in it is refused`(name: String, content: String) {
        var files = Self.plain
        files[name] = content == "\u{fffd}" ? [0xff] : Array(content.utf8)
        #expect(throws: ImageBuildError.self) { try Self.blobs(files) }
    }

    @Test func `a module for another machine is refused`() {
        var files = Self.plain
        files["nsm.ko"]?[18] = 183
        #expect { try Self.blobs(files) } throws: { "\($0)".contains("another machine") }
    }
}
