// SPDX-License-Identifier: Apache-2.0

import Cryptography

/// Reads what ``PayloadWriter`` wrote, out of locked memory: the view as an array, each secret into locked memory of its
/// own. Heads must be of the expected type, definite and in shortest form; nothing may follow.
enum PayloadReader {
    static func read(_ payload: borrowing SecretBytes) throws(KeyringError) -> (view: [UInt8], secrets: [SharedSecret])
    {
        try payload.withBytes { (bytes) throws(KeyringError) in
            var offset = 0
            guard try head(of: .array, in: bytes, at: &offset) == 2 else { throw .malformedContents("not a pair") }
            let view = try range(of: .byteString, in: bytes, at: &offset)
            let count = try head(of: .array, in: bytes, at: &offset)
            guard count <= KeyringLimits.keys + KeyringLimits.principals + 1 else { throw .limitExceeded("keys") }
            var secrets: [SharedSecret] = []
            for _ in 0..<count {
                let range = try range(of: .byteString, in: bytes, at: &offset)
                guard range.count <= KeyringLimits.secretLength else { throw .limitExceeded("secretLength") }
                do throws(CryptographyError) {
                    secrets.append(SharedSecret(try SecretBytes(copying: bytes.extracting(range))))
                } catch {
                    throw .cryptography(error)
                }
            }
            guard offset == bytes.byteCount else { throw .malformedContents("trailing bytes") }
            return (bytes.copied(view), secrets)
        }
    }

    /// Major types (RFC 8949 section 3.1).
    private enum MajorType: UInt8 {
        case byteString = 2
        case array = 4
    }

    private static func range(of type: MajorType, in bytes: RawSpan, at offset: inout Int) throws(KeyringError)
        -> Range<Int>
    {
        let count = try head(of: type, in: bytes, at: &offset)
        guard count <= bytes.byteCount - offset else { throw .malformedContents("a string is longer than the rest") }
        let range = offset..<offset + count
        offset += count
        return range
    }

    /// The argument of a head; at most 32 bits of it, more than any keyring has.
    private static func head(of type: MajorType, in bytes: RawSpan, at offset: inout Int) throws(KeyringError) -> Int {
        let initial = try byte(in: bytes, at: &offset)
        guard initial >> 5 == type.rawValue else { throw .malformedContents("wrong type") }
        let (width, least): (Int, Int)
        switch initial & 0x1F {
        case let small where small < 24: return Int(small)
        case 24: (width, least) = (1, 24)
        case 25: (width, least) = (2, 1 << 8)
        case 26: (width, least) = (4, 1 << 16)
        default: throw .malformedContents("length")
        }
        var value = 0
        for _ in 0..<width { value = value << 8 | Int(try byte(in: bytes, at: &offset)) }
        guard value >= least else { throw .malformedContents("length is not in shortest form") }
        return value
    }

    private static func byte(in bytes: RawSpan, at offset: inout Int) throws(KeyringError) -> UInt8 {
        guard offset < bytes.byteCount else { throw .malformedContents("unexpected end") }
        defer { offset += 1 }
        return unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self)
    }
}

extension RawSpan {
    /// A copy of `range`, which lies within the span.
    func copied(_ range: Range<Int>) -> [UInt8] {
        unsafe extracting(range).withUnsafeBytes { unsafe Array($0) }
    }
}
