// SPDX-License-Identifier: Apache-2.0

/// Cuts a stream of bytes into JSON values, holding one at a time: one value a line (or one that spans lines), or the elements of
/// one array.
///
/// It finds where values end and leaves the judgement of each to `JSON.parse`, which is strict.
package struct JSONValueStream<Failure: Error> {
    private enum Place: Sendable {
        case start
        /// Values one after another; the next needs a line of its own.
        case lines(isNewLine: Bool)
        case array(isFirst: Bool)
        /// After an element: a comma or the end of the array.
        case separator
        case afterArray
    }

    private let read: () throws(Failure) -> [UInt8]
    private var buffer: [UInt8] = []
    private var position = 0
    /// Offset of `buffer` in the whole input.
    private var base = 0
    private var isAtEnd = false
    private var place = Place.start
    private var count = 0

    /// - Parameter read: the next bytes, none at the end of the input.
    package init(read: @escaping () throws(Failure) -> [UInt8]) { self.read = read }

    /// Bytes that were taken so far.
    package var offset: Int { base + position }

    /// The next value's bytes; nil at the end.
    ///
    /// - Throws: `AuditTrailError` for bytes between values, or an end within one; what `read` throws.
    package mutating func next() throws -> [UInt8]? {
        while let byte = try peek() {
            if byte == 0x20 || byte == 0x09 || byte == 0x0D || byte == 0x0A {
                if byte == 0x0A, case .lines = place { place = .lines(isNewLine: true) }
                position += 1
                continue
            }
            switch place {
            case .start where byte == UInt8(ascii: "["):
                position += 1
                place = .array(isFirst: true)
            case .start, .lines(isNewLine: true):
                place = .lines(isNewLine: false)
                return try value()
            case .array(let isFirst):
                guard byte == UInt8(ascii: "]"), isFirst else {
                    place = .separator
                    return try value()
                }
                position += 1
                place = .afterArray
            case .separator where byte == UInt8(ascii: ","):
                position += 1
                place = .array(isFirst: false)
            case .separator where byte == UInt8(ascii: "]"):
                position += 1
                place = .afterArray
            default: throw AuditTrailError.misplacedByte(offset: offset)
            }
        }
        switch place {
        case .array, .separator: throw AuditTrailError.unexpectedEnd
        case .start, .lines, .afterArray: return nil
        }
    }

    // MARK: One value

    private mutating func value() throws -> [UInt8] {
        count += 1
        let start = base + position
        var depth = 0
        var isString = false
        var isEscaped = false
        while let byte = try peek(keepingFrom: start) {
            if isString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isString = false
                    if depth == 0 { return taken(from: start, through: true) }
                }
            } else {
                switch byte {
                case UInt8(ascii: "\""): isString = true
                case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
                case UInt8(ascii: "}"), UInt8(ascii: "]"):
                    // The end of the array that a bare number stands in.
                    guard depth > 0 else { return taken(from: start, through: false) }
                    depth -= 1
                    if depth == 0 { return taken(from: start, through: true) }
                case UInt8(ascii: ","), 0x20, 0x09, 0x0A, 0x0D:
                    if depth == 0 { return taken(from: start, through: false) }
                default: break
                }
            }
            position += 1
            guard base + position - start <= AuditLimits.valueLength else {
                throw AuditTrailError.valueTooLong(number: count)
            }
        }
        guard depth == 0, !isString else { throw AuditTrailError.unexpectedEnd }
        return taken(from: start, through: false)
    }

    private mutating func taken(from start: Int, through: Bool) -> [UInt8] {
        if through { position += 1 }
        return Array(buffer[(start - base)..<position])
    }

    /// The byte at `position`; what lies before `keepingFrom` may be forgotten.
    private mutating func peek(keepingFrom start: Int? = nil) throws -> UInt8? {
        if position < buffer.count { return buffer[position] }
        guard !isAtEnd else { return nil }
        let more = try read()
        guard !more.isEmpty else {
            isAtEnd = true
            return nil
        }
        let keep = start.map { $0 - base } ?? position
        buffer.removeFirst(keep)
        base += keep
        position -= keep
        buffer += more
        return buffer[position]
    }
}

extension JSONValueStream where Failure == Never {
    /// Of bytes that are there already.
    package init(once bytes: [UInt8]) {
        var rest: [UInt8]? = bytes
        self.init {
            defer { rest = nil }
            return rest ?? []
        }
    }
}
