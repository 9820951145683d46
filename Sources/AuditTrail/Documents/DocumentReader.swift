// SPDX-License-Identifier: Apache-2.0

import Encoding

/// Members of a document.
struct DocumentReader {
    let object: JSONObject

    static func object(_ bytes: [UInt8]) throws(AuditTrailError) -> JSONObject {
        let value: JSON
        do {
            value = try JSON.parse(bytes, limits: AuditLimits.json)
        } catch {
            throw .malformed(source: "the document", error)
        }
        guard case .object(let object) = value else {
            throw .invalidDocument(JSONFieldError(path: "", problem: .wrongType(expected: "object")))
        }
        return object
    }

    func text(_ name: String) throws(JSONFieldError) -> String {
        guard let value = object[name] else { throw JSONFieldError(path: name, problem: .missing) }
        guard case .string(let text) = value else {
            throw JSONFieldError(path: name, problem: .wrongType(expected: "string"))
        }
        return text
    }
}
