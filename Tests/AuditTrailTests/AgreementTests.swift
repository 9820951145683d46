// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import Cryptography
import Encoding
import Foundation
import TestSupport
import Testing

/// Node and Python, with nothing but what they bring, write the same canonical forms and digests of the same texts.
struct AgreementTests {
    private static let hasNode = Tool.isInstalled("node")

    // MARK: Texts

    /// Every value in the systems' own data and in the suite of RFC 8785; none where there is no test data.
    private static func published() throws -> [String] {
        guard SharedData.isAvailable else { return [] }
        var values: [JSON] = []
        for name in ["arrays", "french", "structures", "unicode", "values", "weird"] {
            values.append(try JSON.parse(try SharedData.bytes("suites/jcs-rfc8785/testdata/input/\(name).json")))
        }
        values += GlassboxTests.corpus.map(\.input)
        for name in ["canonical_vectors_94871ea9_inputs_only", "canonical_vectors_reasoning_graph"] {
            let file = try JSON.parse(try SharedData.bytes("systems/illuvrse/\(name).json"))
            values += (file.object?["vectors"]?.array ?? []).compactMap { $0.object?["input"] ?? $0.object?["value"] }
        }
        for path in EveryRecordTests.paths where path.hasSuffix(".json") {
            values.append(try JSON.parse(try SharedData.bytes("systems/\(path)")))
        }
        return values.map { String(decoding: $0.serialized(), as: UTF8.self) }
    }

    private static let made: [String] = {
        var maker = DocumentMaker(seed: 8785)
        return (0..<3000).map { _ in maker.document() }
    }()

    /// The texts that have a form here, each with it.
    private static func texts(_ form: CanonicalForm) throws -> [(text: String, canonical: [UInt8])] {
        try (published() + made).compactMap { text in
            let value = try JSON.parse(Array(text.utf8))
            return (try? form.encode(value)).map { (text, $0) }
        }
    }

    // MARK: Agreement

    @Test(arguments: [CanonicalForm.rfc8785, .glassbox])
    func `Python agrees`(form: CanonicalForm) async throws {
        try await expectAgreement("python3", "canonical.py", form)
    }

    @Test(
        .enabled(if: hasNode, "node is not installed"),
        arguments: [CanonicalForm.rfc8785, .ecmaScriptObjects, .glassbox]
    )
    func `Node agrees`(form: CanonicalForm) async throws {
        try await expectAgreement("node", "canonical.mjs", form)
    }

    private func expectAgreement(_ tool: String, _ script: String, _ form: CanonicalForm) async throws {
        let texts = try Self.texts(form)
        // glassbox refuses more: what is wild in a document is in a tenth of them.
        #expect(texts.count > 2400)
        let folder = SharedData.repository.appendingPathComponent("Tests/AuditTrailTests/Independent")
        let input = Array(texts.map { $0.text + "\n" }.joined().utf8)
        let said = try await Tool.succeed(
            tool,
            [folder.appendingPathComponent(script).path, form.rawValue],
            input: input
        ).output
        var expected: [UInt8] = []
        var head: [UInt8] = []
        for (_, canonical) in texts {
            head = Hash.digest(.sha256, canonical, head)
            expected += Array(Hex.encode(Hash.digest(.sha256, canonical)).utf8) + [0x20] + canonical + [0x0A]
        }
        expected += Array((Hex.encode(head) + "\n").utf8)
        guard said != expected else { return }
        let lines = zip(said.split(separator: 0x0A), expected.split(separator: 0x0A))
        let different = lines.first { $0 != $1 }.map {
            (String(decoding: $0, as: UTF8.self), String(decoding: $1, as: UTF8.self))
        }
        Issue.record("\(tool) says \(different?.0 ?? "less"), and here it is \(different?.1 ?? "more")")
    }

    // The head that Node's and Python's chains end with is the head of a chain of ours.
    @Test func `the chain of digests is that of formula A`() throws {
        var head: Digest256?
        var plain: [UInt8] = []
        for (text, canonical) in try Self.texts(.rfc8785).prefix(200) {
            var object = JSONObject([("payload", try JSON.parse(Array(text.utf8)))])
            object["prev_hash"] = head.map { .string($0.hex) }
            head = try ChainProfile.illuvrseA.digest(of: try AuditRecord(.object(object), source: "event"))
            plain = Hash.digest(.sha256, canonical, plain)
        }
        #expect(head?.bytes == plain)
    }
}

/// Documents of every kind of value, as people's programs write them: white space, escapes, numbers with zeros.
private struct DocumentMaker {
    private var random: SplitMix64

    init(seed: UInt64) { random = SplitMix64(seed: seed) }

    mutating func document() -> String {
        // Numbers that glassbox refuses are in one of ten.
        let isWild = Int.random(in: 0..<10, using: &random) == 0
        return value(depth: 4, isWild)
    }

    private mutating func value(depth: Int, _ isWild: Bool) -> String {
        switch Int.random(in: 0..<(depth == 0 ? 4 : 7), using: &random) {
        case 0: return ["null", "true", "false"].randomElement(using: &random) ?? "null"
        case 1: return number(isWild)
        case 2, 3: return string()
        case 4:
            let elements = (0..<Int.random(in: 0...4, using: &random)).map { _ in value(depth: depth - 1, isWild) }
            return "[" + elements.map { space() + $0 + space() }.joined(separator: ",") + "]"
        default:
            var names: Set<[UInt8]> = []
            var members: [String] = []
            for _ in 0..<Int.random(in: 0...6, using: &random) {
                let characters = scalars()
                guard names.insert(characters.flatMap { Array(String($0).utf8) }).inserted else { continue }
                members.append(space() + quoted(characters) + space() + ":" + space() + value(depth: depth - 1, isWild))
            }
            return "{" + members.joined(separator: ",") + space() + "}"
        }
    }

    private mutating func space() -> String { ["", "", "", " ", "\t", "\r"].randomElement(using: &random) ?? "" }

    private mutating func number(_ isWild: Bool) -> String {
        let bits = random.next()
        switch bits % 7 {
        case 0: return "\(Int64(bitPattern: bits) >> 11)"
        case 1: return "\(Int64(bitPattern: bits) >> 40).\(bits % 10000)00"
        case 2: return "0.\(String(repeating: "0", count: Int(bits >> 8 % 9)))\(bits)"
        case 3: return "\(bits % 100)E\(["", "-", "+"][Int(bits >> 8 % 3)])\(bits >> 16 % 12)"
        case 4: return isWild ? ["-0", "-0.0", "0e9", "1e21", "1e-7", "123456789.0e12"][Int(bits >> 8 % 6)] : "0"
        default:
            let double = Double(bitPattern: bits)
            return isWild && double.isFinite ? "\(double)" : "\(Double(Int64(bitPattern: bits) >> 12) / 1024)"
        }
    }

    private mutating func string() -> String { quoted(scalars()) }

    private mutating func scalars() -> [Unicode.Scalar] {
        (0..<Int.random(in: 0...8, using: &random)).compactMap { _ in
            let ranges: [ClosedRange<UInt32>] = [
                0x30...0x39, 0x61...0x7A, 0x20...0x7F, 0...0x1F, 0xA0...0x17F, 0x300...0x345, 0x1100...0x11F9,
                0x1E00...0x1FFF, 0x2000...0x212B, 0xAC00...0xD7A3, 0xE000...0xFFFD, 0x1F600...0x1F64F,
                0x10000...0x10FFFF,
            ]
            return ranges.randomElement(using: &random).flatMap {
                Unicode.Scalar(UInt32.random(in: $0, using: &random))
            }
        }
    }

    private mutating func quoted(_ scalars: [Unicode.Scalar]) -> String {
        var text = "\""
        for scalar in scalars {
            let isPlain = scalar.value >= 0x20 && scalar != "\"" && scalar != "\\"
            if isPlain, Int.random(in: 0..<5, using: &random) > 0 {
                text.unicodeScalars.append(scalar)
            } else {
                for unit in String(scalar).utf16 {
                    let hex = String(unit, radix: 16)
                    text += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
                }
            }
        }
        return text + "\""
    }
}
