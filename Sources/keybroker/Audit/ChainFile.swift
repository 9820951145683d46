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

    // MARK: Its end

    /// Its last events, with digests and links that are right: what follows would vouch for them. If it `repairs`, an incomplete
    /// record at the end, which a writer that was stopped left, is taken away first.
    func tail(_ profile: ChainProfile, repairs: Bool) throws(CommandFailure) -> ChainTail {
        let size = try size()
        guard size > 0 else { return ChainTail() }
        guard try bytes(at: 0, upTo: 1) == [UInt8(ascii: "{")] else {
            throw .usage("\(path): is an array: only JSON lines can be appended to")
        }
        // Where each actor has a chain, its last event may be anywhere.
        let start = profile.isPerActor ? 0 : try startOfTail(size)
        if start > 0, let tail = try? tail(profile, from: start, to: size) { return tail }
        // Whatever is wrong is told by its place in the whole. And a record may span lines.
        do throws(ChainTail.Problem) {
            return try tail(profile, from: 0, to: size)
        } catch {
            switch error {
            case .incomplete(let offset) where repairs:
                try cut(to: offset)
                Console.error("\(Console.printable(path)): \(size - offset) bytes of an incomplete record taken away")
                return try self.tail(profile, repairs: false)
            case .incomplete(let offset):
                throw .failed(
                    "\(path): ends within a record: whoever wrote it was stopped at byte \(size). --repair takes away the \(size - offset) bytes of that record; it and what came after it are to be signed again"
                )
            case .broken(let reason): throw .failed("\(path): is no chain to go on with: \(reason)")
            case .unreadable(let failure): throw failure
            }
        }
    }

    private func tail(_ profile: ChainProfile, from start: Int, to end: Int) throws(ChainTail.Problem) -> ChainTail {
        var position = start
        let tail = try ChainTail(profile, isWhole: start == 0) { [self] () throws(CommandFailure) in
            let bytes = try bytes(at: position, upTo: min(Self.pieceLength, end - position))
            position += bytes.count
            return bytes
        }
        do {
            if try bytes(at: end - 1, upTo: 1) != [UInt8(ascii: "\n")] { try write([UInt8(ascii: "\n")]) }
        } catch {
            throw .unreadable(error)
        }
        return tail
    }

    private static let pieceLength = 1 << 18

    /// Where the first line within the tail begins; 0 for a file that is no longer than that, or has no line so short.
    private func startOfTail(_ size: Int) throws(CommandFailure) -> Int {
        guard size > ChainTail.length else { return 0 }
        var position = size - ChainTail.length
        while position < size {
            let piece = try bytes(at: position, upTo: min(Self.pieceLength, size - position))
            if let end = piece.firstIndex(of: UInt8(ascii: "\n")), position + end + 1 < size {
                return position + end + 1
            }
            position += piece.count
        }
        return 0
    }

    private func size() throws(CommandFailure) -> Int {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw failed("read") }
        return status.st_size
    }

    private func bytes(at offset: Int, upTo count: Int) throws(CommandFailure) -> [UInt8] {
        guard count > 0 else { return [] }
        var length = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            repeat {
                length = unsafe pread(descriptor, buffer.baseAddress, count, offset)
            } while length < 0 && errno == EINTR
            filled = max(0, length)
        }
        // A file that became shorter meanwhile was cut by somebody who does not lock it.
        guard length > 0 else { throw failed("read") }
        return bytes
    }

    // MARK: Writing

    /// Appends whole records, which are on the disk when this returns. Where they cannot be written whole, none of them is.
    func append(_ records: [UInt8]) throws(CommandFailure) {
        let end = try size()
        do throws(CommandFailure) {
            try write(records)
            guard fsync(descriptor) == 0 else { throw failed("written") }
        } catch {
            try? cut(to: end)
            throw error
        }
    }

    private func write(_ bytes: [UInt8]) throws(CommandFailure) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = unsafe rest.withUnsafeBytes { unsafe Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else { throw failed("written") }
            rest = rest.dropFirst(written)
        }
    }

    private func cut(to length: Int) throws(CommandFailure) {
        guard ftruncate(descriptor, length) == 0 else { throw failed("cut") }
    }

    private func failed(_ what: String) -> CommandFailure {
        .failed("\(path): cannot be \(what): \(SystemError.text(errno))")
    }
}
