// SPDX-License-Identifier: Apache-2.0

/// What is hashed and signed, by name. Nothing is ever guessed from a record: one record can be valid under one profile and
/// forged under another.
package enum AuditProfile: String, Sendable, CaseIterable {
    /// Plain RFC 8785; as a chain, the broker's own, whose digests cover every member of a record.
    case jcs = "jcs"
    /// ILLUVRSE agent manager, memory layer and published design.
    case illuvrseA = "illuvrse-a"
    /// ILLUVRSE TypeScript kernel.
    case illuvrseB = "illuvrse-b"
    /// ILLUVRSE shared library, one chain for each actor.
    case illuvrseC = "illuvrse-c"
    /// ILLUVRSE Go kernel.
    case illuvrseGo = "illuvrse-go"
    /// ERST bundle, the hash over the trace.
    case erstV1 = "erst-v1"
    /// ERST bundle, the hash over an object that holds the trace.
    case erstV2 = "erst-v2"
    /// ERST's Go command.
    case erstGo = "erst-go"
    /// glassbox, which ERST became: as ``erstV2``, in a canonical form of its own.
    case glassbox = "glassbox"
    /// dossier: SHA-256 of the body.
    case dossier = "dossier"

    /// The same as a profile of chains, if it is one.
    package var chain: ChainProfile? { ChainProfile(rawValue: rawValue) }

    /// Of the JSON that is hashed; nil where no JSON is.
    package var form: CanonicalForm? {
        switch self {
        case .jcs, .illuvrseA, .erstV1, .erstV2: .rfc8785
        case .illuvrseB, .illuvrseC: .ecmaScriptObjects
        case .illuvrseGo: .goKernel
        case .erstGo: .goStruct
        case .glassbox: .glassbox
        case .dossier: nil
        }
    }

    /// One line for people.
    package var summary: String {
        switch self {
        case .jcs: "RFC 8785; chain: SHA-256(canonical record without hash and signature)"
        case .illuvrseA: "SHA-256(canonical payload || previous digest), RFC 8785"
        case .illuvrseB: "SHA-256({eventType, payload, prevHash, ts}), names sorted as ECMAScript objects are"
        case .illuvrseC: "SHA-256({actor_id, created_at, event_type, payload, prev_hash}), one chain for each actor"
        case .illuvrseGo: "SHA-256(canonical payload || previous digest), the Go kernel's canonical form"
        case .erstV1: "SHA-256(canonical trace); the 64 hex digits are signed"
        case .erstV2: "SHA-256(canonical {trace, hardware_attestation?}); the 64 hex digits are signed"
        case .erstGo: "SHA-256(payload in Go's struct order); the 32 bytes are signed"
        case .glassbox: "as erst-v2, with strings in NFC, without -0 and integers beyond 2^53 - 1"
        case .dossier: "SHA-256(body); KMS signs the digest, Ed25519 the body"
        }
    }
}
