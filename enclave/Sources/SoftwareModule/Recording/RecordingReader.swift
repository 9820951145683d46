// SPDX-License-Identifier: Apache-2.0

import EnclaveCore
package import Encoding
import SecurityModule

extension UnlockRecording {
    /// The most that a file of a recording may have: a keyring is at most 1 MiB, a KMS answer less.
    package static let maximumFileLength = 4 << 20
    /// Far more than a boot has.
    static let maximumExchanges = 256

    /// Reads `recording.json` and the files that it names, strictly.
    ///
    /// - Parameter read: Gives the bytes of a file of the folder, by its plain name.
    /// - Throws: ``SoftwareModuleError`` that names the place.
    package init(reading read: @escaping (_ name: String) throws(SoftwareModuleError) -> [UInt8])
        throws(SoftwareModuleError)
    {
        let manifest = try read(Self.manifestName)
        do {
            let reader = RecordingReader(read: read)
            self = try reader.recording(try JSON.parse(manifest, limits: JSONLimits(totalLength: manifest.count)))
        } catch let error as SoftwareModuleError {
            throw error
        } catch let error as JSONError {
            throw SoftwareModuleError("\(Self.manifestName): not JSON: \(error.code.rawValue) at byte \(error.offset)")
        } catch {
            throw SoftwareModuleError("\(Self.manifestName): \(error)")
        }
    }
}

private struct RecordingReader {
    let read: (_ name: String) throws(SoftwareModuleError) -> [UInt8]

    func recording(_ value: JSON) throws -> UnlockRecording {
        var fields = try JSONFields(value)
        _ = try fields.integer("format", in: UnlockRecording.format...UnlockRecording.format)
        _ = try fields.optionalString("warning")
        let producer = try fields.string("producer")
        let summary = try fields.optionalString("summary")
        let module = try fields.string("module")
        guard ["software", "nsm"].contains(module) else { throw invalid("module", "software or nsm") }
        let configuration = try fields.optionalValue("imageConfiguration").map { try bytes($0, "imageConfiguration") }
        let key = try fields.optionalValue("unlockKey").map { try bytes($0, "unlockKey") }
        let identity = try fields.optionalValue("tlsIdentity").map { try tlsIdentity($0, "tlsIdentity") }
        let random = try fields.strings("random").enumerated().map { try hex($1, "random[\($0)]") }
        let exchanges = try fields.value("exchanges").array ?? []
        guard (1...UnlockRecording.maximumExchanges).contains(exchanges.count) else {
            throw invalid("exchanges", "1 to \(UnlockRecording.maximumExchanges) of them")
        }
        let outcome = try UnlockRecording.Outcome(try fields.value("result"), at: "result")
        try fields.finish()
        return UnlockRecording(
            producer: producer,
            summary: summary,
            isSimulatedModule: module == "software",
            imageConfiguration: configuration,
            exchanges: try exchanges.enumerated().map { try exchange($1, "exchanges[\($0)]") },
            random: random,
            unlockKey: key,
            tlsIdentity: identity,
            outcome: outcome
        )
    }

    private func tlsIdentity(_ value: JSON, _ path: String) throws -> UnlockRecording.IssuedTLSIdentity {
        var fields = try JSONFields(value, at: path)
        let key = try bytes(try fields.value("key"), "\(path).key")
        let certificate = try bytes(try fields.value("certificate"), "\(path).certificate")
        try fields.finish()
        return UnlockRecording.IssuedTLSIdentity(key: key, certificate: certificate)
    }

    private func exchange(_ value: JSON, _ path: String) throws -> UnlockRecording.Exchange {
        switch value.object?["with"]?.string {
        case "module": .module(try module(value, path))
        case "relay": .relay(try relay(value, path))
        default: throw invalid("\(path).with", "module or relay")
        }
    }

    private func module(_ value: JSON, _ path: String) throws -> UnlockRecording.ModuleExchange {
        var fields = try JSONFields(value, at: path)
        _ = try fields.string("with")
        _ = try fields.optionalString("operation")
        let request = try bytes(try fields.value("request"), "\(path).request")
        let response = try fields.optionalValue("response")
        let failure = try fields.optionalString("failure")
        let number = try fields.optionalInteger("errno", in: 0...Int64(Int32.max))
        try fields.finish()
        let answer: Result<[UInt8], SecurityModuleError> =
            switch (response, failure) {
            case (let response?, nil): .success(try bytes(response, "\(path).response"))
            case (nil, "unavailable"): .failure(.unavailable(errno: Int32(clamping: number ?? 0)))
            case (nil, "request-too-large"): .failure(.requestTooLarge)
            case (nil, "response-too-large"): .failure(.responseTooLarge)
            case (nil, "malformed-response"): .failure(.malformedResponse)
            default: throw invalid(path, "a response, or a known failure")
            }
        return UnlockRecording.ModuleExchange(request: request, answer: answer)
    }

    private func relay(_ value: JSON, _ path: String) throws -> UnlockRecording.RelayExchange {
        var fields = try JSONFields(value, at: path)
        _ = try fields.string("with")
        let method = try fields.string("method")
        let target = try fields.optionalString("target")
        let asked = try fields.string("path")
        let request = try fields.optionalValue("request").map { try bytes($0, "\(path).request") }
        let status = try fields.optionalInteger("status", in: 100...999)
        let errorType = try fields.optionalString("errorType")
        let response = try fields.optionalValue("response")
        let failure = try fields.optionalString("failure")
        let detail = try fields.optionalString("detail")
        try fields.finish()
        let answer: UnlockRecording.RelayExchange.Answer =
            switch (status, response, failure) {
            case (let status?, let response?, nil):
                .response(
                    status: Int(status),
                    errorType: errorType,
                    body: try bytes(response, "\(path).response")
                )
            case (nil, nil, "unreachable"): .unreachable(detail ?? "")
            case (nil, nil, "timeout"): .timeout
            case (nil, nil, "malformed-response"): .malformedResponse
            default: throw invalid(path, "status and response, or a known failure")
            }
        return UnlockRecording.RelayExchange(
            method: method,
            path: asked,
            target: target,
            body: request ?? [],
            answer: answer
        )
    }

    // MARK: Bytes

    private func bytes(_ value: JSON, _ path: String) throws -> [UInt8] {
        var fields = try JSONFields(value, at: path)
        let text = try fields.optionalString("hex")
        let file = try fields.optionalString("file")
        try fields.finish()
        switch (text, file) {
        case (let text?, nil): return try hex(text, "\(path).hex")
        case (nil, let file?):
            guard RecordingFolder.isPlainName(file) else { throw invalid("\(path).file", "a plain file name") }
            return try read(file)
        default: throw invalid(path, "hex or file")
        }
    }

    private func hex(_ text: String, _ path: String) throws -> [UInt8] {
        do {
            return try Hex.decode(text)
        } catch {
            throw invalid(path, "hex")
        }
    }

    private func invalid(_ path: String, _ reason: String) -> JSONFieldError {
        JSONFieldError(path: path, problem: .invalid(reason: reason))
    }
}

extension UnlockRecording.Outcome {
    /// Reads what ``json`` writes.
    package init(_ value: JSON, at path: String) throws(JSONFieldError) {
        var fields = try JSONFields(value, at: path)
        self.init(
            state: try fields.string("state"),
            reason: try fields.optionalString("reason"),
            detail: try fields.optionalString("detail"),
            keyring: nil
        )
        if let ring = try fields.optionalValue("keyring") {
            keyring = try UnlockRecording.Keyring(ring, at: "\(path).keyring")
        }
        try fields.finish()
    }
}

extension UnlockRecording.Keyring {
    fileprivate init(_ value: JSON, at path: String) throws(JSONFieldError) {
        func invalid(_ name: String, _ reason: String) -> JSONFieldError {
            JSONFieldError(path: "\(path).\(name)", problem: .invalid(reason: reason))
        }
        var fields = try JSONFields(value, at: path)
        let id = try fields.string("keyringId")
        let version = try fields.integer("version", in: 1...Int64.max)
        guard let digest = try? Hex.decode(try fields.string("digest")) else { throw invalid("digest", "hex") }
        var keys: [PublicKey] = []
        for (index, value) in (try fields.value("publicKeys").array ?? []).enumerated() {
            var key = try JSONFields(value, at: "\(path).publicKeys[\(index)]")
            let keyID = try key.string("keyId")
            let keySpec = try key.string("keySpec")
            guard let spki = try? Base64.decode(try key.string("publicKey")) else {
                throw invalid("publicKeys[\(index)].publicKey", "base64")
            }
            try key.finish()
            keys.append(PublicKey(keyID: keyID, keySpec: keySpec, spki: spki))
        }
        try fields.finish()
        self.init(id: id, version: version, digest: digest, publicKeys: keys)
    }
}
