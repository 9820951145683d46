// SPDX-License-Identifier: Apache-2.0

package import Encoding

/// An enclave as `nitro-cli run-enclave` and `describe-enclaves` print it (aws-nitro-enclaves-cli 1.5.0,
/// `src/common/json_output.rs`). Members that are not known here are passed over.
package struct NitroDescription: Sendable, Equatable {
    package var id: String
    /// Older versions have none.
    package var name: String?
    /// Of the process of `nitro-cli` that holds the enclave: it ends when the enclave does.
    package var processID: Int32
    package var cid: UInt32
    package var cpus: Int
    package var memoryMiB: Int64
    /// `RUNNING`, `TERMINATING` or `EMPTY`; `run-enclave` does not say it.
    package var state: String?
    /// `NONE` or `DEBUG_MODE`; `run-enclave` does not say it.
    package var flags: String?
    /// PCR0, hex; since version 1.2, of `describe-enclaves` alone.
    package var pcr0: String?

    package init?(_ json: JSON) {
        guard let object = json.object, let id = object["EnclaveID"]?.string, !id.isEmpty,
            let process = object["ProcessID"]?.int64.flatMap({ Int32(exactly: $0) }), process > 0,
            let cid = object["EnclaveCID"]?.int64.flatMap({ UInt32(exactly: $0) })
        else { return nil }
        self.id = id
        name = object["EnclaveName"]?.string
        processID = process
        self.cid = cid
        cpus = Int(clamping: object["NumberOfCPUs"]?.int64 ?? 0)
        memoryMiB = object["MemoryMiB"]?.int64 ?? 0
        state = object["State"]?.string
        flags = object["Flags"]?.string
        pcr0 = object["Measurements"]?.object?["PCR0"]?.string?.lowercased()
    }

    package var isDebug: Bool { flags?.contains("DEBUG_MODE") ?? false }
}
