// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import Encoding

/// The audit events that a demo signs, as digests each of which covers the event before.
struct DemoChain: Sendable {
    /// 32 bytes each.
    let digests: [[UInt8]]
    let summary: String

    /// - Throws: `CommandFailure` for files that are no events, or whose recorded hashes are not reproduced.
    init(files: [String]) throws(CommandFailure) {
        var contents: [(name: String, bytes: [UInt8])] = []
        for file in files { contents.append((file, try InputFile.read(file))) }
        do {
            let chain =
                contents.isEmpty
                ? AuditChain(Self.examples.map { AuditEvent(payload: $0, source: "example") })
                : try AuditChain.load(files: contents)
            let form: CanonicalForm = chain.layout == .goKernelArchive ? .goKernel : .rfc8785
            digests = try chain.verifiedDigests(form)
            let recorded = chain.events.count { $0.recordedHash != nil }
            let note = recorded > 0 ? ", \(recorded) archived hashes reproduced" : ""
            summary = "\(digests.count) events, canonical form \(form.rawValue)\(note)"
        } catch {
            throw .failed("audit events: \(error)")
        }
        guard !digests.isEmpty else { throw .usage("the files hold no audit events") }
    }

    private static let examples: [JSON] = [
        ["actor": "alice", "event": "login"],
        ["actor": "alice", "event": "manifest.update", "budget": 1000],
        ["actor": "bob", "event": "manifest.approve", "comment": "within <limits> & reviewed"],
    ]
}
