// SPDX-License-Identifier: Apache-2.0

import Encoding

/// The names in SignedHeaders: lower-case, strictly sorted, so that each list of names has one spelling.
struct SignedHeaderNames {
    /// What ``list`` and ``names`` are places in.
    let bytes: [UInt8]
    /// `content-type;host;x-amz-date`
    let list: Range<Int>
    let names: [Range<Int>]

    /// Parses what stands in a range of a text.
    ///
    /// - Throws: `IncompleteSignatureException`.
    init(_ bytes: [UInt8], _ list: Range<Int>) throws(SigV4Error) {
        var names: [Range<Int>] = []
        names.reserveCapacity(8)
        var isSound = true
        var start = list.lowerBound
        for position in list where !Self.isLowerTokenByte(bytes[position]) {
            if bytes[position] != UInt8(ascii: ";") { isSound = false }
            names.append(start..<position)
            start = position + 1
        }
        names.append(start..<list.upperBound)
        let span = bytes.span
        for index in names.indices {
            if names[index].isEmpty { isSound = false }
            if index > 0, !span.extracting(names[index - 1]).precedes(span.extracting(names[index])) { isSound = false }
        }
        guard isSound, names.count <= SigV4Constants.signedHeaderCount else {
            throw .incomplete("SignedHeaders must be lower-case header names, sorted, each of them once.")
        }
        self.bytes = bytes
        self.list = list
        self.names = names
    }

    /// For a signer: names in lower case, sorted, each once.
    init(sorted names: [String]) {
        var bytes: [UInt8] = []
        self.names = names.map { name in
            if !bytes.isEmpty { bytes.append(UInt8(ascii: ";")) }
            let start = bytes.count
            bytes += name.utf8
            return start..<bytes.count
        }
        list = 0..<bytes.count
        self.bytes = bytes
    }

    func contains(_ name: Span<UInt8>) -> Bool {
        for place in names where bytes.span.extracting(place).equals(name) { return true }
        return false
    }

    func contains(_ name: StaticString) -> Bool {
        for place in names where bytes.span.extracting(place).equals(name) { return true }
        return false
    }

    /// A character of a field name (RFC 9110 section 5.6.2), no upper-case letter.
    private static func isLowerTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): true
        default: "!#$%&'*+.^_`|~".utf8.contains(byte)
        }
    }
}
