// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import Cryptography
import Encoding

/// Makes chains for tests, record by record, with a key of its own.
struct ChainMaker {
    let profile: ChainProfile
    let key: PrivateKey
    var kid = "k1"

    init(_ profile: ChainProfile, _ algorithm: KeyAlgorithm = .ed25519) throws {
        self.profile = profile
        key = try PrivateKey.generate(algorithm)
    }

    var signer: Signer { Signer(id: kid, key: key.publicKey) }

    func registry(_ change: (inout Signer) -> Void = { _ in }) -> SignerRegistry {
        var signer = signer
        change(&signer)
        var registry = SignerRegistry()
        registry.put(signer)
        return registry
    }

    /// `count` records, signed and linked, a minute apart.
    func chain(_ count: Int, actor: (Int) -> String = { _ in "alice" }) throws -> [JSONObject] {
        var heads: [String: Digest256] = [:]
        return try (0..<count).map { index in
            let name = profile == .illuvrseC ? actor(index) : ""
            var object = JSONObject([
                ("id", .string("e\(index + 1)")), ("actor_id", .string(actor(index))), ("event_type", "t"),
                ("payload", ["n": .number(.init(Int64(index)))]),
                ("created_at", .string(Timestamp(seconds: 1_767_225_600 + Int64(index) * 60).rfc3339)),
                ("prev_hash", heads[name].map { .string($0.hex) } ?? .null), ("signer_kid", .string(kid)),
            ])
            heads[name] = try seal(&object)
            return object
        }
    }

    /// Hashes and signs a record as it stands.
    @discardableResult
    func seal(_ object: inout JSONObject, claimsHash: Bool = true) throws -> Digest256 {
        let digest = try profile.digest(of: try AuditRecord(.object(object), source: "e"))
        if claimsHash { object["hash"] = .string(digest.hex) }
        let signature =
            key.algorithm == .ed25519
            ? try key.sign(message: digest.bytes, scheme: .ed25519)
            : try key.sign(
                digest: digest.bytes,
                scheme: key.algorithm == .ec(.p256) ? .ecdsa(.sha256) : .rsaPKCS1(.sha256)
            )
        object["signature"] = .string(Base64.encode(signature))
        return digest
    }
}

/// The verdict on records.
func verify(
    _ records: [JSONObject],
    _ profile: ChainProfile,
    _ registry: SignerRegistry?,
    attested: Set<String>? = nil,
    expecting: ChainVerification.Expectation = .init()
) -> ChainReport {
    let judge = RecordJudge(profile: profile, registry: registry, attested: attested)
    var verification = ChainVerification(judge, expecting: expecting)
    for (index, record) in records.enumerated() {
        verification.add(judge.judge(JSON.object(record).serialized(), number: index + 1))
    }
    return verification.finish()
}

extension ChainReport {
    /// `code@event`, in order.
    var codes: [String] { findings.map { "\($0.code.rawValue)@\($0.event ?? 0)" } }
}
