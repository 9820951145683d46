// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import NitroAttestation
import SoftwareModule

/// The files that the collections make: documents, recorded unlocks, the manifest that says what they are, and the root
/// with its key.
struct FixtureFiles {
    /// Version of the manifest's form.
    static let format: Int64 = 1
    static let manifest = "manifest.json"
    static let root = "mock-pki/root.pem"
    static let rootKey = "mock-pki/root.key.pem"
    /// Folders that hold generated files only.
    static let documentFolders = ["valid", "invalid", "unlocks"]

    /// Contents by path.
    private(set) var contents: [String: [UInt8]] = [:]

    init(_ collection: FixtureCollection, _ unlocks: UnlockCollection) throws {
        let anchor = try collection.chain.certificates[TestChain.rootLevel].signed()
        contents[Self.root] = Array(try Certificate(der: anchor).pem.utf8)
        contents[Self.rootKey] = try Self.pem(try TestKey("root").privateKey)
        var paths: [[UInt8]: String] = [:]
        var entries: [JSON] = []
        for fixture in collection.fixtures {
            let path = paths[fixture.bytes] ?? fixture.path
            paths[fixture.bytes] = path
            contents[path] = fixture.bytes
            entries.append(Self.entry(fixture, path: path))
        }
        for fixture in unlocks.fixtures {
            for (name, bytes) in fixture.recording.files() { contents["\(fixture.path)/\(name)"] = bytes }
        }
        let manifest = JSON.object(
            JSONObject([
                ("format", .number(JSONNumber(Self.format))),
                ("fixtures", .array(entries)),
                ("recordings", .array(unlocks.fixtures.map(Self.entry))),
            ])
        )
        contents[Self.manifest] = manifest.serialized(pretty: true) + [0x0a]
    }

    private static func entry(_ fixture: Fixture, path: String) -> JSON {
        let expected: JSONObject =
            switch fixture.expected {
            case .accepted:
                JSONObject([
                    ("verdict", "accepted"), ("identity", fixture.policy.pcrs.isEmpty ? "unchecked" : "checked"),
                ])
            case .rejected(let reason):
                JSONObject([("verdict", "rejected"), ("reason", .string(reason.rawValue))])
            }
        return .object(
            JSONObject([
                ("id", .string(fixture.id)),
                ("file", .string(path)),
                ("sha256", .string(Hex.encode(Hash.digest(.sha256, fixture.bytes)))),
                ("summary", .string(fixture.summary)),
                ("expected", .object(expected)),
                ("time", .string(fixture.time?.rfc3339 ?? "document")),
                ("roots", .array([.string(root)])),
                ("policy", fixture.policy.json),
                ("provenance", .object(JSONObject([("kind", "generated")]))),
            ])
        )
    }

    private static func entry(_ fixture: UnlockFixture) -> JSON {
        var expected = JSONObject([("state", .string(fixture.state))])
        if let reason = fixture.reason { expected["reason"] = .string(reason) }
        return .object(
            JSONObject([
                ("id", .string(fixture.id)),
                ("folder", .string(fixture.path)),
                ("summary", .string(fixture.summary)),
                ("expected", .object(expected)),
                ("provenance", .object(JSONObject([("kind", "generated")]))),
            ])
        )
    }

    private static func pem(_ key: PrivateKey) throws -> [UInt8] {
        let base64 = try key.pkcs8().withBytes { bytes in
            Base64.encode((0..<bytes.byteCount).map { unsafe bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) })
        }
        var lines = ["-----BEGIN PRIVATE KEY-----"]
        var rest = base64[...]
        while !rest.isEmpty {
            lines.append(String(rest.prefix(64)))
            rest = rest.dropFirst(64)
        }
        return Array((lines + ["-----END PRIVATE KEY-----", ""]).joined(separator: "\n").utf8)
    }
}

extension FixtureCollection {
    /// What is not as expected: ids that repeat, verdicts that differ, reasons that no fixture shows.
    func problems() throws -> [String] {
        let project = TrustAnchors(der: [try chain.certificates[TestChain.rootLevel].signed()])
        var problems: [String] = []
        var ids: Set<String> = []
        for fixture in fixtures {
            if !ids.insert(fixture.id).inserted { problems.append("\(fixture.id): the id repeats") }
            let policy = fixture.policy.verificationPolicy(roots: project)
            let verifier = try AttestationVerifier(policy: policy)
            let verdict =
                if let time = fixture.time {
                    verifier.verify(fixture.bytes, at: time)
                } else {
                    verifier.verifyAtDocumentTime(fixture.bytes)
                }
            switch (verdict, fixture.expected) {
            case (.accepted, .accepted): break
            case (.rejected(let found), .rejected(let expected)) where found.reason == expected: break
            case (.accepted, _): problems.append("\(fixture.id): accepted")
            case (.rejected(let rejection), _): problems.append("\(fixture.id): \(rejection)")
            }
        }
        let shown = Set(fixtures.map(\.expected))
        for reason in Rejection.Reason.allCases where !shown.contains(.rejected(reason)) {
            problems.append("no fixture for \(reason)")
        }
        return problems
    }
}
