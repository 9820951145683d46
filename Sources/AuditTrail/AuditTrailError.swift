// SPDX-License-Identifier: Apache-2.0

package import Encoding

/// Why an input cannot be read. Names sources and members, never what they contain.
package enum AuditTrailError: Error, Equatable, Sendable, CustomStringConvertible {
    case malformed(source: String, JSONError)
    /// Bytes between values that are neither white space nor a separator.
    case misplacedByte(offset: Int)
    /// The input ends within a value or an array.
    case unexpectedEnd
    case valueTooLong(number: Int)
    case invalidRecord(source: String, JSONFieldError)
    case notCanonical(source: String, CanonicalFormError)
    case noFirstEvent
    case severalFirstEvents(source: String)
    /// Two events that claim the same predecessor.
    case fork(source: String)
    /// An event whose predecessor is not there, or that is in a circle.
    case missingPredecessor(source: String)
    case duplicateHash(source: String)
    case tooManyEvents
    case invalidDocument(JSONFieldError)

    package var description: String {
        switch self {
        case .malformed(let source, let error):
            "\(source): is not JSON as accepted here: \(error.code.rawValue) at byte \(error.offset)"
        case .misplacedByte(let offset):
            "byte \(offset): expected one JSON value a line, or an array of them"
        case .unexpectedEnd: "the input ends within a value"
        case .valueTooLong(let number): "event \(number): longer than \(AuditLimits.valueLength) bytes"
        case .invalidRecord(let source, let error): "\(source): \(error.description)"
        case .notCanonical(let source, let error): "\(source): has no canonical form: \(error.rawValue)"
        case .noFirstEvent: "no event without a predecessor: the beginning of the chain is missing"
        case .severalFirstEvents(let source): "\(source): a second event without a predecessor"
        case .fork(let source): "\(source): a second event after the same predecessor"
        case .missingPredecessor(let source): "\(source): the event before it is missing"
        case .duplicateHash(let source): "\(source): the hash of another event"
        case .tooManyEvents: "more than \(AuditLimits.sortedEvents) events cannot be sorted"
        case .invalidDocument(let error): error.description
        }
    }
}
