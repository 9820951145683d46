// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation

/// A data key that exists already, instead of a new one from KMS. Its plaintext is never an argument: others on the
/// machine see those.
struct DataKeyOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Take the data key that aws kms generate-data-key printed as JSON, with Plaintext. - for standard input.",
            valueName: "FILE"
        )
    )
    var dataKey: String?

    @Option(
        help: ArgumentHelp(
            "Take the data key that is wrapped in this file: raw, base64, or the JSON of aws kms generate-data-key. Its plaintext is read from standard input: 32 bytes, their base64, or that JSON.",
            valueName: "FILE"
        )
    )
    var ciphertextBlob: String?

    @Option(
        help: ArgumentHelp(
            "The encryption context that the data key was made with: name=value,… or a JSON object. [default: none]",
            valueName: "CONTEXT"
        )
    )
    var encryptionContext: String?

    mutating func validate() throws {
        guard dataKey == nil || ciphertextBlob == nil else {
            throw ValidationError("--data-key and --ciphertext-blob are two ways to say the same: give one.")
        }
        guard ciphertextBlob != "-" else {
            throw ValidationError("--ciphertext-blob takes a file: standard input is for the plaintext.")
        }
        guard encryptionContext == nil || dataKey != nil || ciphertextBlob != nil else {
            throw ValidationError(
                "--encryption-context goes with --data-key or --ciphertext-blob; a new data key gets its context from the ids."
            )
        }
    }

    /// The data key that the user has; nil if a new one is wanted.
    func existing() throws(CommandFailure) -> ExistingDataKey? {
        let context = try encryptionContext.map { text throws(CommandFailure) in try EncryptionContextOption.parse(text)
        }
        if let dataKey {
            var json = try SecretInput.read(dataKey)
            return try ExistingDataKey(
                json: &json,
                named: dataKey == "-" ? "standard input" : dataKey,
                context: context ?? [:]
            )
        }
        if let ciphertextBlob {
            let wrapped = try WrappedDataKey(reading: ciphertextBlob)
            var plaintext = try SecretInput.read("-")
            return try ExistingDataKey(wrapped, plaintext: &plaintext, context: context ?? [:])
        }
        return nil
    }
}
