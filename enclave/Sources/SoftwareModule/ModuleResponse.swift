// SPDX-License-Identifier: Apache-2.0

import CBOR
import SecurityModule

/// A response as a module writes it: field order and shapes of `Response` in aws-nitro-enclaves-nsm-api.
enum ModuleResponse {
    case describeNSM(moduleID: String, lockedPCRs: [Int])
    case describePCR(isLocked: Bool, value: [UInt8])
    case extendPCR(value: [UInt8])
    case lockPCR
    case lockPCRs
    case attestation(document: [UInt8])
    case getRandom([UInt8])
    case error(SecurityModuleError.Code)

    var encoded: [UInt8] { value.encoded(mapOrder: .asGiven) }

    private var value: CBORValue {
        switch self {
        case .describeNSM(let moduleID, let lockedPCRs):
            Self.variant(
                "DescribeNSM",
                [
                    // The version that real modules report.
                    ("version_major", .unsigned(1)), ("version_minor", .unsigned(0)), ("version_patch", .unsigned(0)),
                    ("module_id", .text(moduleID)), ("max_pcrs", .integer(Int64(PCRBank.count))),
                    ("locked_pcrs", .array(lockedPCRs.map { .integer(Int64($0)) })), ("digest", .text("SHA384")),
                ]
            )
        case .describePCR(let isLocked, let value):
            Self.variant("DescribePCR", [("lock", .bool(isLocked)), ("data", .bytes(value))])
        case .extendPCR(let value): Self.variant("ExtendPCR", [("data", .bytes(value))])
        case .lockPCR: .text("LockPCR")
        case .lockPCRs: .text("LockPCRs")
        case .attestation(let document): Self.variant("Attestation", [("document", .bytes(document))])
        case .getRandom(let bytes): Self.variant("GetRandom", [("random", .bytes(bytes))])
        case .error(let code): .map(CBORMap([(.text("Error"), .text(code.rawValue))]))
        }
    }

    private static func variant(_ name: String, _ fields: [(String, CBORValue)]) -> CBORValue {
        .map(CBORMap([(.text(name), .map(CBORMap(fields.map { (.text($0.0), $0.1) })))]))
    }
}
