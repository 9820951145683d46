// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import Cryptography
import Encoding
import Foundation
import TestSupport
import Testing

/// Every file that there is of the systems in use has a verdict here: a new one without fails.
@Suite(.enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)))
struct EveryRecordTests {
    /// What a file is, and what has to be said of it.
    private enum Expectation {
        /// No record: how the data came about, or prose.
        case prose
        /// A bundle of ERST.
        case bundle(version: String?, DocumentRejection?)
        case dossier(DocumentRejection?)
        /// A chain in one file, with its registry beside it.
        case signedChain(ChainProfile)
        /// A chain whose keys nobody kept.
        case hashedChain(ChainProfile)
        /// Events of a chain in several files, which end with the digest in another.
        case archive(ChainProfile, head: String)
        /// A registry of so many signers, or none that can be relied on.
        case registry(Int?)
        /// Values, and what is to be hashed of each where they say it.
        case canonical(CanonicalForm, count: Int)
        /// A signature over what was not kept, by a key that was not kept: nobody can verify it, and no profile takes it.
        case unverifiable
        /// Payloads sealed with a key that it names.
        case sealed
        /// Shapes of messages.
        case messages
    }

    private static func expectation(_ path: String) -> Expectation? {
        switch path {
        case "erst/ORIGIN.md", "illuvrse/ORIGIN.md", "dossier/ORIGIN.md", "cse-maw/ORIGIN.md", "dossier/KEYS.txt",
            "illuvrse/archive_go_filestore/head.hash":
            .prose
        case "erst/bundle_v1_hash_of_trace.json": .bundle(version: "erst-v1", nil)
        case "erst/bundle_v2_hash_of_wrapped_trace.json": .bundle(version: "erst-v2", nil)
        case "erst/negative_signed_raw_digest.json": .bundle(version: "erst-v1", .signatureInvalid)
        case "erst/canonical_conformance_glassbox.json": .canonical(.glassbox, count: 16)
        case "illuvrse/canonical_vectors_94871ea9_inputs_only.json": .canonical(.rfc8785, count: 5)
        case "illuvrse/canonical_vectors_reasoning_graph.json": .canonical(.rfc8785, count: 3)
        case "illuvrse/audit_dump_ts/audit_dump.json": .hashedChain(.illuvrseB)
        case let path where path.hasPrefix("illuvrse/archive_go_filestore/audit_"):
            .archive(.illuvrseGo, head: "illuvrse/archive_go_filestore/head.hash")
        case let path where path.hasPrefix("illuvrse/archive_go_filestore/manifest_signature_"): .unverifiable
        case let path where path.hasPrefix("illuvrse/generated_chains/"): .signedChain(.illuvrseA)
        case "illuvrse/signers_json_versions/HEAD_signer_kid_public_key_pem.json": .registry(2)
        case "illuvrse/signers_json_versions/eb5bd0da_placeholder_notes.json": .registry(nil)
        case let path where path.hasPrefix("illuvrse/signers_json_versions/"): .registry(1)
        case let path where path.hasPrefix("dossier/signed/"): .dossier(nil)
        case let path where path.hasPrefix("dossier/stale_signature/"): .dossier(.checksumMismatch)
        case "cse-maw/aes_gcm_vectors.json": .sealed
        case "cse-maw/messages.json": .messages
        default: nil
        }
    }

    static let paths: [String] = {
        let root = SharedData.root.appendingPathComponent("systems")
        let all = FileManager.default.enumerator(atPath: root.path)?.compactMap { $0 as? String } ?? []
        return all.filter { (try? FileManager.default.contentsOfDirectory(atPath: "\(root.path)/\($0)")) == nil }
            .sorted()
    }()

    private static func bytes(_ path: String) throws -> [UInt8] { try SharedData.bytes("systems/\(path)") }

    @Test func `there are files of all four systems`() {
        for system in ["cse-maw", "dossier", "erst", "illuvrse"] {
            #expect(Self.paths.contains { $0.hasPrefix("\(system)/") }, "\(system)")
        }
    }

    @Test(arguments: paths)
    func `each file gets its verdict`(path: String) throws {
        let expectation = try #require(Self.expectation(path), "a new file: say here what is right of it")
        let bytes = try Self.bytes(path)
        switch expectation {
        case .prose: #expect((try? JSON.parse(bytes)) == nil)
        case .bundle(let version, let rejection):
            let bundle = try ERSTBundle(json: bytes)
            let verdict = bundle.verify(.key(try #require(bundle.embeddedKey)))
            #expect(verdict.rejection == rejection && verdict["version"] == version)
        case .dossier(let rejection): #expect(try Dossier(bytes).verify(.anyone).rejection == rejection)
        case .signedChain(let profile):
            let file = try #require(try JSON.parse(bytes).object)
            let events = try #require(file["events"]?.array).compactMap(\.object)
            let registry = try SignerRegistry(json: try #require(file["signers"]).serialized())
            let report = verify(events, profile, registry)
            #expect(report.codes == [] && report.signatures == events.count && !events.isEmpty)
            try expectNoOther(profile, events)
        case .hashedChain(let profile):
            let events = try #require(try JSON.parse(bytes).array).compactMap(\.object)
            #expect(verify(events, profile, nil).codes == [] && !events.isEmpty)
            try expectNoOther(profile, events)
        case .archive(let profile, let head): try expectArchive(path, profile, head: head)
        case .registry(let count):
            if let count {
                #expect(try SignerRegistry(json: bytes).signers.count == count)
            } else {
                #expect(throws: AuditTrailError.self) { try SignerRegistry(json: bytes) }
            }
        case .canonical(let form, let count): try expectCanonical(bytes, form, count)
        case .unverifiable:
            let object = try #require(try JSON.parse(bytes).object)
            #expect(object["signature"]?.string != nil)
            for profile in ChainProfile.allCases { #expect(!verify([object], profile, nil).isAccepted, "\(profile)") }
            #expect(throws: AuditTrailError.self) { try ERSTBundle(json: bytes) }
        case .sealed: try expectSealed(bytes)
        // Neither is a record, and nothing takes it for one.
        case .messages:
            let object = try #require(try JSON.parse(bytes).object)
            for profile in ChainProfile.allCases { #expect(!verify([object], profile, nil).isAccepted, "\(profile)") }
        }
    }

    /// A record that is right under one profile is wrong under every other.
    private func expectNoOther(_ profile: ChainProfile, _ events: [JSONObject]) throws {
        for other in ChainProfile.allCases where other != profile {
            #expect(!verify(events, other, nil).isAccepted, "\(other)")
        }
    }

    private func expectArchive(_ path: String, _ profile: ChainProfile, head: String) throws {
        let folder = path.split(separator: "/").dropLast().joined(separator: "/")
        let name = "\(folder)/audit_"
        let records = try Self.paths.filter { $0.hasPrefix(name) }
            .map { try AuditRecord(try Self.bytes($0), source: $0) }.sortedByLinks()
        let report = verify(records.map(\.object), profile, nil)
        #expect(report.codes == [])
        #expect(report.heads.first?.digest?.hex == String(decoding: try Self.bytes(head), as: UTF8.self))
    }

    private func expectCanonical(_ bytes: [UInt8], _ form: CanonicalForm, _ count: Int) throws {
        let file = try #require(try JSON.parse(bytes).object)
        let cases = try #require((file["cases"] ?? file["vectors"])?.array).compactMap(\.object)
        #expect(cases.count == count)
        for entry in cases {
            let once = try form.encode(try #require(entry["input"] ?? entry["value"]))
            #expect(try form.encode(try JSON.parse(once)) == once)
            if let hash = entry["sha256"]?.string { #expect(Hex.encode(Hash.digest(.sha256, once)) == hash) }
        }
    }

    private func expectSealed(_ bytes: [UInt8]) throws {
        let file = try #require(try JSON.parse(bytes).object)
        let raw = try Hex.decode(try #require(file["tsk_hex"]?.string))
        let key = try SecretBytes(copying: raw)
        let plaintext = try #require(file["plaintext_utf8"]?.string)
        let sealed = try Hex.decode(try #require(file["docs04_hex"]?.string))
        let opened = try AESGCM.open(
            Array(sealed.dropFirst(AESGCM.nonceLength)),
            key: key,
            nonce: Array(sealed.prefix(AESGCM.nonceLength)),
            additionalData: []
        )
        let bytes = opened.withBytes { span in
            (0..<span.byteCount).map { unsafe span.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
        }
        #expect(bytes == Array(plaintext.utf8))
    }
}
