// SPDX-License-Identifier: Apache-2.0

package import Encoding

/// One event of an audit trail: what it says, and what the record that it was read from claims about it.
package struct AuditEvent: Sendable {
    /// Where it was read, for messages: a file's name, with the event's number if the file has several.
    package let source: String
    package let id: String?
    package let type: String?
    package let payload: JSON
    /// The digest that the record claims; 32 bytes.
    package let recordedHash: [UInt8]?
    /// The digest of the event before, as the record claims; nil for the first.
    package let recordedPreviousHash: [UInt8]?
    package let signature: [UInt8]?
    package let signer: String?

    /// An event that no record claims anything about.
    package init(payload: JSON, source: String) {
        self.init(source: source, payload: payload)
    }

    init(
        source: String,
        id: String? = nil,
        type: String? = nil,
        payload: JSON,
        recordedHash: [UInt8]? = nil,
        recordedPreviousHash: [UInt8]? = nil,
        signature: [UInt8]? = nil,
        signer: String? = nil
    ) {
        self.source = source
        self.id = id
        self.type = type
        self.payload = payload
        self.recordedHash = recordedHash
        self.recordedPreviousHash = recordedPreviousHash
        self.signature = signature
        self.signer = signer
    }
}

/// Why events are not a chain, or cannot be read. Names files and fields, never what they contain.
package enum AuditTrailError: Error, Equatable, Sendable, CustomStringConvertible {
    case malformed(source: String, JSONError)
    case invalidRecord(source: String, JSONFieldError)
    /// An event that is not a JSON object.
    case notAnObject(source: String)
    case tooManyEvents
    case noEvents
    /// Records of the Go kernel's archive together with plain events.
    case mixedLayouts(source: String)
    case noFirstEvent
    case severalFirstEvents(source: String)
    /// Two events that claim the same predecessor.
    case fork(source: String)
    /// An event whose predecessor is not there, or that is in a circle.
    case missingPredecessor(source: String)
    case duplicateHash(source: String)
    case notCanonical(source: String, CanonicalFormError)
    /// The digest is not the one that the record claims.
    case hashMismatch(source: String)

    package var description: String {
        switch self {
        case .malformed(let source, let error):
            "\(source): is not JSON as accepted here: \(error.code.rawValue) at byte \(error.offset)"
        case .invalidRecord(let source, let error): "\(source): \(error.description)"
        case .notAnObject(let source): "\(source): an event must be a JSON object"
        case .tooManyEvents: "more than \(AuditLimits.events) events"
        case .noEvents: "no events"
        case .mixedLayouts(let source): "\(source): archived records and plain events cannot be one chain"
        case .noFirstEvent: "no event without a predecessor: the beginning of the chain is missing"
        case .severalFirstEvents(let source): "\(source): a second event without a predecessor"
        case .fork(let source): "\(source): a second event after the same predecessor"
        case .missingPredecessor(let source): "\(source): the event before it is missing"
        case .duplicateHash(let source): "\(source): the hash of another event"
        case .notCanonical(let source, let error): "\(source): \(error.rawValue)"
        case .hashMismatch(let source): "\(source): its hash is not the one of its payload and predecessor"
        }
    }
}

/// What is read at most: bounds for memory, far above what the systems in use write.
package enum AuditLimits: Sendable {
    /// Bytes of one file.
    package static let fileLength = 64 << 20
    /// Nested arrays and objects of one event.
    package static let depth = 64
    package static let events = 1_000_000
}
