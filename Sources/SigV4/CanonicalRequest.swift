// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding

/// Header fields by lower-case name, in order. A dozen in practice and bounded: looking at them all costs less than hashing.
struct CanonicalHeaders {
    private let fields: [(name: String, value: String)]

    init(_ headers: [(name: String, value: String)]) {
        fields = headers.map { (Self.lowercased($0.name), $0.value) }
    }

    func contains(_ name: String) -> Bool { fields.contains { $0.name == name } }

    func count(of name: String) -> Int { fields.reduce(0) { $1.name == name ? $0 + 1 : $0 } }

    func first(_ name: String) -> String? { fields.first { $0.name == name }?.value }

    /// The names that a condition holds for, sorted, each once.
    func names(where isIncluded: (String) -> Bool) -> [String] {
        var names: [String] = []
        for field in fields where isIncluded(field.name) && !names.contains(field.name) { names.append(field.name) }
        return names.sorted()
    }

    /// ASCII only: no other letter may become one that is in a signed name.
    static func lowercased(_ name: String) -> String {
        let capitals = UInt8(ascii: "A")...UInt8(ascii: "Z")
        guard name.utf8.contains(where: capitals.contains) else { return name }
        return String(decoding: name.utf8.map { capitals.contains($0) ? $0 | 0x20 : $0 }, as: UTF8.self)
    }

    /// Values joined by commas, trimmed, each run of white space inside made one space.
    func canonicalValue(_ name: String) -> [UInt8]? {
        var canonical: [UInt8] = []
        return appendCanonicalValue(name, to: &canonical) ? canonical : nil
    }

    /// The same at the end of a text; false if there is no such field.
    func appendCanonicalValue(_ name: String, to text: inout [UInt8]) -> Bool {
        var isFirst = true
        for field in fields where field.name == name {
            if !isFirst { text.append(UInt8(ascii: ",")) }
            isFirst = false
            Self.appendCollapsed(field.value, to: &text)
        }
        return !isFirst
    }

    private static func appendCollapsed(_ value: String, to canonical: inout [UInt8]) {
        let start = canonical.count
        var isSpacePending = false
        for byte in value.utf8 {
            switch byte {
            // Line ends are white space too: a value can never add a line to the canonical request.
            case 0x09...0x0D, 0x20: isSpacePending = true
            default:
                if isSpacePending, canonical.count > start { canonical.append(0x20) }
                isSpacePending = false
                canonical.append(byte)
            }
        }
    }
}

/// The canonical request and the string to sign (AWS General Reference, "Create a signed AWS API request").
enum CanonicalRequest {
    /// The canonical request; nil if a signed header is missing.
    ///
    /// `signedHeaders` are in lower case and sorted. `normalizesPath` removes dot segments and empty segments: all
    /// services but S3 do so.
    static func bytes(
        method: String,
        target: String,
        headers: CanonicalHeaders,
        signedHeaders: [String],
        payloadHash: String,
        normalizesPath: Bool
    ) -> [UInt8]? {
        let (path, query) = split(target)
        var text: [UInt8] = []
        text.reserveCapacity(1024)
        text += method.utf8
        text.append(UInt8(ascii: "\n"))
        text += canonicalPath(path, normalizes: normalizesPath)
        text.append(UInt8(ascii: "\n"))
        text += canonicalQuery(query)
        text.append(UInt8(ascii: "\n"))
        for name in signedHeaders {
            text += name.utf8
            text.append(UInt8(ascii: ":"))
            guard headers.appendCanonicalValue(name, to: &text) else { return nil }
            text.append(UInt8(ascii: "\n"))
        }
        text.append(UInt8(ascii: "\n"))
        text += signedHeaders.joined(separator: ";").utf8
        text.append(UInt8(ascii: "\n"))
        text += payloadHash.utf8
        return text
    }

    static func stringToSign(canonicalRequest: [UInt8], time: Timestamp, scope: SigV4Scope) -> [UInt8] {
        let hash = Hex.encode(Hash.digest(.sha256, canonicalRequest))
        return Array(
            "\(SigV4Constants.algorithm)\n\(time.amzDate)\n\(credentialScope(time, scope))\n\(hash)".utf8
        )
    }

    /// `20261121/us-east-1/kms/aws4_request`
    static func credentialScope(_ time: Timestamp, _ scope: SigV4Scope) -> String {
        "\(time.amzDay)/\(scope.region)/\(scope.service)/\(SigV4Constants.terminator)"
    }

    /// Path and query of a request target, without the `?`.
    static func split(_ target: String) -> (path: [UInt8], query: [UInt8]) {
        let bytes = Array(target.utf8)
        guard let mark = bytes.firstIndex(of: UInt8(ascii: "?")) else { return (bytes, []) }
        return (Array(bytes[..<mark]), Array(bytes[(mark + 1)...]))
    }

    // MARK: Path

    /// The path as sent, encoded once more.
    private static func canonicalPath(_ path: [UInt8], normalizes: Bool) -> [UInt8] {
        let path = normalizes ? normalized(path) : path
        var encoded: [UInt8] = []
        for byte in path {
            if byte == UInt8(ascii: "/") { encoded.append(byte) } else { appendEncoded(byte, to: &encoded) }
        }
        return encoded.isEmpty ? [UInt8(ascii: "/")] : encoded
    }

    /// Removes empty and dot segments (RFC 3986 section 5.2.4); a slash at the end stays.
    private static func normalized(_ path: [UInt8]) -> [UInt8] {
        let dot = [UInt8(ascii: ".")]
        let segments = path.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: true)
        var kept: [ArraySlice<UInt8>] = []
        for segment in segments {
            if segment.elementsEqual(dot) { continue }
            if segment.elementsEqual(dot + dot) {
                kept = Array(kept.dropLast())
            } else {
                kept.append(segment)
            }
        }
        var result: [UInt8] = []
        for segment in kept {
            result.append(UInt8(ascii: "/"))
            result += segment
        }
        if result.isEmpty || path.last == UInt8(ascii: "/") { result.append(UInt8(ascii: "/")) }
        return result
    }

    // MARK: Query

    /// Parameters decoded, encoded, and sorted by name, then by value.
    private static func canonicalQuery(_ query: [UInt8]) -> [UInt8] {
        if query.isEmpty { return [] }
        let pairs = query.split(separator: UInt8(ascii: "&"), omittingEmptySubsequences: false).map { parameter in
            let equals = parameter.firstIndex(of: UInt8(ascii: "="))
            let name = parameter[..<(equals ?? parameter.endIndex)]
            let value = equals.map { parameter[($0 + 1)...] } ?? []
            return (name: recoded(name), value: recoded(value))
        }
        let sorted = pairs.sorted { a, b in
            if a.name != b.name { return a.name.lexicographicallyPrecedes(b.name) }
            return a.value.lexicographicallyPrecedes(b.value)
        }
        return Array(sorted.map { $0.name + [UInt8(ascii: "=")] + $0.value }.joined(separator: [UInt8(ascii: "&")]))
    }

    /// Names of the parameters, decoded.
    static func parameterNames(_ query: [UInt8]) -> [[UInt8]] {
        query.split(separator: UInt8(ascii: "&")).map { decoded($0.prefix { $0 != UInt8(ascii: "=") }) }
    }

    private static func recoded(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        for byte in decoded(text) { appendEncoded(byte, to: &result) }
        return result
    }

    /// Percent-decodes (RFC 3986 section 2.1); a `%` without two digits stands for itself.
    private static func decoded(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            let digits = rest.prefix(2).compactMap(hexValue)
            if byte == UInt8(ascii: "%"), digits.count == 2 {
                result.append(digits[0] << 4 | digits[1])
                rest = rest.dropFirst(2)
            } else {
                result.append(byte)
            }
        }
        return result
    }

    private static func hexValue(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// Unreserved characters (RFC 3986 section 2.3) stand for themselves, all others are `%XX`.
    private static func appendEncoded(_ byte: UInt8, to text: inout [UInt8]) {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            text.append(byte)
        default:
            text.append(UInt8(ascii: "%"))
            text.append(upperHex(byte >> 4))
            text.append(upperHex(byte & 0x0F))
        }
    }

    private static func upperHex(_ digit: UInt8) -> UInt8 {
        digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "A") + digit - 10
    }
}
