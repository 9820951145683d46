// SPDX-License-Identifier: Apache-2.0

/// The input is not DER, or not of the expected type. What that means is the caller's to say.
struct DERError: Error, Equatable, Sendable {}

/// One value of DER: where its parts are in the input.
struct DERElement: Sendable {
    let tag: UInt8
    /// Tag, length and content.
    let whole: Range<Int>
    let content: Range<Int>

    var isConstructed: Bool { tag & DER.constructed != 0 }
}

/// The Distinguished Encoding Rules (X.690): tags and rules.
enum DER: Sendable {
    static let boolean: UInt8 = 0x01
    static let integer: UInt8 = 0x02
    static let bitString: UInt8 = 0x03
    static let octetString: UInt8 = 0x04
    static let null: UInt8 = 0x05
    static let objectIdentifier: UInt8 = 0x06
    static let enumerated: UInt8 = 0x0a
    static let utf8String: UInt8 = 0x0c
    static let printableString: UInt8 = 0x13
    static let utcTime: UInt8 = 0x17
    static let generalizedTime: UInt8 = 0x18
    static let sequence: UInt8 = 0x30
    static let set: UInt8 = 0x31
    static let constructed: UInt8 = 0x20
    /// Class bits: universal 00, application 01, context-specific 10, private 11.
    static let classBits: UInt8 = 0xc0

    static func contextConstructed(_ number: UInt8) -> UInt8 { 0xa0 | number }
    static func contextPrimitive(_ number: UInt8) -> UInt8 { 0x80 | number }

    /// Deeper than any key or certificate (their names and extensions end at 8).
    static let maximumDepth = 16

    /// The single value that `range` holds, canonical through and through.
    static func canonical(_ input: Span<UInt8>, _ range: Range<Int>) throws(DERError) -> DERElement {
        var reader = DERReader(range)
        let element = try reader.next(input)
        try reader.finish()
        try check(element, input, depth: 0)
        return element
    }

    private static func check(_ element: DERElement, _ input: Span<UInt8>, depth: Int) throws(DERError) {
        guard depth < maximumDepth else { throw DERError() }
        let isUniversal = element.tag & classBits == 0
        if isUniversal, element.isConstructed != (element.tag == sequence || element.tag == set) { throw DERError() }
        if element.isConstructed {
            var reader = DERReader(element.content)
            var previous: DERElement?
            while !reader.isAtEnd {
                let next = try reader.next(input)
                try check(next, input, depth: depth + 1)
                // SET OF is sorted (X.690 section 11.6); nothing in keys and certificates is a SET of other kind.
                if element.tag == set, let previous, !isOrdered(previous.whole, next.whole, input) { throw DERError() }
                previous = next
            }
        } else if isUniversal {
            try checkPrimitive(element, input)
        }
    }

    private static func checkPrimitive(_ element: DERElement, _ input: Span<UInt8>) throws(DERError) {
        let content = element.content
        switch element.tag {
        case boolean:
            guard content.count == 1, input[content.lowerBound] == 0 || input[content.lowerBound] == 0xff else {
                throw DERError()
            }
        case integer, enumerated:
            guard let first = content.first else { throw DERError() }
            if content.count > 1 {
                let isPadded =
                    (input[first] == 0 && input[first + 1] < 0x80) || (input[first] == 0xff && input[first + 1] >= 0x80)
                guard !isPadded else { throw DERError() }
            }
        case bitString:
            guard let first = content.first, let last = content.last, input[first] <= 7 else { throw DERError() }
            let unused = input[first]
            if unused > 0 {
                guard content.count > 1, input[last] & ((1 << unused) - 1) == 0 else { throw DERError() }
            }
        case null:
            guard content.isEmpty else { throw DERError() }
        case objectIdentifier:
            _ = try ObjectIdentifier.text(input, content)
        default:
            break
        }
    }

    private static func isOrdered(_ a: Range<Int>, _ b: Range<Int>, _ input: Span<UInt8>) -> Bool {
        for (i, j) in zip(a, b) where input[i] != input[j] { return input[i] < input[j] }
        return a.count <= b.count
    }

    static func bytes(_ input: Span<UInt8>, _ range: Range<Int>) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(range.count)
        for index in range { bytes.append(input[index]) }
        return bytes
    }
}

/// Reads one value after the other. Holds positions only, so that it also walks over secrets without copying them.
struct DERReader: Sendable {
    private var position: Int
    private let end: Int

    init(_ range: Range<Int>) {
        position = range.lowerBound
        end = range.upperBound
    }

    var isAtEnd: Bool { position == end }

    /// The next value: one-byte tag, definite length in the shortest form, all of it there.
    mutating func next(_ input: Span<UInt8>) throws(DERError) -> DERElement {
        let start = position
        guard end <= input.count, end - position >= 2 else { throw DERError() }
        let tag = input[position]
        // Tag numbers above 30 occur in no structure that is read here; 0 is BER's end of contents.
        guard tag & 0x1f != 0x1f, tag != 0 else { throw DERError() }
        let first = input[position + 1]
        position += 2
        var length = Int(first)
        if first >= 0x80 {
            let octets = Int(first & 0x7f)
            guard octets >= 1, octets <= 4, end - position >= octets else { throw DERError() }
            length = 0
            for offset in 0..<octets { length = length << 8 | Int(input[position + offset]) }
            guard length >= 0x80, length >> (8 * (octets - 1)) != 0 else { throw DERError() }
            position += octets
        }
        guard end - position >= length else { throw DERError() }
        let content = position..<(position + length)
        position = content.upperBound
        return DERElement(tag: tag, whole: start..<position, content: content)
    }

    mutating func next(_ input: Span<UInt8>, tag: UInt8) throws(DERError) -> DERElement {
        let element = try next(input)
        guard element.tag == tag else { throw DERError() }
        return element
    }

    /// The next value if it has this tag; else nothing is read.
    mutating func nextIfPresent(_ input: Span<UInt8>, tag: UInt8) throws(DERError) -> DERElement? {
        guard !isAtEnd, end <= input.count, input[position] == tag else { return nil }
        return try next(input)
    }

    func finish() throws(DERError) {
        guard isAtEnd else { throw DERError() }
    }
}
