// SPDX-License-Identifier: Apache-2.0

/// A CBOR data item (RFC 8949 section 2). Maps keep the order in which they were received or made.
///
/// Equality is exact: text by its Unicode scalars (Swift's own `==` is by canonical equivalence, which CBOR does not
/// know), floats by width and bits, map entries in their order.
package enum CBORValue: Sendable, Equatable {
    case unsigned(UInt64)
    /// The value is `-1 - n`.
    case negative(UInt64)
    case bytes([UInt8])
    case text(String)
    case array([CBORValue])
    case map(CBORMap)
    indirect case tagged(UInt64, CBORValue)
    case bool(Bool)
    case null
    case undefined
    /// 0 to 19 and 32 to 255; the others are the cases above, or do not exist (RFC 8949 section 3.3).
    case simple(UInt8)
    case half(Float)
    case single(Float)
    case double(Double)

    package static func == (a: CBORValue, b: CBORValue) -> Bool {
        switch (a, b) {
        case (.unsigned(let a), .unsigned(let b)): a == b
        case (.negative(let a), .negative(let b)): a == b
        case (.bytes(let a), .bytes(let b)): a == b
        case (.text(let a), .text(let b)): a == b && a.utf8.elementsEqual(b.utf8)
        case (.array(let a), .array(let b)): a == b
        case (.map(let a), .map(let b)): a == b
        case (.tagged(let a, let inA), .tagged(let b, let inB)): a == b && inA == inB
        case (.bool(let a), .bool(let b)): a == b
        case (.null, .null), (.undefined, .undefined): true
        case (.simple(let a), .simple(let b)): a == b
        case (.half(let a), .half(let b)), (.single(let a), .single(let b)): a.bitPattern == b.bitPattern
        case (.double(let a), .double(let b)): a.bitPattern == b.bitPattern
        default: false
        }
    }
}

/// Entries in order; a decoder that refuses duplicates guarantees distinct keys.
package struct CBORMap: Sendable, Equatable {
    package struct Entry: Sendable, Equatable {
        package var key: CBORValue
        package var value: CBORValue

        package init(key: CBORValue, value: CBORValue) {
            self.key = key
            self.value = value
        }
    }

    package var entries: [Entry]

    package init(_ entries: [(CBORValue, CBORValue)] = []) {
        self.entries = entries.map { Entry(key: $0.0, value: $0.1) }
    }

    /// For the decoder, which has them ready.
    init(entries: [Entry]) { self.entries = entries }

    package subscript(_ key: CBORValue) -> CBORValue? { entries.first { $0.key == key }?.value }
    package subscript(_ key: String) -> CBORValue? { self[.text(key)] }
    package subscript(_ key: UInt64) -> CBORValue? { self[.unsigned(key)] }
}

extension CBORValue {
    /// An integer of either sign.
    package static func integer(_ value: Int64) -> CBORValue {
        value >= 0 ? .unsigned(UInt64(value)) : .negative(UInt64(bitPattern: ~value))
    }

    /// The value of an integer of either sign that fits.
    package var int64: Int64? {
        switch self {
        case .unsigned(let value): Int64(exactly: value)
        case .negative(let value): Int64(exactly: value).map { ~$0 }
        default: nil
        }
    }

    package var unsigned: UInt64? { if case .unsigned(let value) = self { value } else { nil } }
    package var bytes: [UInt8]? { if case .bytes(let value) = self { value } else { nil } }
    package var text: String? { if case .text(let value) = self { value } else { nil } }
    package var array: [CBORValue]? { if case .array(let value) = self { value } else { nil } }
    package var map: CBORMap? { if case .map(let value) = self { value } else { nil } }
}
