// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import Cryptography
import Encoding
import Foundation

/// Records that a rotation signs to see whether verifiers accept them.
struct TestRecord: Sendable {
    let profile: ChainProfile
    let registry: SignerRegistry
    let attested: Set<String>
    let session: BrokerSession
    let rotation: String

    init(_ rotation: KeyRotation, id: String, registry: SignerRegistry) throws(CommandFailure) {
        profile = rotation.profile
        self.registry = registry
        attested = Set(try SignerAttestationJudge(rotation.expected).check(registry).origins.keys)
        session = rotation.session
        self.rotation = id
    }

    /// Signs a record through `key` as `signer`, and verifies it as `audit verify` would; with `isAttested` as it would with
    /// --require-attested. An old signer's attestation may be of an image before the expected one, or it has none.
    func check(key name: String, signer id: String, isAttested: Bool = false) async throws(CommandFailure) {
        guard let signer = registry[id] else { throw .failed("\(Console.printable(id)): is not in the registry") }
        let key = try await AuditSigningKey(name, named: signer.algorithm, session: session)
        guard key.publicKey?.spki == signer.publicKey?.spki else {
            throw .failed("\(name): signs with another key than the registry has for \(Console.printable(id))")
        }
        // The enclave's clock may be ahead of this one.
        let time = max(SystemClock.now(), signer.notBefore ?? SystemClock.now())
        let record: JSONObject
        do {
            var writer = RecordWriter(profile, signer: id)
            let event = try AuditRecord(
                [
                    "actor_id": "keybroker rotate", "event_type": "keybroker.rotation.test",
                    "payload": ["rotation": .string(rotation), "key": .string(key.arn)],
                ],
                source: "test record"
            )
            let draft = try writer.next(event, id: UUID().uuidString.lowercased(), now: time)
            guard let signature = try await key.sign(digests: [draft.digest]).first else {
                throw CommandFailure.failed("\(name): no signature")
            }
            record = draft.signed(signature)
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw .failed("test record: \(error)")
        }
        let judge = RecordJudge(
            profile: profile,
            registry: registry,
            attested: isAttested ? attested : nil
        )
        var verification = ChainVerification(judge)
        verification.add(judge.judge(JSON.object(record).serialized(), number: 1))
        let report = verification.finish()
        guard report.isAccepted else {
            let why = report.findings.map(\.code.rawValue).joined(separator: ", ")
            throw .failed(
                "a record that \(name) signed as \(Console.printable(id)) is rejected under the registry: \(why)"
            )
        }
    }
}
