// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import Cryptography
import Encoding

/// The registry of a rotation: what it adds and ends there, and nothing else may change meanwhile.
struct RotationRegistry: Sendable {
    let path: String

    /// - Throws: also for a registry that the canonical shape, which is written, cannot hold.
    func read() throws(CommandFailure) -> SignerRegistry {
        let registry = try RegistryFile.read(path)
        if let shared = registry.signers.first(where: { $0.publicKey == nil }) {
            throw .failed(
                "\(path): has the shared key \(Console.printable(shared.id)), which registries are not written with: verifiers would lose it. Move it to another registry"
            )
        }
        return registry
    }

    /// Writes it whole, reads it again, and compares.
    func write(_ registry: SignerRegistry) throws(CommandFailure) {
        try RotationFile.write(registry.json.serialized(pretty: true) + [0x0A], to: path)
        guard Self.fingerprints(try read()) == Self.fingerprints(registry) else {
            throw .failed("\(path): reads back otherwise than it was written")
        }
    }

    /// SHA-256 of each entry in its canonical shape, by signer, sorted.
    static func fingerprints(_ registry: SignerRegistry) -> JSONObject {
        let entries = registry.json.object?["signers"]?.array ?? []
        return JSONObject(
            entries.compactMap { entry in
                entry.object?["signerId"]?.string.map {
                    ($0, .string(Hex.encode(Hash.digest(.sha256, entry.serialized()))))
                }
            }
        )
    }

    /// Refuses a registry in which a signer of `known` is gone or another. What others added is theirs.
    func require(_ known: JSONObject, in registry: SignerRegistry) throws(CommandFailure) {
        let now = Self.fingerprints(registry)
        for (id, fingerprint) in known.members where now[id] != fingerprint {
            let what = now[id] == nil ? "is gone" : "was changed"
            throw .failed(
                "\(path): signer \(Console.printable(id)) \(what) since this rotation looked at it: put back what was there (the journal has its SHA-256) and run again"
            )
        }
    }

    // MARK: The two changes

    /// With one signer more.
    static func adding(_ signer: Signer, to registry: SignerRegistry) throws(CommandFailure) -> SignerRegistry {
        var registry = registry
        guard registry.add(signer) else {
            throw .failed(
                "\(Console.printable(signer.id)): another key has this id in the registry, and signatures of both would be told apart by nothing: use another --kid"
            )
        }
        return registry
    }

    /// With an end of validity for these signers, unless they have an earlier one.
    static func ending(_ ids: [String], at time: Timestamp, in registry: SignerRegistry) -> SignerRegistry {
        var registry = registry
        for id in ids {
            guard var signer = registry[id], signer.notAfter.map({ $0 > time }) ?? true else { continue }
            signer.notAfter = time
            registry.put(signer)
        }
        return registry
    }
}
