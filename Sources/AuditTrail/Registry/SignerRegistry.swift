// SPDX-License-Identifier: Apache-2.0

import Cryptography
package import Encoding

/// The signers that a verifier believes, by id.
package struct SignerRegistry: Sendable {
    package private(set) var signers: [Signer] = []
    private var places: [String: Int] = [:]

    package init() {}

    /// - Returns: false if the id is taken.
    package mutating func add(_ signer: Signer) -> Bool {
        guard places[signer.id] == nil else { return false }
        places[signer.id] = signers.count
        signers.append(signer)
        return true
    }

    /// Adds a signer, or puts it in the place of the one with its id.
    package mutating func put(_ signer: Signer) {
        if let place = places[signer.id] { signers[place] = signer } else { _ = add(signer) }
    }

    package subscript(id: String) -> Signer? { places[id].map { signers[$0] } }

    /// The same key under any id.
    package func signer(withKey spki: [UInt8]) -> Signer? { signers.first { $0.publicKey?.spki == spki } }

    // MARK: Writing

    /// The canonical shape: one that every verifier in use reads too, sorted by id.
    ///
    /// Names are those of ILLUVRSE's `{signers: […]}`; validity, revocation and attestation are additions that it ignores.
    /// Shared keys are left out: a registry is public.
    package var json: JSON {
        let list = signers.sorted { $0.id.utf8.lexicographicallyPrecedes($1.id.utf8) }.compactMap(Self.json)
        return ["format": 1, "signers": .array(list)]
    }

    private static func json(_ signer: Signer) -> JSON? {
        guard let key = signer.publicKey else { return nil }
        var object = JSONObject([
            ("signerId", .string(signer.id)), ("algorithm", .string(signer.algorithm.rawValue)),
            ("publicKey", .string(key.pem)),
        ])
        object["notBefore"] = signer.notBefore.map { .string($0.rfc3339) }
        object["notAfter"] = signer.notAfter.map { .string($0.rfc3339) }
        switch signer.revocation {
        case .from(let time): object["revokedAt"] = .string(time.rfc3339)
        case .entirely: object["revoked"] = true
        case nil: break
        }
        object["attestation"] = signer.attestation.map { ["document": .string(Base64.encode($0.document))] }
        object["description"] = signer.description.map { .string($0) }
        return .object(object)
    }
}
