// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import Keyring

/// A data key that its owner has, wrapped and in clear: no KMS is asked, and so nobody checks that the two belong
/// together before the enclave does, by the commitment.
struct ExistingDataKey: Sendable {
    let dataKey: DataKey
    /// The context that it was wrapped with, verbatim.
    let context: [String: String]
    /// ARN of the KMS key, where the answer of KMS says it.
    let keyARN: String?

    /// From the JSON that `aws kms generate-data-key` prints. `json` is wiped.
    init(json: inout [UInt8], named name: String, context: [String: String]) throws(CommandFailure) {
        defer { wipe(&json) }
        let plaintext: SharedSecret
        do {
            guard let secret = try PlaintextMember.take(from: &json) else {
                throw CommandFailure.usage(
                    "\(name): has no Plaintext in base64: expected what aws kms generate-data-key prints"
                )
            }
            plaintext = SharedSecret(secret)
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw .failed("\(name): cannot be kept in locked memory")
        }
        let wrapped = try WrappedDataKey(answer: json, named: name)
        keyARN = wrapped.keyARN
        self.context = context
        dataKey = try Self.checked(plaintext, wrapped.ciphertext, name)
    }

    /// From a wrapped key and what was read for its plaintext: 32 bytes, their base64, or the JSON of KMS that has it.
    /// `plaintext` is wiped.
    ///
    /// 32 characters of base64 are the text of a shorter key: random bytes look so once in 2^64.
    init(_ wrapped: WrappedDataKey, plaintext: inout [UInt8], context: [String: String]) throws(CommandFailure) {
        defer { wipe(&plaintext) }
        let secret: SharedSecret
        do {
            if plaintext.count == TrustedSessionKey.length, !plaintext.allSatisfy(SecretBase64.isInAlphabet) {
                secret = SharedSecret(try SecretBytes(copying: plaintext))
            } else if let decoded = try Self.decoded(&plaintext) {
                secret = SharedSecret(decoded)
            } else {
                throw CommandFailure.usage(
                    "standard input: expected the plaintext of the data key: 32 bytes, their base64, or JSON with Plaintext"
                )
            }
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw .failed("standard input: cannot be kept in locked memory")
        }
        keyARN = wrapped.keyARN
        self.context = context
        dataKey = try Self.checked(secret, wrapped.ciphertext, "standard input")
    }

    private static func decoded(_ text: inout [UInt8]) throws(CryptographyError) -> SecretBytes? {
        if WrappedDataKey.isObject(text) { return try PlaintextMember.take(from: &text) }
        return try SecretBase64.take(withoutSpace(text), of: &text)
    }

    private static func checked(_ plaintext: SharedSecret, _ ciphertext: [UInt8], _ name: String)
        throws(CommandFailure) -> DataKey
    {
        guard plaintext.bytes.count == TrustedSessionKey.length else {
            throw .usage(
                "\(name): the plaintext has \(plaintext.bytes.count) bytes, and a TSK has \(TrustedSessionKey.length) (--key-spec AES_256)"
            )
        }
        return DataKey(plaintext: plaintext, ciphertext: ciphertext)
    }

    /// Where the text stands in white space, such as the end of the line.
    private static func withoutSpace(_ bytes: [UInt8]) -> Range<Int> {
        let isText: (UInt8) -> Bool = { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
        guard let first = bytes.firstIndex(where: isText), let last = bytes.lastIndex(where: isText) else {
            return 0..<0
        }
        return first..<(last + 1)
    }
}
