// SPDX-License-Identifier: Apache-2.0

/// The fields of an envelope that vary, read from the one structure that is accepted:
///
///     ContentInfo { envelopedData, [0] EnvelopedData {
///         version 2,
///         SET { KeyTransRecipientInfo {
///             version 2, [0] subjectKeyIdentifier (32 bytes),
///             rsaesOaep { [0] sha256, [1] mgf1 { sha256 } }, encryptedKey } },
///         EncryptedContentInfo { data, aes256-CBC { iv }, [0] ciphertext } } }
///
/// The five outer elements (ContentInfo, its [0], EnvelopedData, EncryptedContentInfo, a constructed ciphertext) may
/// have indefinite length; the recipient and the algorithms are DER, as in every message seen from KMS.
struct EnvelopeParts {
    /// SHA-256 of the recipient's SubjectPublicKeyInfo.
    static let subjectKeyIdentifierLength = 32

    var subjectKeyIdentifier: [UInt8] = []
    var encryptedKey: [UInt8] = []
    var initializationVector: [UInt8] = []
    /// One or more whole blocks.
    var ciphertext: [UInt8] = []

    init(parsing message: [UInt8]) throws(CMSError) {
        guard (1...CMSEnvelopedData.maximumLength).contains(message.count) else { throw CMSError() }
        var reader = BERReader(message)
        try readContentInfo(&reader)
        guard reader.isAtEnd else { throw CMSError() }
        guard subjectKeyIdentifier.count == Self.subjectKeyIdentifierLength,
            initializationVector.count == AESCBC.blockLength,
            !ciphertext.isEmpty, ciphertext.count.isMultiple(of: AESCBC.blockLength)
        else { throw CMSError() }
    }

    private mutating func readContentInfo(_ reader: inout BERReader) throws(CMSError) {
        var parts = self
        try reader.constructed(BERReader.Tag.sequence, allowingIndefiniteLength: true) { reader throws(CMSError) in
            try reader.expect(BERReader.Tag.objectIdentifier, CMSObjectIdentifier.envelopedData)
            try reader.constructed(
                BERReader.Tag.constructedContext0,
                allowingIndefiniteLength: true
            ) { reader throws(CMSError) in
                try reader.constructed(
                    BERReader.Tag.sequence,
                    allowingIndefiniteLength: true
                ) { reader throws(CMSError) in
                    try reader.expect(BERReader.Tag.integer, [2])
                    try reader.constructed(BERReader.Tag.set) { reader throws(CMSError) in
                        try parts.readRecipient(&reader)
                    }
                    try parts.readEncryptedContent(&reader)
                }
            }
        }
        self = parts
    }

    private mutating func readRecipient(_ reader: inout BERReader) throws(CMSError) {
        var parts = self
        try reader.constructed(BERReader.Tag.sequence) { reader throws(CMSError) in
            try reader.expect(BERReader.Tag.integer, [2])
            parts.subjectKeyIdentifier = try reader.primitive(BERReader.Tag.context0)
            try reader.constructed(BERReader.Tag.sequence) { reader throws(CMSError) in
                try reader.expect(BERReader.Tag.objectIdentifier, CMSObjectIdentifier.rsaesOAEP)
                try Self.readOAEPParameters(&reader)
            }
            parts.encryptedKey = try reader.primitive(BERReader.Tag.octetString)
        }
        self = parts
    }

    /// RSAES-OAEP-params (RFC 8017 appendix A.2.1). Absent fields would mean SHA-1; a [2] pSourceAlgorithm, even one
    /// that spells out the empty label, comes from nobody.
    private static func readOAEPParameters(_ reader: inout BERReader) throws(CMSError) {
        try reader.constructed(BERReader.Tag.sequence) { reader throws(CMSError) in
            try reader.constructed(BERReader.Tag.constructedContext0) { reader throws(CMSError) in
                try readSHA256(&reader)
            }
            try reader.constructed(BERReader.Tag.constructedContext1) { reader throws(CMSError) in
                try reader.constructed(BERReader.Tag.sequence) { reader throws(CMSError) in
                    try reader.expect(BERReader.Tag.objectIdentifier, CMSObjectIdentifier.mgf1)
                    try readSHA256(&reader)
                }
            }
        }
    }

    /// id-sha256 with NULL or without parameters: both are right (RFC 5754 section 2).
    private static func readSHA256(_ reader: inout BERReader) throws(CMSError) {
        try reader.constructed(BERReader.Tag.sequence) { reader throws(CMSError) in
            try reader.expect(BERReader.Tag.objectIdentifier, CMSObjectIdentifier.sha256)
            if reader.nextTag == BERReader.Tag.null { try reader.expect(BERReader.Tag.null, []) }
        }
    }

    private mutating func readEncryptedContent(_ reader: inout BERReader) throws(CMSError) {
        var parts = self
        try reader.constructed(BERReader.Tag.sequence, allowingIndefiniteLength: true) { reader throws(CMSError) in
            try reader.expect(BERReader.Tag.objectIdentifier, CMSObjectIdentifier.data)
            try reader.constructed(BERReader.Tag.sequence) { reader throws(CMSError) in
                try reader.expect(BERReader.Tag.objectIdentifier, CMSObjectIdentifier.aes256CBC)
                parts.initializationVector = try reader.primitive(BERReader.Tag.octetString)
            }
            guard reader.nextTag == BERReader.Tag.constructedContext0 else {
                parts.ciphertext = try reader.primitive(BERReader.Tag.context0)
                return
            }
            try reader.constructed(
                BERReader.Tag.constructedContext0,
                allowingIndefiniteLength: true
            ) { reader throws(CMSError) in
                while reader.nextTag == BERReader.Tag.octetString {
                    let chunk = try reader.primitive(BERReader.Tag.octetString)
                    guard !chunk.isEmpty else { throw CMSError() }
                    parts.ciphertext += chunk
                }
            }
        }
        self = parts
    }
}

/// Object identifiers as DER contents.
enum CMSObjectIdentifier {
    /// 1.2.840.113549.1.7.3
    static let envelopedData: [UInt8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x03]
    /// 1.2.840.113549.1.7.1
    static let data: [UInt8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x01]
    /// 1.2.840.113549.1.1.7
    static let rsaesOAEP: [UInt8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x07]
    /// 1.2.840.113549.1.1.8
    static let mgf1: [UInt8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x08]
    /// 2.16.840.1.101.3.4.2.1
    static let sha256: [UInt8] = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01]
    /// 2.16.840.1.101.3.4.1.42
    static let aes256CBC: [UInt8] = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x01, 0x2a]
}
