// SPDX-License-Identifier: Apache-2.0

/// Writes an envelope in exactly the bytes of AWS KMS: outer elements of indefinite length, the recipient in DER with
/// explicit NULL parameters, the ciphertext as one chunk.
enum EnvelopeWriter {
    static func encode(
        subjectKeyIdentifier: [UInt8],
        encryptedKey: [UInt8],
        initializationVector: [UInt8],
        ciphertext: [UInt8]
    ) -> [UInt8] {
        let sha256 = element(
            BERReader.Tag.sequence,
            element(BERReader.Tag.objectIdentifier, CMSObjectIdentifier.sha256) + element(BERReader.Tag.null, [])
        )
        let maskGeneration = element(
            BERReader.Tag.sequence,
            element(BERReader.Tag.objectIdentifier, CMSObjectIdentifier.mgf1) + sha256
        )
        let oaepParameters = element(
            BERReader.Tag.sequence,
            element(BERReader.Tag.constructedContext0, sha256)
                + element(BERReader.Tag.constructedContext1, maskGeneration)
        )
        let recipient = element(
            BERReader.Tag.sequence,
            element(BERReader.Tag.integer, [2])
                + element(BERReader.Tag.context0, subjectKeyIdentifier)
                + element(
                    BERReader.Tag.sequence,
                    element(BERReader.Tag.objectIdentifier, CMSObjectIdentifier.rsaesOAEP) + oaepParameters
                )
                + element(BERReader.Tag.octetString, encryptedKey)
        )
        let cipher = element(
            BERReader.Tag.sequence,
            element(BERReader.Tag.objectIdentifier, CMSObjectIdentifier.aes256CBC)
                + element(BERReader.Tag.octetString, initializationVector)
        )
        let content = indefinite(
            BERReader.Tag.sequence,
            element(BERReader.Tag.objectIdentifier, CMSObjectIdentifier.data) + cipher
                + indefinite(BERReader.Tag.constructedContext0, element(BERReader.Tag.octetString, ciphertext))
        )
        let envelopedData = indefinite(
            BERReader.Tag.sequence,
            element(BERReader.Tag.integer, [2]) + element(BERReader.Tag.set, recipient) + content
        )
        return indefinite(
            BERReader.Tag.sequence,
            element(BERReader.Tag.objectIdentifier, CMSObjectIdentifier.envelopedData)
                + indefinite(BERReader.Tag.constructedContext0, envelopedData)
        )
    }

    /// DER: the shortest definite length. Contents here are far below 64 KiB.
    private static func element(_ tag: UInt8, _ contents: [UInt8]) -> [UInt8] {
        let count = contents.count
        let length: [UInt8] =
            switch count {
            case ..<0x80: [UInt8(truncatingIfNeeded: count)]
            case ..<0x100: [0x81, UInt8(truncatingIfNeeded: count)]
            default: [0x82, UInt8(truncatingIfNeeded: count >> 8), UInt8(truncatingIfNeeded: count)]
            }
        return [tag] + length + contents
    }

    private static func indefinite(_ tag: UInt8, _ contents: [UInt8]) -> [UInt8] {
        [tag, 0x80] + contents + [0, 0]
    }
}
