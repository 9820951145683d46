// SPDX-License-Identifier: Apache-2.0

/// Textual encoding (RFC 7468) of private keys, read inside locked memory. Encrypted keys are refused; nobody is asked
/// for a passphrase.
enum PrivateKeyPEM: Sendable {
    /// RSA-4096 takes 3,272 characters; what stands around the block is a user's comment.
    private static let maximumLength = 64 << 10

    /// DER PrivateKeyInfo of the one private key in `text`. `EC PARAMETERS` before it, which `openssl ecparam -genkey`
    /// writes, and text outside of the blocks are skipped.
    static func pkcs8(_ text: borrowing SecretBytes) throws(CryptographyError) -> SecretBytes {
        guard text.count <= maximumLength else { throw CryptographyError(.malformedKey) }
        let block = try text.withSpan { (input) throws(CryptographyError) in try findKey(input) }
        let der = try decode(text, block.body)
        switch block.label {
        case "PRIVATE KEY": return der
        case "RSA PRIVATE KEY": return try wrap(der, kind: .rsa)
        default: return try wrap(der, kind: .ec(try curve(ofECPrivateKey: der)))
        }
    }

    private struct Block {
        let label: String
        let body: Range<Int>
    }

    private static func findKey(_ input: Span<UInt8>) throws(CryptographyError) -> Block {
        var key: Block?
        var open: (label: String, start: Int)?
        var lineStart = 0
        while lineStart < input.count {
            var lineEnd = lineStart
            while lineEnd < input.count, input[lineEnd] != 0x0a { lineEnd += 1 }
            let next = min(lineEnd + 1, input.count)
            if let current = open {
                if let label = boundary("-----END ", input, lineStart..<lineEnd) {
                    guard label == current.label else { throw CryptographyError(.malformedKey) }
                    if label != "EC PARAMETERS" {
                        guard key == nil else { throw CryptographyError(.malformedKey) }
                        key = Block(label: label, body: current.start..<lineStart)
                    }
                    open = nil
                }
            } else if let label = boundary("-----BEGIN ", input, lineStart..<lineEnd) {
                guard ["PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "EC PARAMETERS"].contains(label) else {
                    throw CryptographyError(.unsupportedKey)
                }
                open = (label, next)
            }
            lineStart = next
        }
        guard let key, open == nil else { throw CryptographyError(.malformedKey) }
        return key
    }

    /// The label of a boundary line; nil for another line. Labels are no secret.
    private static func boundary(_ prefix: StaticString, _ input: Span<UInt8>, _ line: Range<Int>) -> String? {
        var end = line.upperBound
        while end > line.lowerBound, [0x0d, 0x20, 0x09].contains(input[end - 1]) { end -= 1 }
        let text = Array("\(prefix)".utf8)
        guard end - line.lowerBound >= text.count + 5, end - line.lowerBound <= 64 else { return nil }
        for (offset, byte) in text.enumerated() where input[line.lowerBound + offset] != byte { return nil }
        for offset in 1...5 where input[end - offset] != UInt8(ascii: "-") { return nil }
        return String(decoding: DER.bytes(input, (line.lowerBound + text.count)..<(end - 5)), as: UTF8.self)
    }

    /// Base64 in lines. Header lines of encrypted keys have characters outside of the alphabet.
    private static func decode(_ text: borrowing SecretBytes, _ body: Range<Int>) throws(CryptographyError)
        -> SecretBytes
    {
        try text.withSpan { (input) throws(CryptographyError) in
            let isSpace: (UInt8) -> Bool = { [0x0a, 0x0d, 0x20, 0x09].contains($0) }
            guard let der = try SecretBase64.decode(input, body, skipping: isSpace) else {
                throw CryptographyError(.malformedKey)
            }
            return der
        }
    }

    /// The curve that an `ECPrivateKey` (RFC 5915) names in its parameters.
    static func curve(ofECPrivateKey der: borrowing SecretBytes) throws(CryptographyError) -> EllipticCurve {
        try der.withSpan { (input) throws(CryptographyError) in
            let parameters: Range<Int>
            do {
                let outer = try DER.canonical(input, 0..<input.count)
                var reader = DERReader(outer.content)
                _ = try reader.next(input, tag: DER.integer)
                _ = try reader.next(input, tag: DER.octetString)
                parameters = try reader.next(input, tag: DER.contextConstructed(0)).content
            } catch {
                throw CryptographyError(.malformedKey)
            }
            return try KeyStructure.namedCurve(input, parameters)
        }
    }

    /// `PrivateKeyInfo` around an `RSAPrivateKey` or `ECPrivateKey`.
    static func wrap(_ inner: borrowing SecretBytes, kind: KeyStructure.Kind) throws(CryptographyError) -> SecretBytes {
        let identifier =
            switch kind {
            case .rsa:
                DERWriter.sequence(DERWriter.objectIdentifier(ObjectIdentifier.rsaEncryption), DERWriter.null)
            case .ec(let curve):
                DERWriter.sequence(
                    DERWriter.objectIdentifier(ObjectIdentifier.ecPublicKey),
                    DERWriter.objectIdentifier(curve.objectIdentifier)
                )
            case .ed25519:
                DERWriter.sequence(DERWriter.objectIdentifier(ObjectIdentifier.ed25519))
            }
        let start = [DER.integer, 1, 0] + identifier + DERWriter.header(DER.octetString, count: inner.count)
        return try concatenate(DERWriter.header(DER.sequence, count: start.count + inner.count) + start, inner)
    }

    /// A public prefix before a secret.
    static func concatenate(_ prefix: [UInt8], _ secret: borrowing SecretBytes) throws(CryptographyError)
        -> SecretBytes
    {
        try secret.withBytes { (bytes) throws(CryptographyError) in
            unsafe try SecretBytes(count: prefix.count + bytes.byteCount) {
                (target: UnsafeMutableRawBufferPointer) throws(CryptographyError) in
                unsafe target.copyBytes(from: prefix)
                unsafe bytes.withUnsafeBytes { source in
                    unsafe UnsafeMutableRawBufferPointer(rebasing: target[prefix.count...]).copyMemory(from: source)
                }
            }
        }
    }
}
