// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation

/// Whether this machine can run the enclave that its configuration describes: nothing is changed, nothing asked over a
/// network.
struct MachineChecks: Sendable {
    private static let restart = "then: sudo systemctl restart nitro-enclaves-allocator"
    /// `nitro-cli run-enclave` refuses less (E26).
    private static let memoryPerImage: UInt64 = 4

    let root: DoctorRoot
    let installation: DoctorInstallation

    /// For an enclave of `nitro-cli`.
    func findings(imageSize: UInt64?) -> [DoctorFinding] {
        guard let nitro = installation.nitro, installation.launch != "process" else {
            return [.skipped(.devices, "the enclave of this configuration is not one of nitro-cli")]
        }
        return [nitroCLI(nitro), devices()] + reservations(nitro, imageSize: imageSize) + [blobs(), enclave(nitro)]
    }

    private func nitroCLI(_ nitro: DoctorInstallation.Nitro) -> DoctorFinding {
        guard let reason = root.refusal(nitro.cli, X_OK) else { return .ok(.nitroCLI, nitro.cli) }
        return .failed(
            .nitroCLI,
            "\(nitro.cli): \(reason)",
            mend:
                "install aws-nitro-enclaves-cli (sudo dnf install aws-nitro-enclaves-cli), or name it in enclave.nitro.cli"
        )
    }

    private func devices() -> DoctorFinding {
        let device = "/dev/nitro_enclaves"
        guard root.isCharacterDevice(device) else {
            return .failed(
                .devices,
                "\(device) is not there",
                mend:
                    "start the instance with enclaves enabled (aws ec2 run-instances --enclave-options Enabled=true; an "
                    + "instance type with at least 4 vCPUs), and load the driver: sudo modprobe nitro_enclaves"
            )
        }
        guard root.isCharacterDevice("/dev/vsock") else {
            return .failed(.devices, "/dev/vsock is not there", mend: "sudo modprobe vhost_vsock vsock")
        }
        if let reason = root.refusal(device, R_OK | W_OK) {
            return .warning(
                .devices,
                "\(device): \(reason), for this user",
                mend: "the launcher's user has to be in group ne: sudo usermod -aG ne USER"
            )
        }
        return .ok(.devices, "\(device) and /dev/vsock")
    }

    // MARK: Memory and CPUs

    private func reservations(_ nitro: DoctorInstallation.Nitro, imageSize: UInt64?) -> [DoctorFinding] {
        var findings: [DoctorFinding] = []
        if let imageSize {
            let needed = (imageSize * Self.memoryPerImage + (1 << 20) - 1) >> 20
            if UInt64(clamping: nitro.memoryMiB) < needed {
                findings.append(
                    .failed(
                        .memory,
                        "enclave.nitro.memoryMiB is \(nitro.memoryMiB), and this image needs \(needed), four times its size",
                        mend: "raise enclave.nitro.memoryMiB to \(needed) or more"
                    )
                )
            }
        }
        guard let text = root.text(AllocatorFile.path) else {
            findings.append(
                .failed(
                    .allocator,
                    "\(AllocatorFile.path) cannot be read",
                    mend:
                        "install aws-nitro-enclaves-cli, which brings it: memory_mib: \(nitro.memoryMiB), cpu_count: 2"
                )
            )
            return findings
        }
        let file: AllocatorFile
        do {
            file = try AllocatorFile(text)
        } catch {
            findings.append(
                .failed(.allocator, "\(AllocatorFile.path): \(error.text)", mend: "correct it; \(Self.restart)")
            )
            return findings
        }
        findings.append(.ok(.allocator, "\(file.memoryMiB) MiB, \(file.cpus.count) CPUs"))
        findings.append(memory(nitro, file))
        findings.append(cpus(nitro, file))
        return findings
    }

    private func memory(_ nitro: DoctorInstallation.Nitro, _ file: AllocatorFile) -> DoctorFinding {
        guard nitro.memoryMiB <= file.memoryMiB else {
            return .failed(
                .memory,
                "the enclave wants \(nitro.memoryMiB) MiB, and the allocator reserves \(file.memoryMiB)",
                mend: "set memory_mib: \(nitro.memoryMiB) in \(AllocatorFile.path); \(Self.restart)"
            )
        }
        guard let reserved = hugePagesMiB() else {
            return .skipped(.memory, "what is reserved cannot be seen in /sys/devices/system/node")
        }
        guard reserved >= nitro.memoryMiB else {
            return .failed(
                .memory,
                "the enclave wants \(nitro.memoryMiB) MiB, and \(reserved) MiB of huge pages are reserved",
                mend:
                    "sudo systemctl enable --now nitro-enclaves-allocator; its journal says why it could reserve no more "
                    + "(restart the machine if memory is in pieces)"
            )
        }
        return .ok(.memory, "\(nitro.memoryMiB) of \(reserved) MiB reserved")
    }

    /// MiB of huge pages, in use or not; nil if the system does not say.
    private func hugePagesMiB() -> Int64? {
        let nodes = "/sys/devices/system/node"
        var total: Int64?
        for node in root.names(nodes) where node.hasPrefix("node") {
            let folder = "\(nodes)/\(node)/hugepages"
            for size in root.names(folder) {
                guard size.hasPrefix("hugepages-"), size.hasSuffix("kB"),
                    let kilobytes = Int64(size.dropFirst("hugepages-".count).dropLast(2)),
                    let text = root.text("\(folder)/\(size)/nr_hugepages"),
                    let count = Int64(text.filter { $0.isNumber }), kilobytes < 1 << 30, count < 1 << 30
                else { continue }
                total = (total ?? 0) + kilobytes * count / 1024
            }
        }
        return total
    }

    private func cpus(_ nitro: DoctorInstallation.Nitro, _ file: AllocatorFile) -> DoctorFinding {
        let wanted = nitro.cpuCount ?? Int64(nitro.cpuIDs.count)
        let pool = root.text("/sys/module/nitro_enclaves/parameters/ne_cpus")
            .flatMap { AllocatorFile.numbers($0.filter { !$0.isWhitespace }) }
        guard wanted <= file.cpus.count else {
            return .failed(
                .cpus,
                "the enclave wants \(wanted) CPUs, and the allocator reserves \(file.cpus.count)",
                mend: "set cpu_count: \(wanted) in \(AllocatorFile.path); \(Self.restart)"
            )
        }
        guard let pool else {
            return .skipped(.cpus, "what is reserved cannot be seen in /sys/module/nitro_enclaves/parameters/ne_cpus")
        }
        guard pool.count >= wanted, pool.isSuperset(of: nitro.cpuIDs) else {
            let missing = nitro.cpuIDs.filter { !pool.contains($0) }.map(String.init).joined(separator: ", ")
            return .failed(
                .cpus,
                missing.isEmpty
                    ? "the enclave wants \(wanted) CPUs, and \(pool.count) are reserved"
                    : "the enclave wants CPU \(missing), which is not reserved",
                mend:
                    "sudo systemctl enable --now nitro-enclaves-allocator; its journal says why it could not reserve them"
            )
        }
        return .ok(.cpus, "\(wanted) of \(pool.count) reserved")
    }

    // MARK: What else there is

    /// Needed where images are built, which may be elsewhere.
    private func blobs() -> DoctorFinding {
        let folder = "/usr/share/nitro_enclaves/blobs"
        #if arch(arm64)
            let kernel = "Image"
        #else
            let kernel = "bzImage"
        #endif
        let missing = [kernel, "cmdline", "init", "nsm.ko"].filter { !root.exists("\(folder)/\($0)") }
        guard !missing.isEmpty else { return .ok(.blobs, folder) }
        return .warning(
            .blobs,
            "\(folder) lacks \(missing.joined(separator: ", "))",
            mend:
                "to build images here: sudo dnf install aws-nitro-enclaves-cli-devel, or keybroker image build --blobs DIR"
        )
    }

    /// What the launcher last said.
    private func enclave(_ nitro: DoctorInstallation.Nitro) -> DoctorFinding {
        if nitro.isDebug {
            return .failed(
                .enclave,
                "enclave.nitro.debug is true: PCR0 to PCR2 are zero, and the enclave refuses to unlock",
                mend: "set enclave.nitro.debug to false when its console is no longer needed"
            )
        }
        guard let path = installation.statusFile, let text = root.text(path) else {
            return .skipped(.enclave, "the launcher has said nothing of it (enclave.statusFile)")
        }
        let status = (try? JSON.parse(Array(text.utf8)))?.object
        switch status?["state"]?.string {
        case "running":
            let cid = status?["enclave"]?.object?["cid"]?.string.map { ", CID \($0)" } ?? ""
            return .ok(.enclave, "runs since \(status?["since"]?.string ?? "?")\(cid)")
        case "down":
            return .failed(
                .enclave,
                "down since \(status?["since"]?.string ?? "?"): \(status?["reason"]?.string ?? "no reason is given")",
                mend: "journalctl -u keybroker-enclave says when it was tried, and why it ended"
            )
        default:
            return .warning(
                .enclave,
                "\(path) is not a launcher's status",
                mend: "is enclave.statusFile the right file?"
            )
        }
    }
}
