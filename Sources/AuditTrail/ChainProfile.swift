// SPDX-License-Identifier: Apache-2.0

/// The profiles in which each record's digest covers the one before.
package enum ChainProfile: String, Sendable, CaseIterable {
    case jcs = "jcs"
    case illuvrseA = "illuvrse-a"
    case illuvrseB = "illuvrse-b"
    case illuvrseC = "illuvrse-c"
    case illuvrseGo = "illuvrse-go"

    package var form: CanonicalForm {
        switch self {
        case .jcs, .illuvrseA: .rfc8785
        case .illuvrseB, .illuvrseC: .ecmaScriptObjects
        case .illuvrseGo: .goKernel
        }
    }

    /// Whether each actor has a chain of its own.
    package var isPerActor: Bool { self == .illuvrseC }

    /// What of a record its digest covers; whoever changes anything else is not found out.
    package var covered: Set<RecordField> {
        switch self {
        case .jcs: Set(RecordField.allCases)
        case .illuvrseA, .illuvrseGo: [.payload, .previous]
        case .illuvrseB: [.payload, .previous, .type, .time]
        case .illuvrseC: [.payload, .previous, .type, .time, .actor]
        }
    }
}

/// The parts of a record of a chain, by the names that reports use.
package enum RecordField: String, Sendable, CaseIterable {
    case payload = "payload"
    case previous = "previous"
    case actor = "actor"
    case type = "type"
    case time = "time"
    case id = "id"
    case signer = "signer"
    /// Any other member.
    case other = "other"
}
