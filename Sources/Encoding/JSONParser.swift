// SPDX-License-Identifier: Apache-2.0

/// What `JSON.parse` accepts at most.
package struct JSONLimits: Sendable {
    /// Deeper nesting is refused whatever `depth` says: it bounds the stack of everything that walks a value.
    package static let maximumDepth = 256

    /// Bytes of the whole text.
    package var totalLength: Int
    /// Nested arrays and objects.
    package var depth: Int

    package init(totalLength: Int = 1 << 20, depth: Int = 64) {
        self.totalLength = totalLength
        self.depth = depth
    }
}

/// Why a text is not JSON as accepted here, and at which byte.
package struct JSONError: Error, Equatable, Sendable {
    package enum Code: String, Sendable, CaseIterable {
        case tooLong = "too-long"
        case tooDeep = "too-deep"
        case invalidUTF8 = "invalid-utf8"
        case unexpectedByte = "unexpected-byte"
        case unexpectedEnd = "unexpected-end"
        case duplicateName = "duplicate-name"
        case loneSurrogate = "lone-surrogate"
        case trailingBytes = "trailing-bytes"
    }

    package let code: Code
    package let offset: Int
}

extension JSON {
    /// Parses one JSON text, strictly: UTF-8, no BOM, no duplicate names, no lone surrogates, nothing after it.
    ///
    /// - Throws: `JSONError` with the byte offset of what is wrong; for a duplicate, of the second name.
    package static func parse(_ bytes: [UInt8], limits: JSONLimits = JSONLimits()) throws(JSONError) -> JSON {
        guard bytes.count <= limits.totalLength else { throw JSONError(code: .tooLong, offset: limits.totalLength) }
        var parser = JSONParser(bytes, depth: min(limits.depth, JSONLimits.maximumDepth))
        let value = try parser.value()
        try parser.end()
        return value
    }
}

/// One pass over the bytes by recursive descent, as deep as `depth` at most.
private struct JSONParser {
    private let bytes: [UInt8]
    private var position = 0
    private var depth: Int

    init(_ bytes: [UInt8], depth: Int) {
        self.bytes = bytes
        self.depth = depth
    }

    mutating func value() throws(JSONError) -> JSON {
        try skipWhiteSpace()
        switch bytes[position] {
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "{"): return .object(try object())
        case UInt8(ascii: "["): return .array(try array())
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return .number(try number())
        case UInt8(ascii: "t"):
            try literal("true")
            return .bool(true)
        case UInt8(ascii: "f"):
            try literal("false")
            return .bool(false)
        case UInt8(ascii: "n"):
            try literal("null")
            return .null
        default: throw unexpectedByte()
        }
    }

    mutating func end() throws(JSONError) {
        while position < bytes.count {
            guard Self.isWhiteSpace(bytes[position]) else { throw JSONError(code: .trailingBytes, offset: position) }
            position += 1
        }
    }

    // MARK: Containers

    private mutating func array() throws(JSONError) -> [JSON] {
        try open()
        var elements: [JSON] = []
        if try close(UInt8(ascii: "]")) { return elements }
        while true {
            elements.append(try value())
            if try close(UInt8(ascii: "]")) { return elements }
            try take(UInt8(ascii: ","))
        }
    }

    private mutating func object() throws(JSONError) -> JSONObject {
        try open()
        var members: [(name: String, value: JSON)] = []
        var names = UniqueNames()
        if try close(UInt8(ascii: "}")) { return JSONObject() }
        while true {
            try skipWhiteSpace()
            let start = position
            guard bytes[position] == UInt8(ascii: "\"") else { throw unexpectedByte() }
            let name = try string()
            guard names.insert(name, among: members) else { throw JSONError(code: .duplicateName, offset: start) }
            try skipWhiteSpace()
            try take(UInt8(ascii: ":"))
            members.append((name, try value()))
            if try close(UInt8(ascii: "}")) { return JSONObject(uncheckedMembers: members) }
            try take(UInt8(ascii: ","))
        }
    }

    private mutating func open() throws(JSONError) {
        guard depth > 0 else { throw JSONError(code: .tooDeep, offset: position) }
        depth -= 1
        position += 1
    }

    /// Goes past `bracket` if it comes next, white space aside.
    private mutating func close(_ bracket: UInt8) throws(JSONError) -> Bool {
        try skipWhiteSpace()
        guard bytes[position] == bracket else { return false }
        position += 1
        depth += 1
        return true
    }

    // MARK: Strings

    /// `position` is at the opening quote.
    private mutating func string() throws(JSONError) -> String {
        let start = position + 1
        position = start
        var isASCII = true
        while position < bytes.count {
            switch bytes[position] {
            case UInt8(ascii: "\""):
                defer { position += 1 }
                // What is ASCII, and that is nearly all, needs no validation.
                if isASCII { return String(decoding: bytes[start..<position], as: UTF8.self) }
                return try validated(bytes[start..<position], from: start)
            case UInt8(ascii: "\\"): return try stringWithEscapes(from: start)
            case 0..<0x20: throw unexpectedByte()
            case 0x80...: isASCII = false
            default: break
            }
            position += 1
        }
        throw unexpectedEnd()
    }

    /// `position` is at the first backslash.
    private mutating func stringWithEscapes(from start: Int) throws(JSONError) -> String {
        var text = Array(bytes[start..<position])
        while position < bytes.count {
            let byte = bytes[position]
            switch byte {
            case UInt8(ascii: "\""):
                let string = try validated(text[...], from: start)
                position += 1
                return string
            case UInt8(ascii: "\\"): try appendEscape(to: &text)
            case 0..<0x20: throw unexpectedByte()
            default:
                text.append(byte)
                position += 1
            }
        }
        throw unexpectedEnd()
    }

    private mutating func appendEscape(to text: inout [UInt8]) throws(JSONError) {
        let start = position
        position += 1
        guard position < bytes.count else { throw unexpectedEnd() }
        let character: UInt8
        switch bytes[position] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): character = bytes[position]
        case UInt8(ascii: "b"): character = 0x08
        case UInt8(ascii: "f"): character = 0x0C
        case UInt8(ascii: "n"): character = 0x0A
        case UInt8(ascii: "r"): character = 0x0D
        case UInt8(ascii: "t"): character = 0x09
        case UInt8(ascii: "u"):
            position += 1
            text.append(contentsOf: String(try unicodeEscape(from: start)).utf8)
            return
        default: throw unexpectedByte()
        }
        text.append(character)
        position += 1
    }

    /// `position` is behind the first `\u`, which stands at `start`.
    private mutating func unicodeEscape(from start: Int) throws(JSONError) -> Unicode.Scalar {
        let first = try fourHexDigits()
        if let scalar = Unicode.Scalar(first) { return scalar }
        let loneSurrogate = JSONError(code: .loneSurrogate, offset: start)
        guard first < 0xDC00 else { throw loneSurrogate }
        for expected in [UInt8(ascii: "\\"), UInt8(ascii: "u")] {
            guard position < bytes.count else { throw unexpectedEnd() }
            guard bytes[position] == expected else { throw loneSurrogate }
            position += 1
        }
        let second = try fourHexDigits()
        guard (0xDC00...0xDFFF).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        else { throw loneSurrogate }
        return scalar
    }

    private mutating func fourHexDigits() throws(JSONError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard position < bytes.count else { throw unexpectedEnd() }
            guard let digit = Hex.value(ofDigit: bytes[position]) else { throw unexpectedByte() }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }

    /// `text` is what stands from `start` to `position`, its escapes replaced.
    private func validated(_ text: ArraySlice<UInt8>, from start: Int) throws(JSONError) -> String {
        if let string = String(validating: text, as: UTF8.self) { return string }
        let offset = UTF8Validation.firstInvalidOffset(in: bytes[start..<position]) ?? start
        throw JSONError(code: .invalidUTF8, offset: offset)
    }

    // MARK: Numbers and literals

    private mutating func number() throws(JSONError) -> JSONNumber {
        let start = position
        if bytes[position] == UInt8(ascii: "-") { position += 1 }
        guard position < bytes.count else { throw unexpectedEnd() }
        if bytes[position] == UInt8(ascii: "0") {
            position += 1
        } else {
            try digits()
        }
        if position < bytes.count, bytes[position] == UInt8(ascii: ".") {
            position += 1
            try digits()
        }
        if position < bytes.count, bytes[position] | 0x20 == UInt8(ascii: "e") {
            position += 1
            guard position < bytes.count else { throw unexpectedEnd() }
            if bytes[position] == UInt8(ascii: "+") || bytes[position] == UInt8(ascii: "-") { position += 1 }
            try digits()
        }
        return JSONNumber(literal: String(decoding: bytes[start..<position], as: UTF8.self))
    }

    /// One digit or more.
    private mutating func digits() throws(JSONError) {
        guard position < bytes.count else { throw unexpectedEnd() }
        guard Self.isDigit(bytes[position]) else { throw unexpectedByte() }
        while position < bytes.count, Self.isDigit(bytes[position]) { position += 1 }
    }

    private mutating func literal(_ text: StaticString) throws(JSONError) {
        for index in 0..<text.utf8CodeUnitCount {
            guard position < bytes.count else { throw unexpectedEnd() }
            guard unsafe bytes[position] == text.utf8Start[index] else { throw unexpectedByte() }
            position += 1
        }
    }

    // MARK: Bytes

    /// Afterwards there is a byte at `position`.
    private mutating func skipWhiteSpace() throws(JSONError) {
        while position < bytes.count {
            guard Self.isWhiteSpace(bytes[position]) else { return }
            position += 1
        }
        throw unexpectedEnd()
    }

    private mutating func take(_ byte: UInt8) throws(JSONError) {
        guard bytes[position] == byte else { throw unexpectedByte() }
        position += 1
    }

    private func unexpectedByte() -> JSONError { JSONError(code: .unexpectedByte, offset: position) }
    private func unexpectedEnd() -> JSONError { JSONError(code: .unexpectedEnd, offset: bytes.count) }

    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    private static func isWhiteSpace(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09
    }
}
