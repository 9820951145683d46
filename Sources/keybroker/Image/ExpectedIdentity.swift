// SPDX-License-Identifier: Apache-2.0

import Cryptography
import EnclaveImage
import SoftwareModule

/// PCR values computed from what they measure.
enum ExpectedIdentity: Sendable {
    /// PCR16 after the enclave extended it with SHA-384 of its configuration's exact bytes.
    static func pcr16(configuration: [UInt8]) -> [UInt8] {
        Hash.digest(.sha384, [UInt8](repeating: 0, count: 48), Hash.digest(.sha384, configuration))
    }

    /// PCR0 to PCR2 of an image file (and PCR8 of a signed one), or of an executable under the software module; PCR16 of a
    /// configuration.
    static func pcrs(image: String? = nil, binary: String?, configuration: String?) throws(CommandFailure)
        -> [Int: [UInt8]]
    {
        var result: [Int: [UInt8]] = [:]
        if let image {
            guard binary == nil else { throw .usage("an image file and --binary are two enclaves: name one of them") }
            result = try ImageInput.read(image).measurements.values
        }
        if let binary {
            do {
                let measured = try SoftwareMeasurements.predicted(forExecutable: binary)
                result[0] = measured.pcr0
                result[1] = measured.pcr1
                result[2] = measured.pcr2
            } catch {
                throw .usage("\(binary): \(error.detail)")
            }
        }
        if let configuration {
            result[16] = pcr16(configuration: try InputFile.read(configuration))
        }
        return result
    }
}
