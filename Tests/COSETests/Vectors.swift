// SPDX-License-Identifier: Apache-2.0

import CBOR
import COSE
import Cryptography
import Encoding
import Foundation
import TestSupport
import Testing

extension CBORLimits {
    static let test = CBORLimits(totalLength: 1 << 16, depth: 8, items: 1000, stringLength: 1 << 16)
}

/// A key of the vectors: a JWK whose values may be base64url (`x`) or hex (`x_hex`).
struct VectorKey {
    let json: JSON

    private func value(_ name: String) throws -> [UInt8] {
        if let hex = json.object?["\(name)_hex"]?.string { return try Hex.decode(hex) }
        let text = try #require(json.object?[name]?.string)
            .replacingOccurrences(of: "-", with: "+").replacingOccurrences(of: "_", with: "/")
        return try Base64.decode(text.padding(toLength: (text.count + 3) / 4 * 4, withPad: "=", startingAt: 0))
    }

    private static let curves: [String: EllipticCurve] = ["P-256": .p256, "P-384": .p384, "P-521": .p521]

    private var curve: EllipticCurve {
        get throws { try #require(Self.curves[json.object?["crv"]?.string ?? ""]) }
    }

    /// Whether it is of a kind that signs in COSE here: not RSA, Ed448 or X25519.
    var isReadable: Bool { isEd25519 || Self.curves[json.object?["crv"]?.string ?? ""] != nil }

    var isEd25519: Bool { json.object?["crv"] == "Ed25519" }

    func publicKey() throws -> PublicKey {
        // RFC 8410 section 4.
        if isEd25519 { return try PublicKey(spki: try Hex.decode("302a300506032b6570032100") + value("x")) }
        return try PublicKey(curve: curve, x: value("x"), y: value("y"))
    }

    func privateKey() throws -> PrivateKey {
        // RFC 8410 section 7.
        if isEd25519 {
            let der = try Hex.decode("302e020100300506032b657004220420") + value("d")
            return try PrivateKey(pkcs8: SecretBytes(copying: der))
        }
        return try PrivateKey(curve: curve, scalar: SecretBytes(copying: value("d")))
    }
}

func readVector(_ path: String) throws -> JSONObject {
    try #require(try JSON.parse(try SharedData.bytes("suites/\(path)")).object)
}

/// The JSON files below a folder of the suites, without their ending.
func vectorNames(_ folder: String) throws -> [String] {
    let root = SharedData.root.appendingPathComponent("suites/\(folder)")
    let files = try #require(FileManager.default.enumerator(atPath: root.path))
    return files.compactMap { $0 as? String }.filter { $0.hasSuffix(".json") }.sorted()
        .map { "\(folder)/\($0.dropLast(5))" }
}

extension JSONObject {
    func hex(_ path: String...) throws -> [UInt8] {
        var value: JSON? = .object(self)
        for name in path { value = value?.object?[name] }
        return try Hex.decode(try #require(value?.string))
    }
}

func error<T>(_ body: () throws(COSEError) -> T) -> COSEError? {
    do throws(COSEError) {
        _ = try body()
        return nil
    } catch {
        return error
    }
}
