// SPDX-License-Identifier: Apache-2.0

import CBOR
import SecurityModule

/// A request as a module reads it (`Request` of aws-nitro-enclaves-nsm-api). As there, unknown fields are skipped and
/// absent optionals are nil; what does not decode is an invalid operation.
enum ModuleRequest: Equatable {
    case describeNSM
    case describePCR(index: UInt16)
    case extendPCR(index: UInt16, data: [UInt8])
    case lockPCR(index: UInt16)
    case lockPCRs(range: UInt16)
    case attestation(userData: [UInt8]?, nonce: [UInt8]?, publicKey: [UInt8]?)
    case getRandom

    private static let limits = CBORLimits(
        totalLength: SecurityModule.maximumRequestLength,
        depth: 4,
        items: 64,
        stringLength: SecurityModule.maximumRequestLength
    )

    init(decoding bytes: [UInt8]) throws(ModuleRefusal) {
        guard bytes.count <= SecurityModule.maximumRequestLength else { throw ModuleRefusal(.inputTooLarge) }
        switch try? CBORDecoder.decode(bytes, limits: Self.limits) {
        case .text("DescribeNSM"): self = .describeNSM
        case .text("GetRandom"): self = .getRandom
        case .map(let map):
            guard map.entries.count == 1, let entry = map.entries.first, case .text(let name) = entry.key,
                case .map(let fields) = entry.value
            else { throw ModuleRefusal(.invalidOperation) }
            try self.init(name, fields)
        default: throw ModuleRefusal(.invalidOperation)
        }
    }

    private init(_ name: String, _ fields: CBORMap) throws(ModuleRefusal) {
        switch name {
        case "DescribePCR":
            self = .describePCR(index: try Self.number(fields, "index"))
        case "ExtendPCR":
            guard let data = try Self.bytes(fields, "data") else { throw ModuleRefusal(.invalidOperation) }
            self = .extendPCR(index: try Self.number(fields, "index"), data: data)
        case "LockPCR":
            self = .lockPCR(index: try Self.number(fields, "index"))
        case "LockPCRs":
            self = .lockPCRs(range: try Self.number(fields, "range"))
        case "Attestation":
            self = .attestation(
                userData: try Self.bytes(fields, "user_data"),
                nonce: try Self.bytes(fields, "nonce"),
                publicKey: try Self.bytes(fields, "public_key")
            )
        default:
            throw ModuleRefusal(.invalidOperation)
        }
    }

    private static func number(_ fields: CBORMap, _ name: String) throws(ModuleRefusal) -> UInt16 {
        guard case .unsigned(let value)? = fields[name], let number = UInt16(exactly: value) else {
            throw ModuleRefusal(.invalidOperation)
        }
        return number
    }

    /// Nil for an absent field and for null.
    private static func bytes(_ fields: CBORMap, _ name: String) throws(ModuleRefusal) -> [UInt8]? {
        switch fields[name] {
        case nil, .null: return nil
        case .bytes(let bytes): return bytes
        default: throw ModuleRefusal(.invalidOperation)
        }
    }
}
