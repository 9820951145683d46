// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import CBOR
package import Encoding
import SecurityModule

extension UnlockRecording {
    package static let manifestName = "recording.json"

    /// The folder that a recording is: `recording.json`, and the files that it names. Names tell what a file is, and are
    /// the same in every recording.
    package func files() -> [(name: String, contents: [UInt8])] {
        var writer = RecordingWriter()
        let manifest = writer.manifest(self)
        return [(Self.manifestName, manifest.serialized(pretty: true) + [UInt8(ascii: "\n")])] + writer.files
    }
}

extension UnlockRecording.Exchange {
    /// For people.
    package var label: String {
        switch self {
        case .module(let exchange): "module \(ModuleRequest.name(exchange.request))"
        case .relay(let exchange): "relay \(exchange.method) \(exchange.path)"
        }
    }
}

extension ModuleRequest {
    static let attestation = "Attestation"

    /// The operation that a request names.
    static func name(_ request: [UInt8]) -> String {
        let limits = CBORLimits(
            totalLength: SecurityModule.maximumRequestLength,
            depth: 4,
            items: 64,
            stringLength: SecurityModule.maximumRequestLength
        )
        switch try? CBORDecoder.decode(request, limits: limits) {
        case .text(let name): return name
        case .map(let map):
            if case .text(let name)? = map.entries.first?.key { return name }
            return "unknown"
        default: return "unknown"
        }
    }
}

/// Gathers the files while the manifest is written.
private struct RecordingWriter {
    var files: [(name: String, contents: [UInt8])] = []

    mutating func manifest(_ recording: UnlockRecording) -> JSON {
        var members: [(String, JSON)] = [
            ("format", .number(JSONNumber(UnlockRecording.format))), ("warning", .string(UnlockRecording.warning)),
            ("producer", .string(recording.producer)),
        ]
        if let summary = recording.summary { members.append(("summary", .string(summary))) }
        members.append(("module", recording.isSimulatedModule ? "software" : "nsm"))
        if let configuration = recording.imageConfiguration {
            members.append(("imageConfiguration", file("configuration.json", configuration)))
        }
        if let key = recording.unlockKey { members.append(("unlockKey", file("unlock-key.pk8", key))) }
        if let identity = recording.tlsIdentity {
            members.append(
                (
                    "tlsIdentity",
                    [
                        "key": file("tls-key.pk8", identity.key),
                        "certificate": file("tls-certificate.der", identity.certificate),
                    ]
                )
            )
        }
        members.append(("random", .array(recording.random.map { .string(Hex.encode($0)) })))
        members.append(("exchanges", .array(recording.exchanges.map { exchange($0) })))
        members.append(("result", Self.outcome(recording.outcome)))
        return .object(JSONObject(members))
    }

    private mutating func exchange(_ exchange: UnlockRecording.Exchange) -> JSON {
        switch exchange {
        case .module(let exchange): module(exchange)
        case .relay(let exchange): relay(exchange)
        }
    }

    private mutating func module(_ exchange: UnlockRecording.ModuleExchange) -> JSON {
        let name = ModuleRequest.name(exchange.request)
        // Documents are long; the rest is not.
        let isFile = name == ModuleRequest.attestation
        var members: [(String, JSON)] = [
            ("with", "module"), ("operation", .string(name)),
            ("request", isFile ? file("attestation-request.cbor", exchange.request) : Self.hex(exchange.request)),
        ]
        switch exchange.answer {
        case .success(let response):
            members.append(("response", isFile ? file("attestation-response.cbor", response) : Self.hex(response)))
        case .failure(let error):
            let (failure, number) = Self.failure(error)
            members.append(("failure", .string(failure)))
            if let number { members.append(("errno", .number(JSONNumber(Int64(number))))) }
        }
        return .object(JSONObject(members))
    }

    private mutating func relay(_ exchange: UnlockRecording.RelayExchange) -> JSON {
        var members: [(String, JSON)] = [
            ("with", "relay"), ("method", .string(exchange.method)), ("path", .string(exchange.path)),
        ]
        if let target = exchange.target { members.append(("target", .string(target))) }
        if !exchange.body.isEmpty {
            let name = exchange.isStore ? "stored-keyring.cose" : "kms-request.json"
            members.append(("request", file(name, exchange.body)))
        }
        switch exchange.answer {
        case .response(let status, let errorType, let body):
            members.append(("status", .number(JSONNumber(Int64(status)))))
            if let errorType { members.append(("errorType", .string(errorType))) }
            members.append(("response", body.isEmpty ? Self.hex([]) : file(Self.name(of: exchange), body)))
        case .unreachable(let reason):
            members += [("failure", "unreachable"), ("detail", .string(reason))]
        case .timeout: members.append(("failure", "timeout"))
        case .malformedResponse: members.append(("failure", "malformed-response"))
        }
        return .object(JSONObject(members))
    }

    private static func name(of exchange: UnlockRecording.RelayExchange) -> String {
        switch exchange.path {
        case RelayPath.configuration: "configuration.json"
        case RelayPath.keyring: "keyring.cose"
        case RelayPath.kms: "kms-answer.json"
        default: "relay-answer"
        }
    }

    static func failure(_ error: SecurityModuleError) -> (name: String, errno: Int32?) {
        switch error {
        case .unavailable(let number): ("unavailable", number)
        case .requestTooLarge: ("request-too-large", nil)
        case .responseTooLarge: ("response-too-large", nil)
        // A transport reports neither of these: they are in the response.
        case .malformedResponse, .module: ("malformed-response", nil)
        }
    }

    private static func outcome(_ outcome: UnlockRecording.Outcome) -> JSON {
        .object(outcome.json)
    }

    // MARK: Bytes

    private static func hex(_ bytes: [UInt8]) -> JSON { ["hex": .string(Hex.encode(bytes))] }

    /// A file of this name; a second one of another content gets a number.
    private mutating func file(_ name: String, _ contents: [UInt8]) -> JSON {
        var unique = name
        var number = 1
        while let found = files.first(where: { $0.name == unique }) {
            if found.contents == contents { return ["file": .string(unique)] }
            number += 1
            unique = "\(number)-\(name)"
        }
        files.append((unique, contents))
        return ["file": .string(unique)]
    }
}

extension UnlockRecording.Outcome {
    /// As `recording.json` and `keybroker replay --json` have it.
    package var json: JSONObject {
        var members = JSONObject([("state", .string(state))])
        if let reason { members["reason"] = .string(reason) }
        if let detail { members["detail"] = .string(detail) }
        if let keyring {
            let keys = keyring.publicKeys.map { key in
                JSON.object(
                    JSONObject([
                        ("keyId", .string(key.keyID)), ("keySpec", .string(key.keySpec)),
                        ("publicKey", .string(Base64.encode(key.spki))),
                    ])
                )
            }
            members["keyring"] = .object(
                JSONObject([
                    ("keyringId", .string(keyring.id)), ("version", .number(JSONNumber(keyring.version))),
                    ("digest", .string(Hex.encode(keyring.digest))), ("publicKeys", .array(keys)),
                ])
            )
        }
        return members
    }
}
