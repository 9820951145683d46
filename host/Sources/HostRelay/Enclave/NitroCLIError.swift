// SPDX-License-Identifier: Apache-2.0

/// Why `nitro-cli` did not do what it was told, with its error code and what to do. One line for people.
package struct NitroCLIError: Error, Equatable, Sendable, CustomStringConvertible {
    enum Kind {
        /// It could not be run, or did not end.
        case notRun(String)
        /// It did, but what it did is not right.
        case refused(String)
        /// It ended with a failure; what it said on its standard error.
        case failed(status: Int32, said: [UInt8])
        /// It said it was done, and what it said is not what is known of it.
        case unreadable
    }

    /// `E27`; nil where it named none.
    package let code: String?
    package let description: String

    /// Characters of its words that are passed on.
    private static let maximumLength = 400

    init(_ command: String, _ kind: Kind) {
        switch kind {
        case .notRun(let reason):
            code = nil
            description = "\(reason): install aws-nitro-enclaves-cli, or name it in enclave.nitro.cli"
        case .refused(let reason):
            code = nil
            description = reason
        case .unreadable:
            code = nil
            description = "nitro-cli \(command): an answer that is not known here; this was made with version 1.5"
        case .failed(let status, let said):
            let (code, text) = Self.message(said)
            self.code = code
            let mend = code.flatMap { Self.mends[$0] }.map { " → \($0)" } ?? ""
            description = "nitro-cli \(command): \(text ?? "exit code \(status)")\(mend)"
        }
    }

    /// The line with a code (`[ E27 ] Insufficient memory available. …`), else the first one that says something.
    private static func message(_ said: [UInt8]) -> (code: String?, text: String?) {
        let lines = said.split(separator: 0x0A).map { line in
            String(decoding: line.filter { $0 >= 0x20 && $0 != 0x7F }, as: UTF8.self)
        }
        for line in lines {
            guard let found = line.firstMatch(of: /\[ (E[0-9]{2}) \] (.*)/) else { continue }
            return (String(found.1), "\(found.1) \(found.2.prefix(maximumLength))")
        }
        return (nil, lines.first { $0.contains { $0 != " " } }.map { String($0.prefix(maximumLength)) })
    }

    private static let allocator = "/etc/nitro_enclaves/allocator.yaml, then restart nitro-enclaves-allocator"

    /// What to do about the codes that a launch meets (`src/common/document_errors.rs`).
    private static let mends = [
        "E07": "is nitro-cli installed completely? /run/nitro_enclaves is missing or not readable",
        "E18": "the launcher's user must be in group ne",
        "E19": "enclave.nitro.image must be a file that the launcher's user can read",
        "E20": "name each CPU once in enclave.nitro.cpuIds",
        "E21":
            "reserve these CPUs: cpu_pool in \(allocator)",
        "E22":
            "reserve more CPUs: cpu_count in \(allocator)",
        "E26": "give it more: enclave.nitro.memoryMiB, at least four times the image",
        "E27": "reserve more: memory_mib in \(allocator)",
        "E28":
            "is /dev/nitro_enclaves there, and the launcher's user in group ne? Enclaves are an instance's option",
        "E29": "usually too few CPUs, or no whole cores; a CID in use; no free memory: keybroker doctor",
        "E35": "the image is not whole, or huge pages are missing: keybroker image describe, keybroker doctor",
        "E36":
            "the image did not boot: for another kernel or architecture? Try with enclave.nitro.debug",
        "E39": "an enclave's process of nitro-cli does not answer: see /var/log/nitro_enclaves",
        "E59": "the image's signature or certificate is not valid: keybroker image verify",
    ]
}
