// SPDX-License-Identifier: Apache-2.0

/// Writes DER from the inside out: each function returns a whole value.
enum DERWriter: Sendable {
    static func element(_ tag: UInt8, _ contents: [UInt8]...) -> [UInt8] {
        element(tag, concatenating: contents)
    }

    static func element(_ tag: UInt8, concatenating contents: [[UInt8]]) -> [UInt8] {
        let count = contents.reduce(0) { $0 + $1.count }
        var bytes = header(tag, count: count)
        bytes.reserveCapacity(bytes.count + count)
        for content in contents { bytes += content }
        return bytes
    }

    static func sequence(_ contents: [UInt8]...) -> [UInt8] {
        element(DER.sequence, concatenating: contents)
    }

    /// Tag and length.
    static func header(_ tag: UInt8, count: Int) -> [UInt8] {
        guard count >= 0x80 else { return [tag, UInt8(count)] }
        var octets: [UInt8] = []
        var rest = count
        while rest > 0 {
            octets.append(UInt8(truncatingIfNeeded: rest))
            rest >>= 8
        }
        return [tag, 0x80 | UInt8(octets.count)] + octets.reversed()
    }

    /// INTEGER of a big-endian magnitude, zero or positive.
    static func integer(magnitude: some Collection<UInt8>) -> [UInt8] {
        let significant = magnitude.drop { $0 == 0 }
        guard let first = significant.first else { return [DER.integer, 1, 0] }
        return element(DER.integer, (first >= 0x80 ? [0] : []) + Array(significant))
    }

    static func objectIdentifier(_ text: String) -> [UInt8] {
        element(DER.objectIdentifier, ObjectIdentifier.content(text) ?? [])
    }

    static func octetString(_ bytes: [UInt8]) -> [UInt8] { element(DER.octetString, bytes) }

    /// BIT STRING of whole bytes.
    static func bitString(_ bytes: [UInt8]) -> [UInt8] { element(DER.bitString, [0], bytes) }

    static let null: [UInt8] = [DER.null, 0]
}
