// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import NitroAttestation

/// `manifest.json` of a folder of fixtures (docs/reference/fixture-manifest.schema.json): what each document is
/// judged by, and where each recorded unlock must end.
struct FixtureManifest: Sendable {
    let cases: [ReplayCase]
    let recordings: [RecordingCase]

    init(folder: URL) throws(CommandFailure) {
        let file = folder.appendingPathComponent("manifest.json").path
        let bytes = try InputFile.read(file)
        do {
            var fields = try JSONFields(try JSON.parse(bytes, limits: JSONLimits(totalLength: InputFile.maximumLength)))
            _ = try fields.integer("format", in: 1...1)
            let entries = try fields.value("fixtures").array ?? []
            let recordingEntries = try fields.optionalValue("recordings")?.array ?? []
            try fields.finish()
            var cases: [ReplayCase] = []
            for (index, entry) in entries.enumerated() {
                cases.append(try Self.replayCase(entry, at: "fixtures[\(index)]", folder: folder))
            }
            self.cases = cases
            var recordings: [RecordingCase] = []
            for (index, entry) in recordingEntries.enumerated() {
                recordings.append(try Self.recording(entry, at: "recordings[\(index)]", folder: folder))
            }
            self.recordings = recordings
        } catch let failure as CommandFailure {
            throw failure
        } catch let error as JSONError {
            throw .usage("\(file): not JSON: \(error.code.rawValue) at byte \(error.offset)")
        } catch {
            throw .usage("\(file): \(error)")
        }
    }

    private static func replayCase(_ entry: JSON, at path: String, folder: URL) throws -> ReplayCase {
        var fields = try JSONFields(entry, at: path)
        let name = try fields.string("file")
        let time = try fields.string("time")
        let roots = try fields.strings("roots")
        let expected = try expectation(try fields.value("expected"), at: fields.path("expected"))
        var policy = VerificationPolicy(roots: try anchors(roots, folder: folder))
        try apply(try fields.value("policy"), at: fields.path("policy"), to: &policy)
        for documented in ["id", "sha256", "summary", "provenance"] { _ = try fields.optionalValue(documented) }
        try fields.finish()
        let moment = Timestamp(rfc3339: time)
        guard moment != nil || time == "document" else {
            throw JSONFieldError(path: "\(path).time", problem: .invalid(reason: "document, or an RFC 3339 time"))
        }
        return ReplayCase(
            name: name,
            document: try InputFile.read(folder.appendingPathComponent(name).path),
            policy: policy,
            time: moment,
            expected: expected
        )
    }

    private static func recording(_ entry: JSON, at path: String, folder: URL) throws -> RecordingCase {
        var fields = try JSONFields(entry, at: path)
        let name = try fields.string("folder")
        var expected = try JSONFields(try fields.value("expected"), at: fields.path("expected"))
        let state = try expected.string("state")
        let reason = try expected.optionalString("reason")
        try expected.finish()
        for documented in ["id", "summary", "provenance"] { _ = try fields.optionalValue(documented) }
        try fields.finish()
        var result = try RecordingCase(folder: folder.appendingPathComponent(name), name: name)
        result.expected = (state, reason)
        return result
    }

    private static func expectation(_ value: JSON, at path: String) throws -> ReplayCase.Expectation {
        var fields = try JSONFields(value, at: path)
        let verdict = try fields.string("verdict")
        let reason = try fields.optionalString("reason")
        _ = try fields.optionalString("identity")
        try fields.finish()
        switch (verdict, reason) {
        case ("accepted", nil): return .accepted
        case ("rejected", let reason?): return .rejected(reason: reason)
        default:
            throw JSONFieldError(path: path, problem: .invalid(reason: "accepted, or rejected with a reason"))
        }
    }

    private static func anchors(_ files: [String], folder: URL) throws -> TrustAnchors {
        var sets: [TrustAnchors] = []
        for file in files {
            let pem = String(decoding: try InputFile.read(folder.appendingPathComponent(file).path), as: UTF8.self)
            do {
                sets.append(try TrustAnchors(pem: pem))
            } catch {
                throw CommandFailure.usage("\(file): \(error.detail)")
            }
        }
        return TrustAnchors(sets)
    }

    private static func apply(_ value: JSON, at path: String, to policy: inout VerificationPolicy) throws {
        var fields = try JSONFields(value, at: path)
        if let pcrs = try fields.optionalValue("pcrs") {
            for (name, value) in pcrs.object?.members ?? [] {
                guard let index = Int(name), let text = value.string, let bytes = try? Hex.decode(text) else {
                    throw JSONFieldError(path: "\(path).pcrs.\(name)", problem: .invalid(reason: "index: hex"))
                }
                policy.pcrs[index] = bytes
            }
        }
        policy.nonce = try hex("nonce", &fields)
        policy.userData = try hex("userData", &fields)
        policy.publicKey = try hex("publicKey", &fields)
        policy.requiresRSAPublicKey = try fields.bool("requiresRSAPublicKey", default: false)
        policy.maximumAge = try fields.optionalInteger("maximumAgeMilliseconds", in: 0...Int64.max)
        policy.allowsDebugMode = try fields.bool("allowsDebugMode", default: false)
        if let leeway = try fields.optionalInteger("clockLeewayMilliseconds", in: 0...Int64.max) {
            policy.clockLeeway = leeway
        }
        try fields.finish()
    }

    private static func hex(_ name: String, _ fields: inout JSONFields) throws -> [UInt8]? {
        guard let text = try fields.optionalString(name) else { return nil }
        guard let bytes = try? Hex.decode(text) else {
            throw JSONFieldError(path: fields.path(name), problem: .invalid(reason: "hex"))
        }
        return bytes
    }
}
