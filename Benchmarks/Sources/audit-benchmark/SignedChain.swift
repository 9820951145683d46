// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import Cryptography
import Encoding

/// A chain of events as a file has it, every one signed.
struct SignedChain {
    let profile: ChainProfile
    let registry: SignerRegistry
    let key: PublicKey
    /// JSON lines.
    let text: [UInt8]
    /// What is signed, and by which signature.
    let signatures: [(digest: [UInt8], signature: [UInt8])]

    init(_ profile: ChainProfile, _ algorithm: KeyAlgorithm, count: Int) throws {
        self.profile = profile
        let key = try PrivateKey.generate(algorithm)
        let signer = Signer(id: "audit-2026", key: key.publicKey)
        guard let scheme = signer.algorithm.scheme else { throw Failure(message: "no public key") }
        var writer = RecordWriter(profile, signer: signer.id)
        var text: [UInt8] = []
        var signatures: [(digest: [UInt8], signature: [UInt8])] = []
        for index in 0..<count {
            let event: JSON = [
                "actor_id": "agent-7", "event_type": "allocation",
                "payload": [
                    "n": .number(JSONNumber(Int64(index))), "resource": "gpu", "share": .number(JSONNumber(0.25)),
                    "labels": ["training", "zürich"],
                ],
            ]
            let draft = try writer.next(
                try AuditRecord(event, source: "event"),
                id: "0a1b2c3d-0000-4000-8000-\(100_000_000_000 + index)",
                now: Timestamp(milliseconds: 1_767_225_600_000 + Int64(index))
            )
            let digest = draft.digest.bytes
            let signature =
                scheme == .ed25519
                ? try key.sign(message: digest, scheme: scheme) : try key.sign(digest: digest, scheme: scheme)
            signatures.append((digest, signature))
            text += JSON.object(draft.signed(signature)).serialized() + [0x0A]
        }
        var registry = SignerRegistry()
        registry.put(signer)
        self.registry = registry
        self.key = key.publicKey
        self.text = text
        self.signatures = signatures
    }

    func verify(_ judge: RecordJudge) throws {
        let report = try ChainVerification.report(on: JSONValueStream(once: text), judge)
        guard report.isAccepted, report.events == signatures.count else { throw Failure(message: "\(report.findings)") }
    }

    func cut() throws {
        var stream = JSONValueStream(once: text)
        var number = 0
        while try stream.next() != nil { number += 1 }
        guard number == signatures.count else { throw Failure(message: "\(number) events") }
    }
}

extension ChainVerification {
    /// As `keybroker audit verify`, on one thread.
    static func report(on stream: consuming JSONValueStream<Never>, _ judge: RecordJudge) throws -> ChainReport {
        var verification = ChainVerification(judge)
        var number = 0
        while let bytes = try stream.next() {
            number += 1
            verification.add(judge.judge(bytes, number: number))
        }
        return verification.finish()
    }
}
