// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import Encoding

/// The audit events that a demo signs, as digests each of which covers the event before.
struct DemoChain: Sendable {
    /// 32 bytes each.
    let digests: [[UInt8]]
    let summary: String

    /// Files of payloads, or the archived records of one chain in any order.
    ///
    /// - Throws: `CommandFailure` for files that are no events, or whose recorded hashes are not reproduced.
    init(files: [String]) throws(CommandFailure) {
        do {
            var values: [(source: String, value: JSON)] = files.isEmpty ? Self.examples.map { ("example", $0) } : []
            for file in files {
                let bytes = try InputFile.read(file)
                var stream = JSONValueStream(once: bytes)
                while let value = try stream.next() {
                    values.append((file, try JSON.parse(value, limits: AuditLimits.json)))
                }
            }
            let records = values.compactMap { try? AuditRecord($0.value, source: $0.source) }
            let isArchive = records.count == values.count && records.allSatisfy { $0.hash != nil }
            let chain = isArchive ? try records.sortedByLinks() : try Self.chained(values)
            let profile: ChainProfile = isArchive ? .illuvrseGo : .illuvrseA
            var digests: [[UInt8]] = []
            for record in chain {
                let digest = try profile.digest(of: record)
                guard record.hash ?? digest == digest else {
                    throw CommandFailure.failed("\(record.source): its hash is not the one of what it says")
                }
                digests.append(digest.bytes)
            }
            self.digests = digests
            let note = isArchive ? ", \(digests.count) archived hashes reproduced" : ""
            summary = "\(digests.count) events, profile \(profile.rawValue)\(note)"
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw .failed("audit events: \(error)")
        }
        guard !digests.isEmpty else { throw .usage("the files hold no audit events") }
    }

    /// Records of these payloads, each of which follows the one before.
    private static func chained(_ values: [(source: String, value: JSON)]) throws(AuditTrailError) -> [AuditRecord] {
        var records: [AuditRecord] = []
        var previous: Digest256?
        for (source, value) in values {
            var object = JSONObject([("payload", value)])
            object["prev_hash"] = previous.map { .string($0.hex) }
            let record = try AuditRecord(.object(object), source: source)
            previous = try ChainProfile.illuvrseA.digest(of: record)
            records.append(record)
        }
        return records
    }

    private static let examples: [JSON] = [
        ["actor": "alice", "event": "login"],
        ["actor": "alice", "event": "manifest.update", "budget": 1000],
        ["actor": "bob", "event": "manifest.approve", "comment": "within <limits> & reviewed"],
    ]
}
