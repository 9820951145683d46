// SPDX-License-Identifier: Apache-2.0

import Encoding

/// Reads files of events.
enum AuditFiles {
    /// The events of one file, in its order, and whether they are records of the Go kernel's archive.
    ///
    /// A file is one event, a JSON array of events, or one event a line.
    static func read(_ bytes: [UInt8], name: String) throws(AuditTrailError) -> [(event: AuditEvent, isArchived: Bool)]
    {
        var events: [(event: AuditEvent, isArchived: Bool)] = []
        let values = try values(bytes, name: name)
        for (index, value) in values.enumerated() {
            let source = values.count == 1 ? name : "\(name)[\(index)]"
            guard case .object(let object) = value else { throw .notAnObject(source: source) }
            let isArchived = isArchivedRecord(object)
            let event =
                isArchived ? try archivedRecord(value, source: source) : AuditEvent(payload: value, source: source)
            events.append((event, isArchived))
        }
        return events
    }

    private static func values(_ bytes: [UInt8], name: String) throws(AuditTrailError) -> [JSON] {
        let limits = JSONLimits(totalLength: AuditLimits.fileLength, depth: AuditLimits.depth + 1)
        let whole: JSON
        do {
            whole = try JSON.parse(bytes, limits: limits)
        } catch {
            // A whole value, and something behind it: one value a line, or broken.
            guard error.code == .trailingBytes else { throw .malformed(source: name, error) }
            return try lines(bytes, name: name, limits: limits)
        }
        if case .array(let elements) = whole { return elements }
        return [whole]
    }

    private static func lines(_ bytes: [UInt8], name: String, limits: JSONLimits) throws(AuditTrailError) -> [JSON] {
        var values: [JSON] = []
        for (index, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
            guard !line.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) else { continue }
            do {
                values.append(try JSON.parse(Array(line), limits: limits))
            } catch {
                throw .malformed(source: "\(name), line \(index + 1)", error)
            }
        }
        return values
    }

    /// The Go kernel's file store writes all of these in every record.
    private static let archivedFields = ["id", "eventType", "payload", "hash", "signature", "signerId", "ts"]

    private static func isArchivedRecord(_ object: JSONObject) -> Bool {
        archivedFields.allSatisfy { object[$0] != nil }
    }

    private static func archivedRecord(_ value: JSON, source: String) throws(AuditTrailError) -> AuditEvent {
        do throws(JSONFieldError) {
            var fields = try JSONFields(value)
            let id = try fields.string("id")
            let type = try fields.string("eventType")
            let payload = try fields.value("payload")
            let hash = try digest(try fields.string("hash"), field: "hash")
            let previous = try previousHash(try fields.optionalValue("prevHash"))
            let signatureText = try fields.string("signature")
            guard let signature = try? Base64.decode(signatureText) else {
                throw JSONFieldError(path: "signature", problem: .invalid(reason: "must be base64"))
            }
            let signer = try fields.string("signerId")
            _ = try fields.string("ts")
            _ = try fields.optionalValue("metadata")
            try fields.finish()
            return AuditEvent(
                source: source,
                id: id,
                type: type,
                payload: payload,
                recordedHash: hash,
                recordedPreviousHash: previous,
                signature: signature,
                signer: signer
            )
        } catch {
            throw .invalidRecord(source: source, error)
        }
    }

    /// At the beginning of a chain it is absent, null or empty.
    private static func previousHash(_ value: JSON?) throws(JSONFieldError) -> [UInt8]? {
        switch value {
        case nil, .null, .string(""): return nil
        case .string(let text): return try digest(text, field: "prevHash")
        default: throw JSONFieldError(path: "prevHash", problem: .wrongType(expected: "string"))
        }
    }

    private static func digest(_ text: String, field: String) throws(JSONFieldError) -> [UInt8] {
        guard let bytes = try? Hex.decode(text), bytes.count == AuditChain.digestLength else {
            throw JSONFieldError(path: field, problem: .invalid(reason: "must be a SHA-256 digest in hex"))
        }
        return bytes
    }
}
