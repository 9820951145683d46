// SPDX-License-Identifier: Apache-2.0

import EnclaveImage

/// Image files that a user names.
enum ImageInput: Sendable {
    static func read(_ path: String, allowing leniency: ImageLeniency = []) throws(CommandFailure) -> EnclaveImageFile {
        do {
            return try EnclaveImageFile(path: path, allowing: leniency)
        } catch {
            throw failure(path, error)
        }
    }

    static func certificate(_ path: String) throws(CommandFailure) -> SigningCertificate {
        do {
            return try SigningCertificate(pem: String(decoding: try InputFile.read(path), as: UTF8.self))
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw .usage("\(path): no certificate in PEM: openssl x509 -in FILE shows what it is")
        }
    }

    static func failure(_ path: String, _ error: EnclaveImageError) -> CommandFailure {
        error.reason == .unreadable ? .usage("\(path): \(error.detail)") : .failed("\(path): \(error)")
    }
}

extension EnclaveMeasurements {
    /// By index.
    var values: [Int: [UInt8]] {
        var values = [0: pcr0, 1: pcr1, 2: pcr2]
        values[8] = pcr8
        return values
    }
}
