// SPDX-License-Identifier: Apache-2.0

package import Encoding

/// One event of a chain, with what its record claims about it, in any of the shapes that the systems in use write.
package struct AuditRecord: Sendable {
    /// Where it was read, for messages: `event 3`, or a file's name.
    package let source: String
    /// The record as it was read.
    package let object: JSONObject
    package let payload: JSON
    package let id: String?
    package let actor: String?
    package let type: String?
    /// As written: what a digest covers is its text.
    package let time: String?
    package let signer: String?
    /// Base64 or hex, as written.
    package let signature: String?
    /// The digest that the record claims.
    package let hash: Digest256?
    /// The digest of the event before, as the record claims; nil for the first of a chain.
    package let previous: Digest256?
    /// The same as written, for digests that cover its text.
    package let previousText: String?
    /// Members that no system in use writes, in their order.
    package let others: [String]

    /// The names of what makes an event a record of a chain.
    static let chainMembers = RecordMember.allCases.filter(\.isOfChain).flatMap(\.names)

    /// - Throws: `invalidRecord` for a value that is no object, without payload, with a member of a wrong type or one under two
    ///   names.
    package init(_ value: JSON, source: String) throws(AuditTrailError) {
        do throws(JSONFieldError) {
            guard case .object(let object) = value else {
                throw JSONFieldError(path: "the event", problem: .wrongType(expected: "object"))
            }
            let reader = try RecordReader(object)
            guard let payload = reader[.payload] else {
                throw JSONFieldError(path: "payload", problem: .missing)
            }
            self.payload = payload
            id = try reader.text(.id)
            actor = try reader.text(.actor)
            type = try reader.text(.type)
            time = try reader.text(.time)
            signer = try reader.text(.signer)
            signature = try reader.text(.signature)
            hash = try reader.digest(.hash)?.digest
            let previous = try reader.digest(.previous)
            self.previous = previous?.digest
            previousText = previous?.text
            others = reader.others
            self.object = object
            self.source = source
        } catch {
            throw .invalidRecord(source: source, error)
        }
    }

    /// Parses one value of a stream.
    package init(_ bytes: [UInt8], source: String) throws(AuditTrailError) {
        let value: JSON
        do {
            value = try JSON.parse(bytes, limits: AuditLimits.json)
        } catch {
            throw .malformed(source: source, error)
        }
        try self.init(value, source: source)
    }
}
