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

    /// Whether nothing but white space is left of what was read.
    package var isDrained: Bool {
        buffer[position...].allSatisfy { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D || $0 == 0x0A }
    }

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

    /// The value that begins at `position`, which is behind it then.
    private mutating func value() throws -> [UInt8] {
        count += 1
        var start = position
        var scanner = ValueScanner()
        while true {
            let end = scanner.end(in: buffer.span, from: position)
            position = end ?? buffer.count
            guard position - start <= AuditLimits.valueLength else { throw AuditTrailError.valueTooLong(number: count) }
            guard end == nil else { break }
            guard try refill(keepingFrom: start) else {
                guard scanner.mayEnd else { throw AuditTrailError.unexpectedEnd }
                break
            }
            start = 0
        }
        return Array(buffer[start..<position])
    }

    /// The byte at `position`, if there is one more.
    private mutating func peek() throws -> UInt8? {
        if position == buffer.count {
            guard try refill(keepingFrom: position) else { return nil }
        }
        return buffer[position]
    }

    /// Reads on, and forgets what lies before `start`.
    ///
    /// - Returns: false at the end of the input; then nothing has changed.
    private mutating func refill(keepingFrom start: Int) throws -> Bool {
        guard !isAtEnd else { return false }
        let more = try read()
        guard !more.isEmpty else {
            isAtEnd = true
            return false
        }
        buffer.removeFirst(start)
        base += start
        position -= start
        buffer += more
        return true
    }
}

/// Finds the end of one JSON value in bytes that come in pieces.
private struct ValueScanner {
    private var depth = 0
    private var isString = false
    private var isEscaped = false

    /// Whether a value that the input ends after is whole: a number or a literal says no end of its own.
    var mayEnd: Bool { depth == 0 && !isString }

    /// Where the value ends, behind its last byte; nil if that is not here.
    mutating func end(in bytes: Span<UInt8>, from start: Int) -> Int? {
        var position = start
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            if isString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isString = false
                    if depth == 0 { return position }
                }
                continue
            }
            switch byte {
            case UInt8(ascii: "\""): isString = true
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                // The end of the array that a bare number stands in.
                guard depth > 0 else { return position - 1 }
                depth -= 1
                if depth == 0 { return position }
            case UInt8(ascii: ","), 0x20, 0x09, 0x0A, 0x0D:
                if depth == 0 { return position - 1 }
            default: break
            }
        }
        return nil
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
