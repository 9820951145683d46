// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import TestSupport

/// What Reader/read_eif.py finds in an image: Python's struct, zlib, hashlib and cryptography, and no code of this package.
struct IndependentReader: Sendable, Decodable {
    struct Signature: Sendable, Decodable {
        /// The protected header.
        let algorithm: [Int: Int]
        let unprotected: [Int: Int]
        let index: Int
        let isPCR0: Bool
        /// Of the payload, in their order.
        let members: [String]
        let length: Int
        let verified: Bool
    }

    let version: Int
    let flags: Int
    let defaultMemory: UInt64
    let defaultCPUs: UInt64
    let kinds: [Int]
    let isChecksumRight: Bool
    let signature: Signature?
    private let pcrHex: [Int: String]
    private let sectionHex: [String]

    private enum CodingKeys: String, CodingKey {
        case version, flags, defaultMemory, defaultCPUs, kinds, isChecksumRight, signature
        case pcrHex = "pcrs"
        case sectionHex = "sections"
    }

    var pcrs: [Int: [UInt8]] { pcrHex.compactMapValues { try? Hex.decode($0) } }
    var sections: [[UInt8]] { sectionHex.map { (try? Hex.decode($0)) ?? [] } }

    static func read(_ image: [UInt8]) async throws -> IndependentReader {
        let folder = try TemporaryDirectory()
        let file = try folder.write(image, as: "image.eif").path
        let script = SharedData.repository.appendingPathComponent("Tests/EnclaveImageTests/Reader/read_eif.py").path
        let result = try await Tool.succeed("python3", [script, file, "--data"])
        return try JSONDecoder().decode(IndependentReader.self, from: Data(result.output))
    }
}
