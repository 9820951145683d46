// SPDX-License-Identifier: Apache-2.0

package import Cryptography
package import Encoding

/// A signed trace of ERST: `{trace, hash, signature, algorithm, publicKey, signer, hardware_attestation?}`.
///
/// What is signed are the 64 ASCII characters of the hash in hex, not its 32 bytes. A bundle does not say its version, so a
/// verification tries each and says which it is; a signature over one is never one over another.
package struct ERSTBundle: Sendable {
    package enum Version: String, Sendable, CaseIterable {
        /// The hash is over the trace.
        case v1 = "erst-v1"
        /// The hash is over `{trace}`, with `hardware_attestation` where there is one.
        case v2 = "erst-v2"
        /// As ``v2``, in the canonical form of ERST's successor. What both forms write alike is called ``v2``.
        case glassbox = "glassbox"
    }

    package let trace: JSON
    package let hardwareAttestation: JSON?
    /// As written.
    package let hash: String
    package let signature: [UInt8]
    /// The key that the bundle brings along. Nothing vouches for it.
    package let embeddedKey: PublicKey?

    /// What the systems write whatever the key is.
    private static let algorithm = "Ed25519+SHA256"

    /// - Throws: `malformed` or `invalidDocument`.
    package init(json bytes: [UInt8]) throws(AuditTrailError) {
        let object = try DocumentReader.object(bytes)
        do throws(JSONFieldError) {
            let reader = DocumentReader(object: object)
            guard let trace = object["trace"] else { throw JSONFieldError(path: "trace", problem: .missing) }
            self.trace = trace
            hardwareAttestation = object["hardware_attestation"].flatMap { $0 == .null ? nil : $0 }
            hash = try reader.text("hash")
            guard let signature = try? Hex.decode(try reader.text("signature")) else {
                throw JSONFieldError(path: "signature", problem: .invalid(reason: "must be hex"))
            }
            self.signature = signature
            if object["publicKey"] != nil {
                guard let key = PublicKeyText.parse(try reader.text("publicKey")) else {
                    throw JSONFieldError(path: "publicKey", problem: .invalid(reason: "is no public key in PEM"))
                }
                embeddedKey = key
            } else {
                embeddedKey = nil
            }
        } catch {
            throw .invalidDocument(error)
        }
    }

    /// The hash of a trace, in hex.
    ///
    /// - Throws: `notCanonical`.
    package static func hash(_ trace: JSON, hardwareAttestation: JSON? = nil, _ version: Version)
        throws(AuditTrailError) -> String
    {
        var value = trace
        if version != .v1 {
            var object = JSONObject([("trace", trace)])
            object["hardware_attestation"] = hardwareAttestation
            value = .object(object)
        }
        do {
            let form = version == .glassbox ? CanonicalForm.glassbox : .rfc8785
            return Hex.encode(Hash.digest(.sha256, try form.encode(value)))
        } catch {
            throw .notCanonical(source: "trace", error)
        }
    }

    /// A bundle as ERST writes it.
    package static func json(
        trace: JSON,
        hash: String,
        signature: [UInt8],
        publicKey: PublicKey,
        hardwareAttestation: JSON? = nil
    ) -> JSON {
        var object = JSONObject([
            ("trace", trace), ("hash", .string(hash)), ("signature", .string(Hex.encode(signature))),
            ("algorithm", .string(algorithm)), ("publicKey", .string(publicKey.pem)), ("signer", ["provider": "kms"]),
        ])
        object["hardware_attestation"] = hardwareAttestation
        return .object(object)
    }

    /// How a key signs the characters of a hash. Node's `verify(null, …)` takes SHA-256 for every key that is not Ed25519.
    package static func scheme(of key: PublicKey) -> SignatureScheme {
        switch key.algorithm {
        case .ed25519: .ed25519
        case .ec: .ecdsa(.sha256)
        case .rsa: .rsaPKCS1(.sha256)
        }
    }

    /// The verdict, with the keys of `trust` as those that count.
    package func verify(_ trust: DocumentTrust) -> DocumentVerdict {
        let version = Version.allCases.first {
            (try? Self.hash(trace, hardwareAttestation: hardwareAttestation, $0)) == hash
        }
        guard let version else { return .rejected(.hashMismatch) }
        var facts = [("version", version.rawValue)]
        if version == .v1, hardwareAttestation != nil { facts.append(("uncovered", "hardware_attestation")) }
        guard let key = trust.pinned ?? embeddedKey else { return .rejected(.noKey, facts) }
        guard key.verify(signature, message: Array(hash.utf8), scheme: Self.scheme(of: key)) else {
            return .rejected(.signatureInvalid, facts)
        }
        // The only time that the signature covers is the trace's own.
        let time = trace.object?["timestamp"]?.string.flatMap { Timestamp(rfc3339: $0) }
        return trust.judge(key, at: time, facts)
    }
}
