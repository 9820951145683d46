// SPDX-License-Identifier: Apache-2.0

/// What a verification of a chain finds wrong, by a stable code.
package enum FindingCode: String, Sendable, CaseIterable {
    case malformedEvent = "malformed-event"
    case notCanonical = "not-canonical"
    /// The digest is not the one that the record claims.
    case changedEvent = "changed-event"
    case duplicateEvent = "duplicate-event"
    /// A second event after the same predecessor.
    case forkedChain = "forked-chain"
    /// An event without predecessor, after the first.
    case secondBeginning = "second-beginning"
    case reorderedEvent = "reordered-event"
    /// The event that it follows is not there.
    case missingEvent = "missing-event"
    /// The same of an event that is itself not what was signed: its link may be what was changed.
    case wrongLink = "wrong-link"
    /// The first event follows another one.
    case droppedHead = "dropped-head"
    case headMismatch = "head-mismatch"
    case countMismatch = "count-mismatch"
    case unsignedEvent = "unsigned-event"
    case unknownSigner = "unknown-signer"
    case signatureInvalid = "signature-invalid"
    /// The system that made it signs bytes that it does not keep.
    case signatureUnverifiable = "signature-unverifiable"
    case signerRevoked = "signer-revoked"
    case signerNotYetValid = "signer-not-yet-valid"
    case signerExpired = "signer-expired"
    case timeMissing = "time-missing"
    /// No attestation that counts names the signer's key.
    case signerNotAttested = "signer-not-attested"
    case tooManyChains = "too-many-chains"
    case noEvents = "no-events"

    /// One line for people.
    package var explanation: String {
        switch self {
        case .malformedEvent: "is not a record as accepted here"
        case .notCanonical: "has no canonical form: a number or name that cannot be hashed"
        case .changedEvent: "its hash is not the one of what it says"
        case .duplicateEvent: "is here a second time"
        case .forkedChain: "is a second event after the same predecessor"
        case .secondBeginning: "is a second event without predecessor"
        case .reorderedEvent: "stands before the event that it follows"
        case .missingEvent: "the event that it follows is not here"
        case .wrongLink: "the event that it names as its predecessor is not here, and it is not what was signed itself"
        case .droppedHead: "is the first one, and follows another: the beginning is missing"
        case .headMismatch:
            "the chain does not end where it is expected to: events at the end are missing, or were added"
        case .countMismatch: "not as many events as expected"
        case .unsignedEvent: "has no signature"
        case .unknownSigner: "its signer is not in the registry"
        case .signatureInvalid: "its signature is not its signer's over this digest"
        case .signatureUnverifiable: "its signature covers a time that was not kept, so nobody can check it"
        case .signerRevoked: "its signer's key is revoked"
        case .signerNotYetValid: "is dated before its signer's key is valid"
        case .signerExpired: "is dated after its signer's key was valid"
        case .timeMissing: "has no time, and its signer's key is valid for a time only"
        case .signerNotAttested: "its signer's key is named by no attestation of the expected enclave"
        case .tooManyChains: "more actors than a verification keeps apart"
        case .noEvents: "there are no events"
        }
    }

    init(_ refusal: SignerRefusal) {
        switch refusal {
        case .revoked: self = .signerRevoked
        case .notYetValid: self = .signerNotYetValid
        case .expired: self = .signerExpired
        case .timeMissing: self = .timeMissing
        }
    }
}

/// One thing that is wrong, and with which event.
package struct ChainFinding: Sendable, Equatable {
    package var code: FindingCode
    /// From 1, in the order of the input; nil for the chain as a whole.
    package let event: Int?
    /// The event's own id, as it says.
    package let id: String?
    /// More, for people; never contents.
    package let detail: String?

    package init(_ code: FindingCode, event: Int? = nil, id: String? = nil, detail: String? = nil) {
        self.code = code
        self.event = event
        self.id = id
        self.detail = detail
    }
}
