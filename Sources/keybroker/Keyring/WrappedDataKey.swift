// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding

/// A data key as KMS wrapped it, in a file of its own or in the JSON that `aws kms generate-data-key` prints.
struct WrappedDataKey: Sendable {
    let ciphertext: [UInt8]
    /// ARN of the KMS key, where the JSON says it.
    let keyARN: String?

    private init(ciphertext: [UInt8], keyARN: String?) {
        self.ciphertext = ciphertext
        self.keyARN = keyARN
    }

    /// Reads a file: the JSON as it stands, else raw bytes or their base64. A plaintext in it is not taken.
    init(reading path: String) throws(CommandFailure) {
        var bytes = try SecretInput.read(path)
        defer { wipe(&bytes) }
        guard Self.isObject(bytes) else {
            self.init(ciphertext: try InputFile.decode(bytes, named: path), keyARN: nil)
            return
        }
        do {
            // Overwritten in `bytes`; what is parsed then holds no secret.
            _ = try PlaintextMember.take(from: &bytes)
        } catch {
            throw .failed("\(path): cannot be kept in locked memory")
        }
        try self.init(answer: bytes, named: path)
    }

    /// From an answer of KMS out of which the plaintext has been taken.
    init(answer: [UInt8], named name: String) throws(CommandFailure) {
        guard let answer = (try? JSON.parse(answer))?.object else { throw .usage("\(name): is not a JSON object") }
        guard let blob = answer["CiphertextBlob"]?.string, let ciphertext = try? Base64.decode(blob) else {
            throw .usage("\(name): has no CiphertextBlob in base64")
        }
        self.init(ciphertext: ciphertext, keyARN: answer["KeyId"]?.string)
    }

    /// Whether this is JSON: no ciphertext of KMS begins with a brace, nor does base64.
    static func isObject(_ bytes: [UInt8]) -> Bool {
        bytes.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } == UInt8(ascii: "{")
    }
}
