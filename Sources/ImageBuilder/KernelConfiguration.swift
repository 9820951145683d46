// SPDX-License-Identifier: Apache-2.0

/// What a kernel was built with: the file `.config` beside it.
package struct KernelConfiguration: Sendable, Equatable {
    private let options: [String: String]
    /// `Linux`, and the version, from the heading; empty where there is none.
    package let operatingSystem: String
    package let version: String

    package init(_ bytes: [UInt8]) {
        var options: [String: String] = [:]
        var heading: [Substring] = []
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\n") {
            if line.hasPrefix("CONFIG_"), let sign = line.firstIndex(of: "=") {
                options[String(line[..<sign].dropFirst("CONFIG_".count))] = String(line[line.index(after: sign)...])
            } else if heading.isEmpty, line.hasSuffix(" Kernel Configuration") {
                // "# Linux/x86_64 6.6.38 Kernel Configuration"
                heading = line.split(separator: " ")
            }
        }
        self.options = options
        operatingSystem = heading.count > 2 ? String(heading[1].prefix { $0 != "/" }) : ""
        version = heading.count > 2 ? String(heading[2]) : ""
    }

    package func isBuiltIn(_ option: String) -> Bool { options[option] == "y" }

    /// What a Nitro enclave needs of its kernel and this one has neither built in nor among `modules`.
    ///
    /// The hypervisor describes devices on the kernel's command line (`virtio_mmio.device=`); there is no firmware that would.
    /// Console, vsock and security module are such devices. AWS's kernels have all of these built in but the driver of the
    /// last (aws-nitro-enclaves-sdk-bootstrap, `kernel/microvm-kernel-config-*`).
    ///
    /// - Parameter modules: File names of the modules that the image loads.
    /// - Returns: Names of options, without `CONFIG_`.
    package func missingForNitro(modules: Set<String>) -> [String] {
        Self.neededByNitro.filter { option, module in
            if isBuiltIn(option) { return false }
            // The driver of the security module need not be the kernel's own.
            guard let module, modules.contains(module) else { return true }
            return module != KernelBlobs.securityModule && options[option] != "m"
        }.map(\.option)
    }

    /// Options, and the module of those that may be one.
    private static let neededByNitro: [(option: String, module: String?)] = [
        ("BLK_DEV_INITRD", nil), ("DEVTMPFS", nil), ("NSM", KernelBlobs.securityModule), ("PROC_FS", nil),
        ("SYSFS", nil),
        ("VIRTIO_MMIO", "virtio_mmio.ko"), ("VIRTIO_MMIO_CMDLINE_DEVICES", nil),
        ("VIRTIO_VSOCKETS", "vmw_vsock_virtio_transport.ko"), ("VSOCKETS", "vsock.ko"),
    ]
}
