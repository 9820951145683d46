// SPDX-License-Identifier: Apache-2.0

import Encoding
import Glibc
import Synchronization

/// Recordings on disk: a folder each, readable by their owner alone.
package final class RecordingFolder: Sendable {
    /// Tries that are written in one run: an enclave that waits for its KMS tries for ever. The last is always written.
    package static let maximumTries = 100
    static let readMeName = "README.md"

    private let path: String
    private let report: @Sendable (String) -> Void

    /// Makes the folder if there is none, with a README that says what is in it.
    ///
    /// - Parameters:
    ///   - path: For this user only.
    ///   - report: Takes one line when a recording is not written.
    /// - Throws: ``SoftwareModuleError`` if the folder cannot be used.
    package init(_ path: String, report: @escaping @Sendable (String) -> Void) throws(SoftwareModuleError) {
        self.path = path
        self.report = report
        try AtomicFile.makeDirectory(path)
        try AtomicFile.checkDirectory(path)
        try AtomicFile.replace("\(path)/\(Self.readMeName)", Array(Self.readMe.utf8), mode: S_IRUSR | S_IWUSR)
    }

    /// Writes a recording as `boot-BOOTID-NUMBER`.
    ///
    /// - Parameters:
    ///   - recording: Of one try.
    ///   - bootID: Of the boot.
    ///   - number: Of the try, from 1.
    package func write(_ recording: UnlockRecording, bootID: [UInt8], number: Int) {
        if recording.outcome.state == "configured", number >= Self.maximumTries {
            if number == Self.maximumTries { report("\(number) tries: no more is recorded before the last") }
            return
        }
        let digits = String(number)
        let name =
            "boot-\(Hex.encode(bootID.prefix(4)))-\(String(repeating: "0", count: max(0, 4 - digits.count)))\(digits)"
        do {
            try Self.write(recording, to: "\(path)/\(name)")
        } catch {
            report("recording \(name): \(error.detail)")
        }
    }

    /// Writes one recording into a folder of its own; `recording.json` last.
    package static func write(_ recording: UnlockRecording, to path: String) throws(SoftwareModuleError) {
        try AtomicFile.makeDirectory(path)
        for (name, contents) in recording.files().reversed() {
            try AtomicFile.replace("\(path)/\(name)", contents, mode: S_IRUSR | S_IWUSR)
        }
    }

    /// Reads a recording.
    ///
    /// - Parameter path: The folder with its `recording.json`.
    /// - Returns: What was recorded.
    /// - Throws: ``SoftwareModuleError`` that names what is wrong.
    package static func read(_ path: String) throws(SoftwareModuleError) -> UnlockRecording {
        try UnlockRecording { name throws(SoftwareModuleError) in
            try OpenFile("\(path)/\(name)").contents(limit: UnlockRecording.maximumFileLength)
        }
    }

    /// A name within the folder: 1 to 64 bytes of `[A-Za-z0-9._-]`, and no hidden one.
    static func isPlainName(_ name: String) -> Bool {
        (1...64).contains(name.utf8.count) && !name.hasPrefix(".")
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    private static let readMe = """
        # SECRET: recorded unlocks

        Each folder here is one try of an enclave to unlock. Each contains the key that the TSK was released to: whoever
        has it can open the TSK and the keyring, with every key of the broker. Keep it to yourself, delete it when you
        are done, and never record an enclave whose keys are worth anything.

            keybroker replay FOLDER

        """
}
