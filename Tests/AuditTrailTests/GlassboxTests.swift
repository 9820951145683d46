// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import Cryptography
import Encoding
import TestSupport
import Testing

private func encode(_ text: String) throws -> String {
    String(decoding: try CanonicalForm.glassbox.encode(try JSON.parse(Array(text.utf8))), as: UTF8.self)
}

/// The form of ERST's successor.
struct GlassboxTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let id: String
        let input: JSON
        let canonical: String
        let hash: String
        var testDescription: String { id }
    }

    /// The corpus that it tests itself with; empty where there is no test data.
    static let corpus: [Case] = {
        let bytes = try? SharedData.bytes("systems/erst/canonical_conformance_glassbox.json")
        return (bytes.flatMap { try? JSON.parse($0) }?.object?["cases"]?.array ?? []).compactMap { value in
            guard let entry = value.object, let id = entry["id"]?.string, let input = entry["input"],
                let canonical = entry["canonical"]?.string, let hash = entry["sha256"]?.string
            else { return nil }
            return Case(id: id, input: input, canonical: canonical, hash: hash)
        }
    }()

    @Test(.enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)))
    func `its corpus has sixteen cases`() { #expect(Self.corpus.count == 16) }

    // What has neither minus zero nor large numbers, and is in NFC, has one form under both names.
    @Test(arguments: corpus, [CanonicalForm.glassbox, .rfc8785])
    func `encodes each case of its corpus to the same bytes and hash`(entry: Case, form: CanonicalForm) throws {
        let bytes = try form.encode(entry.input)
        #expect(bytes == Array(entry.canonical.utf8))
        #expect(Hex.encode(Hash.digest(.sha256, bytes)) == entry.hash)
    }

    // Node 20: "…".normalize("NFC"). U+0958 is one of those that NFC takes apart (UAX #15, composition exclusions).
    @Test(arguments: [
        ("e\u{301}", "\u{E9}"), ("\u{E9}", "\u{E9}"), ("\u{212B}", "\u{C5}"), ("\u{1100}\u{1161}", "\u{AC00}"),
        ("q\u{307}\u{323}", "q\u{323}\u{307}"), ("\u{958}", "\u{915}\u{93C}"), ("ﬁ", "ﬁ"), ("😀", "😀"),
        // A syllable and what follows it; two marks with one between them that does not let the second pass.
        ("\u{B2C8}\u{11A9}", "\u{B2CA}"), ("m\u{307}\u{31A}\u{307}", "\u{1E41}\u{307}\u{31A}"),
        ("\u{1113}\u{1175}", "\u{1113}\u{1175}"),
    ])
    func `normalises strings and names`(text: String, expected: String) throws {
        #expect(try encode("[\"\(text)\"]").utf8.elementsEqual("[\"\(expected)\"]".utf8))
        #expect(try encode("{\"\(text)\":1}").utf8.elementsEqual("{\"\(expected)\":1}".utf8))
    }

    @Test func `orders names after it has normalised them`() throws {
        // U+212B comes after z, what becomes of it before U+00C6.
        #expect(
            try encode("{\"\u{C6}\":1,\"\u{212B}\":2}").utf8.elementsEqual("{\"\u{C5}\":2,\"\u{C6}\":1}".utf8)
        )
    }

    // Their code keeps the last of the two: whoever adds an equivalent name changes what was signed.
    @Test func `refuses names that become one`() {
        #expect(throws: CanonicalFormError.equivalentNames) { try encode("{\"e\u{301}\":1,\"\u{E9}\":2}") }
    }

    @Test(arguments: [
        ("-0", CanonicalFormError.negativeZero), ("-0.0", .negativeZero), ("-1e-400", .negativeZero),
        ("9007199254740992", .unsafeInteger), ("-9007199254740993.0", .unsafeInteger), ("1e21", .unsafeInteger),
        ("1e20", .unsafeInteger), ("1e400", .nonFiniteNumber),
    ])
    func `refuses numbers that its services refuse`(text: String, error: CanonicalFormError) {
        #expect(throws: error) { try encode("[\(text)]") }
    }

    @Test func `takes what its services take`() throws {
        #expect(try encode("[0,-7,0.5,1e-7,9007199254740991,1.0]") == "[0,-7,0.5,1e-7,9007199254740991,1]")
    }
}
