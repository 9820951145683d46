// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding

extension SignerRegistry {
    /// Reads every shape of `signers.json` in use: `{signers: […]}`, a bare array, `{id: "PEM"}` and `{id: {…}}`.
    ///
    /// Members that say nothing about keys (`deployedAt`, `notes`) are ignored. A key that cannot be read, a placeholder for
    /// instance, is an error and never left out: what is signed under it would be unknown instead.
    ///
    /// - Throws: `invalidDocument`, with the path of what is wrong.
    package init(json bytes: [UInt8]) throws(AuditTrailError) {
        do throws(JSONFieldError) {
            let value: JSON
            do {
                value = try JSON.parse(
                    bytes,
                    limits: JSONLimits(totalLength: AuditLimits.registryLength, depth: AuditLimits.depth)
                )
            } catch {
                throw JSONFieldError(
                    path: "",
                    problem: .invalid(reason: "not JSON: \(error.code.rawValue) at byte \(error.offset)")
                )
            }
            self.init()
            for (path, entry) in try Self.entries(value) {
                let signer = try entry.signer(path)
                guard add(signer) else {
                    throw JSONFieldError(path: path, problem: .invalid(reason: "an id that another signer has"))
                }
            }
        } catch {
            throw .invalidDocument(error)
        }
    }

    private static func entries(_ value: JSON) throws(JSONFieldError) -> [(path: String, entry: RegistryEntry)] {
        switch value {
        case .array(let list): return try entries(list, at: "")
        case .object(let object):
            if let signers = object["signers"] {
                guard case .array(let list) = signers else {
                    throw JSONFieldError(path: "signers", problem: .wrongType(expected: "array"))
                }
                return try entries(list, at: "signers")
            }
            var entries: [(String, RegistryEntry)] = []
            for (name, value) in object.members {
                switch value {
                case .string:
                    entries.append((name, RegistryEntry(id: name, object: JSONObject([("publicKey", value)]))))
                case .object(let inner): entries.append((name, RegistryEntry(id: name, object: inner)))
                default: throw JSONFieldError(path: name, problem: .wrongType(expected: "object or PEM string"))
                }
            }
            return entries
        default: throw JSONFieldError(path: "", problem: .wrongType(expected: "object or array of signers"))
        }
    }

    private static func entries(_ list: [JSON], at path: String) throws(JSONFieldError) -> [(String, RegistryEntry)] {
        var entries: [(String, RegistryEntry)] = []
        for (index, value) in list.enumerated() {
            guard case .object(let object) = value else {
                throw JSONFieldError(path: "\(path)[\(index)]", problem: .wrongType(expected: "object"))
            }
            entries.append(("\(path)[\(index)]", RegistryEntry(id: nil, object: object)))
        }
        return entries
    }
}

/// One signer as some system wrote it.
private struct RegistryEntry {
    /// The name that it stands under, if it stands under one.
    let id: String?
    let object: JSONObject

    private static let idNames = ["signerId", "signer_id", "signer_kid", "signerKid", "id", "kid"]
    private static let keyNames = [
        "publicKey", "public_key", "publicKeyPem", "public_key_pem", "key", "pub", "pem", "value",
    ]

    func signer(_ path: String) throws(JSONFieldError) -> Signer {
        let named = try text(Self.idNames, path)
        if let id, let named, id != named {
            throw JSONFieldError(path: path, problem: .invalid(reason: "stands under another id than it names"))
        }
        guard let id = id ?? named, !id.isEmpty else {
            throw JSONFieldError(path: "\(path).signerId", problem: .missing)
        }
        guard let keyText = try text(Self.keyNames, path) else {
            throw JSONFieldError(path: "\(path).publicKey", problem: .missing)
        }
        var signer = try signer(id: id, keyText: keyText, algorithm: try algorithm(path), path)
        signer.notBefore = try time(["notBefore", "not_before", "validFrom", "valid_from"], path)
        signer.notAfter = try time(["notAfter", "not_after", "validUntil", "valid_until", "expiresAt"], path)
        signer.revocation = try revocation(path)
        signer.attestation = try attestation(path)
        signer.description = try text(["description"], path)
        return signer
    }

    private func signer(id: String, keyText: String, algorithm: SignerAlgorithm?, _ path: String)
        throws(JSONFieldError) -> Signer
    {
        if algorithm == .hmacSHA256 { return Signer(id: id, sharedKey: Array(keyText.utf8)) }
        guard let key = PublicKeyText.parse(keyText) else {
            let reason = "is no public key: PEM, base64 of its SPKI, or base64 of 32 bytes of Ed25519"
            throw JSONFieldError(path: "\(path).publicKey", problem: .invalid(reason: reason))
        }
        if let algorithm, !algorithm.fits(key.algorithm) {
            throw JSONFieldError(path: "\(path).algorithm", problem: .invalid(reason: "is not one of this key"))
        }
        return Signer(id: id, key: key, algorithm: algorithm)
    }

    private func algorithm(_ path: String) throws(JSONFieldError) -> SignerAlgorithm? {
        guard let name = try text(["algorithm", "alg"], path) else { return nil }
        guard let algorithm = SignerAlgorithm(name: name) else {
            let known = SignerAlgorithm.allCases.map(\.rawValue).joined(separator: ", ")
            throw JSONFieldError(path: "\(path).algorithm", problem: .invalid(reason: "must be one of \(known)"))
        }
        return algorithm
    }

    private func revocation(_ path: String) throws(JSONFieldError) -> Signer.Revocation? {
        let time = try time(["revokedAt", "revoked_at"], path)
        switch object["revoked"] {
        case .bool(true): return .entirely
        case nil, .null, .bool(false): return time.map { .from($0) }
        default: throw JSONFieldError(path: "\(path).revoked", problem: .wrongType(expected: "true or false"))
        }
    }

    private func attestation(_ path: String) throws(JSONFieldError) -> Signer.Attestation? {
        guard let value = object["attestation"], value != .null else { return nil }
        guard let text = value.object?["document"]?.string, let document = try? Base64.decode(text) else {
            throw JSONFieldError(path: "\(path).attestation.document", problem: .invalid(reason: "must be base64"))
        }
        return Signer.Attestation(document: document)
    }

    private func time(_ names: [String], _ path: String) throws(JSONFieldError) -> Timestamp? {
        guard let text = try text(names, path) else { return nil }
        guard let time = Timestamp(rfc3339: text) else {
            throw JSONFieldError(path: "\(path).\(names[0])", problem: .invalid(reason: "must be a time (RFC 3339)"))
        }
        return time
    }

    /// What stands under one of the names; two that differ are an error.
    private func text(_ names: [String], _ path: String) throws(JSONFieldError) -> String? {
        var found: String?
        for name in names {
            guard let value = object[name], value != .null else { continue }
            guard case .string(let text) = value else {
                throw JSONFieldError(path: "\(path).\(name)", problem: .wrongType(expected: "string"))
            }
            guard found ?? text == text else {
                throw JSONFieldError(
                    path: "\(path).\(name)",
                    problem: .invalid(reason: "differs from another of its names")
                )
            }
            found = text
        }
        return found
    }
}
