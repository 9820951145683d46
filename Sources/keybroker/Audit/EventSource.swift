// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AuditTrail
import Encoding
import Foundation

/// Where events come from: files and standard input, one after another, read piece by piece.
struct EventSource {
    private var paths: ArraySlice<String>
    private var name = ""
    private var stream: JSONValueStream<any Error>?
    private var isFirst = false
    /// Elements of an object's `events`, which come before the rest.
    private var unwrapped: ArraySlice<[UInt8]> = []
    private var pieces: InputPieces?

    /// - Parameter paths: `-` for standard input, as for none.
    init(_ paths: [String]) { self.paths = paths.isEmpty ? ["-"] : paths[...] }

    /// The next event's bytes, as they stand in the file.
    mutating func next() throws(CommandFailure) -> [UInt8]? {
        while true {
            if let event = unwrapped.popFirst() { return event }
            if stream == nil {
                guard let path = paths.popFirst() else { return nil }
                name = path == "-" ? "standard input" : path
                let pieces = try InputPieces(path)
                self.pieces = pieces
                stream = JSONValueStream { try pieces.next() }
                isFirst = true
            }
            let value: [UInt8]?
            do {
                value = try stream?.next()
            } catch let error as AuditTrailError {
                throw .failed("\(Console.printable(name)): \(error)")
            } catch {
                let reason = (error as? InputPieces.Unreadable)?.reason ?? "\(error)"
                throw .usage("\(name): cannot be read: \(reason)")
            }
            guard let value else {
                stream = nil
                continue
            }
            defer { isFirst = false }
            guard isFirst, let events = Self.wrapped(value) else { return value }
            unwrapped = events[...]
        }
    }

    /// Whether the next event is not here yet: whoever has some may go on with them.
    var isWaiting: Bool { unwrapped.isEmpty && stream?.isDrained == true && pieces?.isWaiting == true }

    /// The events of a file that is one object with a list of them.
    private static func wrapped(_ value: [UInt8]) -> [[UInt8]]? {
        guard let object = (try? JSON.parse(value, limits: AuditLimits.json))?.object,
            object["payload"] == nil, let events = object["events"]?.array
        else { return nil }
        return events.map { $0.serialized() }
    }
}

/// `--profile`.
extension AuditProfile: ExpressibleByArgument {}
extension ChainProfile: ExpressibleByArgument {}

extension EventSource {
    /// Records that are in memory already.
    init(sorted records: [AuditRecord]) {
        self.init([])
        paths = []
        unwrapped = records.map { JSON.object($0.object).serialized() }[...]
    }
}
