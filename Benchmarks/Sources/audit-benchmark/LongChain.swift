// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import Cryptography
import Encoding
import Glibc

/// A chain in a file that memory does not hold: made, then verified on one thread.
struct LongChain {
    let path: String
    let count: Int
    private let keys: [PrivateKey]

    init(path: String, count: Int) throws {
        self.path = path
        self.count = count
        keys = [try PrivateKey.generate(.ed25519), try PrivateKey.generate(.ec(.p256))]
    }

    /// Every event signed, by either key in turns.
    func write() throws {
        guard let file = unsafe fopen(path, "w") else { throw Failure(message: path) }
        defer { unsafe fclose(file) }
        var heads: [String: Digest256] = [:]
        for index in 0..<count {
            let place = index % keys.count
            var writer = RecordWriter(.jcs, signer: "k\(place)", heads: heads)
            let event: JSON = [
                "actor_id": "agent-7", "event_type": "allocation",
                "payload": [
                    "n": .number(JSONNumber(Int64(index))), "resource": "gpu", "share": .number(JSONNumber(0.25)),
                ],
            ]
            let draft = try writer.next(
                try AuditRecord(event, source: "event"),
                id: "\(index)",
                now: Timestamp(milliseconds: 1_767_225_600_000 + Int64(index))
            )
            heads = ["": draft.digest]
            let digest = draft.digest.bytes
            let signature =
                place == 0
                ? try keys[0].sign(message: digest, scheme: .ed25519)
                : try keys[1].sign(digest: digest, scheme: .ecdsa(.sha256))
            let line = JSON.object(draft.signed(signature)).serialized() + [0x0A]
            guard unsafe fwrite(line, 1, line.count, file) == line.count else { throw Failure(message: path) }
        }
    }

    func verify() throws {
        guard let file = unsafe fopen(path, "r") else { throw Failure(message: path) }
        defer { unsafe fclose(file) }
        var registry = SignerRegistry()
        for (place, key) in keys.enumerated() { registry.put(Signer(id: "k\(place)", key: key.publicKey)) }
        let judge = RecordJudge(profile: .jcs, registry: registry)
        let stream = JSONValueStream<Never> {
            unsafe [UInt8](unsafeUninitializedCapacity: 1 << 18) { buffer, filled in
                filled = unsafe fread(buffer.baseAddress, 1, 1 << 18, file)
            }
        }
        let report = try ChainVerification.report(on: stream, judge)
        guard report.isAccepted, report.signatures == count else { throw Failure(message: "\(report.findings)") }
    }

    /// The most memory that this process has had, in KiB (getrusage(2)).
    static var peakMemory: Int {
        var usage = rusage()
        unsafe getrusage(Int32(RUSAGE_SELF.rawValue), &usage)
        return usage.ru_maxrss
    }
}
