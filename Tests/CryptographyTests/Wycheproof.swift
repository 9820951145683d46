// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport

/// A file of C2SP/wycheproof, as much of it as is used here.
struct Wycheproof: Decodable {
    struct Group: Decodable {
        let publicKeyDer: String?
        let privateKeyPkcs8: String?
        let keySize: Int?
        let ivSize: Int?
        let tagSize: Int?
        let sha: String?
        let sLen: Int?
        let mgfSha: String?
        let tests: [Vector]
    }

    struct Vector: Decodable, CustomStringConvertible {
        let tcId: Int
        let comment: String
        let result: String
        let flags: [String]
        let msg: String?
        let sig: String?
        let key: String?
        let iv: String?
        let aad: String?
        let ct: String?
        let tag: String?
        let label: String?
        let ikm: String?
        let salt: String?
        let info: String?
        let size: Int?
        let okm: String?

        var isValid: Bool { result == "valid" }
        var description: String { "\(tcId) \(result) \(flags) \(comment)" }
    }

    let numberOfTests: Int
    let testGroups: [Group]

    private static let suffix = "_test.json"
    private static let folder = SharedData.root.appendingPathComponent("suites/wycheproof")

    static func has(_ name: String) -> Bool {
        FileManager.default.fileExists(atPath: folder.appendingPathComponent(name + suffix).path)
    }

    init(_ name: String) throws {
        let bytes = try SharedData.bytes("suites/wycheproof/\(name)\(Self.suffix)")
        self = try JSONDecoder().decode(Wycheproof.self, from: Data(bytes))
    }
}
