// SPDX-License-Identifier: Apache-2.0

package import Cryptography
package import Encoding

/// The audit log of ERST's Go command: another format, whose signature is over the 32 bytes of the digest.
package struct ERSTGoLog: Sendable {
    /// The members that the program writes, in the order of its struct. What it hashes is in this order, however a file has it.
    private static let payloadMembers = ["envelope_xdr", "result_meta_xdr", "events", "logs"]
    private static let version = "1.0.0"
    private static let versions: Set<String> = ["1.0.0", "1.1.0"]

    package let payload: JSON
    package let traceHash: Digest256
    package let signature: [UInt8]
    package let embeddedKey: PublicKey

    /// - Throws: `malformed` or `invalidDocument`, for members unknown to the format too.
    package init(json bytes: [UInt8]) throws(AuditTrailError) {
        let object = try DocumentReader.object(bytes)
        do throws(JSONFieldError) {
            let reader = DocumentReader(object: object)
            guard Self.versions.contains(try reader.text("version")) else {
                throw JSONFieldError(path: "version", problem: .invalid(reason: "must be 1.0.0 or 1.1.0"))
            }
            guard let hash = Digest256(hex: try reader.text("trace_hash")) else {
                throw JSONFieldError(path: "trace_hash", problem: .invalid(reason: "must be a SHA-256 digest in hex"))
            }
            traceHash = hash
            guard let signature = try? Hex.decode(try reader.text("signature")) else {
                throw JSONFieldError(path: "signature", problem: .invalid(reason: "must be hex"))
            }
            self.signature = signature
            guard let raw = try? Hex.decode(try reader.text("public_key")), let key = PublicKeyText.ed25519(raw) else {
                throw JSONFieldError(path: "public_key", problem: .invalid(reason: "must be an Ed25519 key in hex"))
            }
            embeddedKey = key
            payload = try Self.payload(object["payload"] ?? .null)
        } catch {
            throw .invalidDocument(error)
        }
    }

    /// A payload in the order of the struct.
    ///
    /// - Throws: `JSONFieldError` for anything but its four members.
    package static func payload(_ value: JSON) throws(JSONFieldError) -> JSON {
        var fields = try JSONFields(value, at: "payload")
        var members: [(String, JSON)] = []
        for name in payloadMembers.prefix(2) { members.append((name, .string(try fields.string(name)))) }
        for name in payloadMembers.suffix(2) {
            let value = try fields.value(name)
            // A slice that was never made is null.
            guard value == .null || value.array?.allSatisfy({ $0.string != nil }) == true else {
                throw JSONFieldError(path: fields.path(name), problem: .wrongType(expected: "array of strings"))
            }
            members.append((name, value))
        }
        try fields.finish()
        return .object(JSONObject(members))
    }

    /// The digest of a payload that ``payload(_:)`` returned.
    package static func digest(_ payload: JSON) throws(AuditTrailError) -> [UInt8] {
        do {
            return Hash.digest(.sha256, try CanonicalForm.goStruct.encode(payload))
        } catch {
            throw .notCanonical(source: "payload", error)
        }
    }

    /// A log as the program writes it.
    package static func json(
        payload: JSON,
        transactionHash: String,
        signature: [UInt8],
        publicKey: [UInt8],
        digest: [UInt8],
        now: Timestamp
    ) -> JSON {
        [
            "version": .string(version), "timestamp": .string(now.rfc3339),
            "transaction_hash": .string(transactionHash),
            "trace_hash": .string(Hex.encode(digest)), "signature": .string(Hex.encode(signature)),
            "public_key": .string(Hex.encode(publicKey)), "payload": payload,
        ]
    }

    package func verify(_ trust: DocumentTrust) -> DocumentVerdict {
        let facts = [("version", AuditProfile.erstGo.rawValue), ("uncovered", "version, timestamp, transaction_hash")]
        guard (try? Self.digest(payload)) == traceHash.bytes else { return .rejected(.hashMismatch, facts) }
        let key = trust.pinned ?? embeddedKey
        guard key.verify(signature, message: traceHash.bytes, scheme: .ed25519) else {
            return .rejected(.signatureInvalid, facts)
        }
        // Its time is not signed.
        return trust.judge(key, at: nil, facts)
    }
}
