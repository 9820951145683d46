// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import Foundation

/// A chain in a file, which one process at a time appends to: two that append to the same end would fork it.
final class ChainFile {
    private let path: String
    private let descriptor: Int32

    /// Opens or makes a file, and waits until nobody else appends to it.
    init(appendingTo path: String) throws(CommandFailure) {
        self.path = path
        descriptor = unsafe open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .usage("\(path): cannot be opened: \(SystemError.text(errno))") }
        while flock(descriptor, LOCK_EX) != 0 {
            guard errno == EINTR else { throw .failed("\(path): cannot be locked: \(SystemError.text(errno))") }
        }
    }

    /// Makes a file that is not there.
    init(creating path: String) throws(CommandFailure) {
        self.path = path
        descriptor = unsafe open(path, O_RDWR | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else {
            throw .usage("\(path): cannot be made: \(SystemError.text(errno)); --append goes on with a chain")
        }
    }

    deinit { close(descriptor) }

    /// The ends of its chains, by actor. Their digests and links have to be right: what follows would vouch for them.
    func heads(_ profile: ChainProfile) throws(CommandFailure) -> [String: Digest256] {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw failed() }
        guard status.st_size > 0 else { return [:] }
        let judge = RecordJudge(profile: profile, registry: nil)
        var verification = ChainVerification(judge)
        var source = EventSource([path])
        var number = 0
        while let bytes = try source.next() {
            number += 1
            verification.add(judge.judge(bytes, number: number))
        }
        let heads = verification.heads
        let report = verification.finish()
        guard report.isAccepted else {
            let finding = report.findings.first
            throw .failed(
                "\(path): is no chain to go on with: event \(finding?.event ?? 0): \(finding?.code.rawValue ?? "unknown")"
            )
        }
        var first: UInt8 = 0
        var last: UInt8 = 0
        guard unsafe pread(descriptor, &first, 1, 0) == 1, unsafe pread(descriptor, &last, 1, status.st_size - 1) == 1
        else { throw failed() }
        if first != UInt8(ascii: "{") { throw .usage("\(path): is an array: only JSON lines can be appended to") }
        if last != UInt8(ascii: "\n") { try write([UInt8(ascii: "\n")]) }
        return heads
    }

    func write(_ bytes: [UInt8]) throws(CommandFailure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = unsafe rest.withUnsafeBytes { unsafe Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else { throw failed() }
            rest = rest.dropFirst(written)
        }
    }

    /// Returns once it is on the disk.
    func finish() throws(CommandFailure) {
        guard fsync(descriptor) == 0 else { throw failed() }
    }

    private func failed() -> CommandFailure { .failed("\(path): cannot be written: \(SystemError.text(errno))") }
}
