// SPDX-License-Identifier: Apache-2.0

/// How map entries are ordered when they are written.
package enum CBORMapOrder: Sendable {
    /// Bytewise by encoded key (RFC 8949 section 4.2.1).
    case deterministic
    /// As they stand in the map.
    case asGiven
}

extension CBORValue {
    /// Shortest form, definite lengths; with `.deterministic` exactly RFC 8949 section 4.2.1.
    ///
    /// A float of any width is written in the shortest that keeps its value, every NaN as `f97e00`. Whoever makes a map
    /// sees to it that keys are distinct.
    package func encoded(mapOrder: CBORMapOrder = .deterministic) -> [UInt8] {
        var writer = CBORWriter()
        writer.value(self, mapOrder: mapOrder)
        return writer.bytes
    }
}

/// Writes heads and items one by one, for encodings that are not deterministic (fixtures, indefinite-length maps).
///
/// It checks nothing: that headers and items fit together is the caller's care.
package struct CBORWriter: Sendable {
    package private(set) var bytes: [UInt8] = []

    package init() {}

    package mutating func unsigned(_ value: UInt64) { head(.unsigned, value) }

    package mutating func byteString(_ value: [UInt8]) {
        head(.bytes, UInt64(value.count))
        bytes += value
    }

    package mutating func text(_ value: String) {
        head(.text, UInt64(value.utf8.count))
        bytes += value.utf8
    }

    /// A negative count is written as 0.
    package mutating func arrayHeader(_ count: Int) { head(.array, UInt64(max(0, count))) }

    /// A negative count is written as 0.
    package mutating func mapHeader(_ count: Int) { head(.map, UInt64(max(0, count))) }

    package mutating func indefiniteMapHeader() { bytes.append(MajorType.map.rawValue << 5 | Self.indefinite) }
    package mutating func breakCode() { bytes.append(0xFF) }
    package mutating func tag(_ value: UInt64) { head(.tag, value) }
    package mutating func null() { bytes.append(0xF6) }

    /// Bytes that are encoded already.
    package mutating func raw(_ encoded: [UInt8]) { bytes += encoded }

    package mutating func value(_ value: CBORValue, mapOrder: CBORMapOrder = .deterministic) {
        switch value {
        case .unsigned(let value): unsigned(value)
        case .negative(let value): head(.negative, value)
        case .bytes(let value): byteString(value)
        case .text(let value): text(value)
        case .array(let elements):
            arrayHeader(elements.count)
            for element in elements { self.value(element, mapOrder: mapOrder) }
        case .map(let map): self.map(map, mapOrder: mapOrder)
        case .tagged(let number, let value):
            tag(number)
            self.value(value, mapOrder: mapOrder)
        case .bool(let value): bytes.append(value ? 0xF5 : 0xF4)
        case .null: null()
        case .undefined: bytes.append(0xF7)
        case .simple(let value): head(.simple, UInt64(value))
        case .half(let value), .single(let value): float(Double(value))
        case .double(let value): float(value)
        }
    }

    // MARK: Parts

    private enum MajorType: UInt8 {
        case unsigned = 0
        case negative = 1
        case bytes = 2
        case text = 3
        case array = 4
        case map = 5
        case tag = 6
        case simple = 7
    }

    private static let indefinite: UInt8 = 31

    /// RFC 8949 section 3: the argument in the fewest bytes.
    private mutating func head(_ type: MajorType, _ argument: UInt64) {
        let type = type.rawValue << 5
        switch argument {
        case 0..<24: bytes.append(type | UInt8(truncatingIfNeeded: argument))
        case 24...UInt64(UInt8.max): bytes += [type | 24, UInt8(truncatingIfNeeded: argument)]
        case ...UInt64(UInt16.max):
            bytes.append(type | 25)
            bigEndian(UInt16(truncatingIfNeeded: argument))
        case ...UInt64(UInt32.max):
            bytes.append(type | 26)
            bigEndian(UInt32(truncatingIfNeeded: argument))
        default:
            bytes.append(type | 27)
            bigEndian(argument)
        }
    }

    private mutating func bigEndian<T: FixedWidthInteger & UnsignedInteger>(_ value: T) {
        for shift in stride(from: T.bitWidth - 8, through: 0, by: -8) {
            bytes.append(UInt8(truncatingIfNeeded: value >> T(shift)))
        }
    }

    private mutating func float(_ value: Double) {
        switch CBORFloat.shortest(value) {
        case .half:
            bytes.append(0xF9)
            bigEndian(value.isNaN ? CBORFloat.canonicalNaN : Float16(value).bitPattern)
        case .single:
            bytes.append(0xFA)
            bigEndian(Float(value).bitPattern)
        case .double:
            bytes.append(0xFB)
            bigEndian(value.bitPattern)
        }
    }

    private mutating func map(_ map: CBORMap, mapOrder: CBORMapOrder) {
        mapHeader(map.entries.count)
        guard mapOrder == .deterministic else {
            for entry in map.entries {
                value(entry.key, mapOrder: mapOrder)
                value(entry.value, mapOrder: mapOrder)
            }
            return
        }
        let entries = map.entries
            .map { (key: $0.key.encoded(), value: $0.value) }
            .sorted { $0.key.lexicographicallyPrecedes($1.key) }
        for entry in entries {
            raw(entry.key)
            value(entry.value)
        }
    }
}
