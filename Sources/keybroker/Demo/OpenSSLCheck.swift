// SPDX-License-Identifier: Apache-2.0

import Foundation
import KMSProtocol

/// Checks a signature with the `openssl` command: a judge that shares no code with the broker.
struct OpenSSLCheck: Sendable {
    let folder: String

    /// True if and only if openssl says that `signature` over `digest` (32 bytes) was made by the key of `pem`.
    func accepts(signature: [UInt8], digest: [UInt8], pem: String, algorithm: SigningAlgorithm) throws -> Bool {
        let key = folder + "/public.pem"
        let signed = folder + "/signed.bin"
        let signatureFile = folder + "/signature.bin"
        try InputFile.write(Array(pem.utf8), to: key)
        try InputFile.write(digest, to: signed)
        try InputFile.write(signature, to: signatureFile)
        var arguments = [
            "openssl", "pkeyutl", "-verify", "-pubin", "-inkey", key, "-in", signed, "-sigfile", signatureFile,
        ]
        switch algorithm {
        case .ed25519SHA512: arguments += ["-rawin"]
        case .rsaPSSSHA256: arguments += ["-pkeyopt", "rsa_padding_mode:pss", "-pkeyopt", "digest:sha256"]
        default: arguments += ["-pkeyopt", "digest:sha256"]
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = arguments
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return process.terminationStatus == 0
    }
}
