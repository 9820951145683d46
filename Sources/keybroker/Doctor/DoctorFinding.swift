// SPDX-License-Identifier: Apache-2.0

import Encoding

/// One thing that was looked at.
struct DoctorFinding: Sendable {
    /// Stable; more may be added.
    enum Check: String, Sendable, CaseIterable {
        case host
        case configuration
        case image
        case nitroCLI = "nitro-cli"
        case devices
        case allocator
        case memory
        case cpus
        case blobs
        case enclave
        case credentials
        case kms
        case clock
        case keyPolicy = "key-policy"
    }

    enum Status: String, Sendable {
        case ok
        /// It works, or does not matter here, but may not be what was meant.
        case warning
        case failed
        /// It could not be looked at, or does not apply.
        case skipped
    }

    var check: Check
    var status: Status
    /// What was found.
    var message: String
    /// What to do about it.
    var mend: String?

    static func ok(_ check: Check, _ message: String) -> DoctorFinding {
        DoctorFinding(check: check, status: .ok, message: message)
    }

    static func skipped(_ check: Check, _ message: String) -> DoctorFinding {
        DoctorFinding(check: check, status: .skipped, message: message)
    }

    static func warning(_ check: Check, _ message: String, mend: String) -> DoctorFinding {
        DoctorFinding(check: check, status: .warning, message: message, mend: mend)
    }

    static func failed(_ check: Check, _ message: String, mend: String) -> DoctorFinding {
        DoctorFinding(check: check, status: .failed, message: message, mend: mend)
    }

    var json: JSON {
        [
            "check": .string(check.rawValue), "status": .string(status.rawValue), "message": .string(message),
            "mend": mend.map { .string($0) } ?? .null,
        ]
    }

    var lines: [String] {
        let (word, style): (String, Console.Style) =
            switch status {
            case .ok: ("ok", .green)
            case .warning: ("warning", .yellow)
            case .failed: ("FAILED", .red)
            case .skipped: ("skipped", .dim)
            }
        let mark = Console.styled(word + String(repeating: " ", count: 9 - word.count), style)
        let name = check.rawValue + String(repeating: " ", count: 15 - check.rawValue.count)
        let first = "\(mark)\(name)\(Console.printable(message, limit: 2048))"
        guard let mend else { return [first] }
        return [first, String(repeating: " ", count: 24) + "→ \(Console.printable(mend, limit: 2048))"]
    }
}
