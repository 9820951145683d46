// SPDX-License-Identifier: Apache-2.0

/// Reads the few forms of BER (X.690) that an envelope may have: one-byte tags that the caller names in advance,
/// lengths in their shortest form, indefinite lengths only where the caller allows them, so that neither nesting nor
/// length comes from the input alone. Reads nothing beyond the input and copies nothing that it does not hold.
struct BERReader {
    /// Universal and context-specific tags in use.
    enum Tag {
        static let integer: UInt8 = 0x02
        static let octetString: UInt8 = 0x04
        static let null: UInt8 = 0x05
        static let objectIdentifier: UInt8 = 0x06
        static let sequence: UInt8 = 0x30
        static let set: UInt8 = 0x31
        static let context0: UInt8 = 0x80
        static let constructedContext0: UInt8 = 0xa0
        static let constructedContext1: UInt8 = 0xa1
    }

    private let bytes: [UInt8]
    private var offset = 0
    /// End of the innermost element of definite length.
    private var end: Int

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        self.end = bytes.count
    }

    var isAtEnd: Bool { offset == end }

    /// The tag that comes next, if any byte does.
    var nextTag: UInt8? { offset < end ? bytes[offset] : nil }

    /// The contents of an element of primitive form.
    mutating func primitive(_ tag: UInt8) throws(CMSError) -> [UInt8] {
        guard let length = try header(tag) else { throw CMSError() }
        let start = offset
        offset += length
        return [UInt8](bytes[start..<offset])
    }

    /// A primitive element with exactly these contents.
    mutating func expect(_ tag: UInt8, _ contents: [UInt8]) throws(CMSError) {
        guard try primitive(tag) == contents else { throw CMSError() }
    }

    /// An element of constructed form: `body` must read all of its contents.
    mutating func constructed(
        _ tag: UInt8,
        allowingIndefiniteLength: Bool = false,
        _ body: (inout BERReader) throws(CMSError) -> Void
    ) throws(CMSError) {
        guard let length = try header(tag) else {
            guard allowingIndefiniteLength else { throw CMSError() }
            try body(&self)
            return try endOfContents()
        }
        let outerEnd = end
        end = offset + length
        try body(&self)
        guard isAtEnd else { throw CMSError() }
        end = outerEnd
    }

    /// The two zero bytes that close an element of indefinite length (X.690 section 8.1.5).
    private mutating func endOfContents() throws(CMSError) {
        guard try byte() == 0, try byte() == 0 else { throw CMSError() }
    }

    /// Reads the tag, which must be `tag`, and the length: nil when indefinite, else at most what is left.
    private mutating func header(_ tag: UInt8) throws(CMSError) -> Int? {
        guard try byte() == tag else { throw CMSError() }
        let first = try byte()
        let length: Int
        switch first {
        case 0x00...0x7f:
            length = Int(first)
        case 0x80:
            return nil
        case 0x81:
            length = Int(try byte())
            guard length >= 0x80 else { throw CMSError() }
        case 0x82:
            length = Int(try byte()) << 8 | Int(try byte())
            guard length >= 0x100 else { throw CMSError() }
        default:
            // Three bytes of length and more: longer than any envelope.
            throw CMSError()
        }
        guard length <= end - offset else { throw CMSError() }
        return length
    }

    private mutating func byte() throws(CMSError) -> UInt8 {
        guard offset < end else { throw CMSError() }
        defer { offset += 1 }
        return bytes[offset]
    }
}
