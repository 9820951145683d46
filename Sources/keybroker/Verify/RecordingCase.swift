// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Encoding
import Foundation
import KMSProtocol
import NitroAttestation
import SoftwareModule

/// One recorded unlock to go through again, and what should come of it.
struct RecordingCase: Sendable {
    let name: String
    let recording: UnlockRecording
    /// State and reason that a manifest names beside the recording's own result.
    var expected: (state: String, reason: String?)?

    /// - Parameters:
    ///   - folder: Holds `recording.json`.
    ///   - name: For people.
    /// - Throws: ``CommandFailure`` if it cannot be read.
    init(folder: URL, name: String) throws(CommandFailure) {
        self.name = name
        do {
            recording = try RecordingFolder.read(folder.path)
        } catch {
            throw .usage("\(name): \(error.detail)")
        }
    }

    static func isRecording(_ folder: URL) -> Bool {
        FileManager.default.fileExists(atPath: folder.appendingPathComponent(UnlockRecording.manifestName).path)
    }

    func run() async -> RecordingResult {
        RecordingResult(entry: self, report: await UnlockReplay.run(recording))
    }

    /// The document that asked for the TSK, if the boot came that far.
    var document: [UInt8]? {
        for case .relay(let exchange) in recording.exchanges where exchange.path == RelayPath.kms {
            return (try? JSON.parse(exchange.body))?.object?["Recipient"]?.object?.blob("AttestationDocument")
        }
        return nil
    }
}

/// What came of one recording.
struct RecordingResult: Sendable {
    let entry: RecordingCase
    let report: UnlockReplay.Report

    var isAsExpected: Bool {
        guard report.isSame(as: entry.recording.outcome) else { return false }
        guard let expected = entry.expected else { return true }
        return expected.state == report.outcome.state && expected.reason == report.outcome.reason
    }

    var verdictText: String {
        let outcome = Self.text(report.outcome.state, report.outcome.reason)
        guard !isAsExpected else { return outcome }
        let expected = entry.expected ?? (entry.recording.outcome.state, entry.recording.outcome.reason)
        let other = Self.text(expected.state, expected.reason)
        var differences = outcome == other ? [] : ["expected: \(other)"]
        if let divergence = report.divergence { differences.append("diverged: \(Console.printable(divergence))") }
        if differences.isEmpty { differences = ["another end than recorded"] }
        return "\(outcome) (\(differences.joined(separator: "; ")))"
    }

    private static func text(_ state: String, _ reason: String?) -> String {
        Console.printable(reason.map { "\(state): \($0)" } ?? state)
    }

    var json: JSON {
        var object = JSONObject([("recording", .string(entry.name))])
        for member in report.outcome.json.members { object[member.name] = member.value }
        if object["reason"] == nil { object["reason"] = .null }
        object["asExpected"] = .bool(isAsExpected)
        object["divergence"] = report.divergence.map { .string($0) } ?? .null
        return .object(object)
    }

    /// Everything about one recording, for people.
    var lines: [String] {
        let recording = entry.recording
        var lines = ["recorded by \(Console.printable(recording.producer)): \(Self.outcomeText(recording.outcome))"]
        if let summary = recording.summary { lines.append(Console.printable(summary)) }
        lines.append("")
        for (index, exchange) in recording.exchanges.enumerated() {
            lines.append("\(index + 1)  \(Console.printable(exchange.label))  \(Self.answerText(exchange))")
        }
        if let document = entry.document, let claims = try? UnverifiedAttestation(parsing: document).claims {
            lines += ["", "document  \(claims.timestamp.rfc3339), not verified: see keybroker verify"]
            for index in [0, 16] {
                lines.append("PCR\(index)  \(claims.pcrs[index].map { Hex.encode($0) } ?? "absent")")
            }
        }
        lines += ["", "replayed: \(Self.outcomeText(report.outcome))"]
        if let keyring = report.outcome.keyring {
            lines.append(
                "keyring \(Console.printable(keyring.id)) version \(keyring.version) \(Hex.encode(keyring.digest))"
            )
            for key in keyring.publicKeys {
                lines.append("  \(Console.printable(key.keyID))  \(key.keySpec)  \(Base64.encode(key.spki))")
            }
        }
        return lines
    }

    private static func outcomeText(_ outcome: UnlockRecording.Outcome) -> String {
        let detail = outcome.detail.map { " - " + Console.printable($0) } ?? ""
        return text(outcome.state, outcome.reason) + detail
    }

    private static func answerText(_ exchange: UnlockRecording.Exchange) -> String {
        switch exchange {
        case .module(let exchange):
            switch exchange.answer {
            case .success(let response): "\(response.count) bytes"
            case .failure(let error): "\(error)"
            }
        case .relay(let exchange):
            switch exchange.answer {
            case .response(let status, let errorType, let body):
                "\(status)\(errorType.map { " " + Console.printable($0) } ?? ""), \(body.count) bytes"
            case .unreachable(let reason): "unreachable: \(Console.printable(reason))"
            case .timeout: "timeout"
            case .malformedResponse: "no HTTP response"
            }
        }
    }
}
