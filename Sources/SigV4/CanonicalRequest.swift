// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding

/// The canonical request and the string to sign (AWS General Reference, "Create a signed AWS API request").
enum CanonicalRequest {
    /// Room for what SDKs send, so that the text does not move while it grows.
    private static let usualLength = 1024

    /// The canonical request; nil if a signed header is missing.
    ///
    /// `normalizesPath` removes dot segments and empty segments: all services but S3 do so.
    static func bytes(
        method: String,
        target: String,
        headers: CanonicalHeaders,
        signedHeaders: SignedHeaderNames,
        payloadHash: [UInt8],
        normalizesPath: Bool
    ) -> [UInt8]? {
        var text: [UInt8] = []
        text.reserveCapacity(usualLength)
        text += method.utf8
        text.append(UInt8(ascii: "\n"))
        if target == "/" {
            // Nearly all requests, and nothing to take apart.
            text.append(UInt8(ascii: "/"))
            text.append(UInt8(ascii: "\n"))
        } else {
            let (path, query) = split(target)
            text += canonicalPath(path, normalizes: normalizesPath)
            text.append(UInt8(ascii: "\n"))
            text += canonicalQuery(query)
        }
        text.append(UInt8(ascii: "\n"))
        for name in signedHeaders.names {
            text += signedHeaders.bytes[name]
            text.append(UInt8(ascii: ":"))
            guard headers.appendCanonicalValue(signedHeaders.bytes.span.extracting(name), to: &text) else { return nil }
            text.append(UInt8(ascii: "\n"))
        }
        text.append(UInt8(ascii: "\n"))
        text += signedHeaders.bytes[signedHeaders.list]
        text.append(UInt8(ascii: "\n"))
        Hex.append(payloadHash, to: &text)
        return text
    }

    /// `time` in the form of X-Amz-Date.
    static func stringToSign(canonicalRequest: [UInt8], time: ArraySlice<UInt8>, scope: SigV4Scope) -> [UInt8] {
        let newLine = UInt8(ascii: "\n")
        let slash = UInt8(ascii: "/")
        var text: [UInt8] = []
        text.reserveCapacity(usualLength)
        text += SigV4Constants.algorithm.utf8
        text.append(newLine)
        text += time
        text.append(newLine)
        text += time.prefix(SigV4Constants.dayLength)
        text.append(slash)
        text += scope.region.utf8
        text.append(slash)
        text += scope.service.utf8
        text.append(slash)
        text += SigV4Constants.terminator.utf8
        text.append(newLine)
        Hex.append(Hash.digest(.sha256, canonicalRequest), to: &text)
        return text
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

    /// Whether the query has a parameter of presigned requests, in any encoding.
    static func isSignedInQuery(_ target: String) -> Bool {
        guard target.utf8.contains(UInt8(ascii: "?")) else { return false }
        let signing = ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature"].map { Array($0.utf8) }
        return split(target).query.split(separator: UInt8(ascii: "&")).contains { parameter in
            signing.contains(decoded(parameter.prefix { $0 != UInt8(ascii: "=") }))
        }
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
