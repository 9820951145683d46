// SPDX-License-Identifier: Apache-2.0

import CBOR
import Cryptography
import NitroAttestation

/// Gathers fixtures; the extensions in the files beside it add them, subject by subject.
struct FixtureCollection {
    private(set) var fixtures: [Fixture] = []
    let chain: TestChain
    /// A good document: indefinite-length map, 16 PCRs, no optional field.
    let base: TestDocument
    /// SubjectPublicKeyInfo of an RSA key of 2048 bits.
    let recipient: PublicKey

    init(recipient: PublicKey) throws {
        self.chain = try TestChain.make()
        self.base = try TestDocument(chain: chain)
        self.recipient = recipient
        try addValid()
        try addEnvelopes()
        try addPayloads()
        try addClaims()
        try addCertificates()
        try addSignatures()
    }

    mutating func add(_ fixture: Fixture) { fixtures.append(fixture) }

    mutating func accept(_ id: String, _ summary: String, _ bytes: [UInt8]) {
        add(Fixture(id: id, summary: summary, expected: .accepted, bytes: bytes))
    }

    /// The id is the reason and what brings it about.
    mutating func reject(_ reason: Rejection.Reason, _ id: String, _ summary: String, _ bytes: [UInt8]) {
        add(rejected(reason, id, summary, bytes))
    }

    func rejected(_ reason: Rejection.Reason, _ id: String, _ summary: String, _ bytes: [UInt8]) -> Fixture {
        Fixture(id: "\(reason.rawValue).\(id)", summary: summary, expected: .rejected(reason), bytes: bytes)
    }

    // MARK: Documents

    /// The base document with other claims, signed with its key.
    func document(indefiniteMap: Bool = true, _ change: (inout AttestationDocument) -> Void = { _ in }) throws
        -> [UInt8]
    {
        var claims = base.claims
        change(&claims)
        return try signed(AttestationDocumentEncoder.payload(claims, indefiniteMap: indefiniteMap))
    }

    /// The base document with other fields, signed with its key.
    func document(fields change: (inout CBORMap) -> Void) throws -> [UInt8] {
        var fields = AttestationDocumentEncoder.fields(base.claims)
        change(&fields)
        return try signed(AttestationDocumentEncoder.payload(fields: fields, indefiniteMap: true))
    }

    /// The base document under another chain.
    func document(chain change: (inout TestChain) throws -> Void) throws -> [UInt8] {
        var chain = chain
        try change(&chain)
        let document = try TestDocument(chain: chain)
        return try Envelope(payload: AttestationDocumentEncoder.payload(document.claims), key: document.key).bytes
    }

    func signed(_ payload: [UInt8]) throws -> [UInt8] {
        try Envelope(payload: payload, key: base.key).bytes
    }

    /// The base document's envelope, changed after signing.
    func envelope(_ change: (inout Envelope) -> Void) throws -> [UInt8] {
        var envelope = try Envelope(payload: AttestationDocumentEncoder.payload(base.claims), key: base.key)
        change(&envelope)
        return envelope.bytes
    }
}

extension CBORMap {
    /// Replaces the value of a text key in its place; nil removes the entry.
    mutating func set(_ name: String, _ value: CBORValue?) {
        guard let index = entries.firstIndex(where: { $0.key == .text(name) }) else { return }
        if let value {
            entries[index].value = value
        } else {
            entries.remove(at: index)
        }
    }

    mutating func append(_ key: CBORValue, _ value: CBORValue) {
        entries.append(contentsOf: CBORMap([(key, value)]).entries)
    }
}
