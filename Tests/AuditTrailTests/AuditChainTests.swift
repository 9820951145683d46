// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import Cryptography
import Encoding
import TestSupport
import Testing

private typealias File = (name: String, bytes: [UInt8])

private func file(_ name: String, _ text: String) -> File { (name, Array(text.utf8)) }

private func load(_ files: File...) throws -> AuditChain { try AuditChain.load(files: files) }

@Suite struct PlainEventTests {
    @Test(arguments: [
        "{\"n\":1}\n{\"n\":2}\n", "{\"n\":1}\r\n\r\n  {\"n\":2}", "[{\"n\":1},{\"n\":2}]",
        " [ {\"n\":1},\n {\"n\":2} ]\n",
    ])
    func `reads one event a line, or an array of them`(text: String) throws {
        let chain = try load(file("events", text))
        #expect(chain.layout == .plain)
        #expect(chain.events.map(\.payload) == [["n": 1], ["n": 2]])
        #expect(chain.events.map(\.source) == ["events[0]", "events[1]"])
    }

    @Test func `reads one event, on several lines`() throws {
        #expect(try load(file("e", "{\n \"n\":\n 1}\n")).events.map(\.payload) == [["n": 1]])
    }

    @Test func `keeps the order of files`() throws {
        let chain = try load(file("b", "{\"n\":1}"), file("a", "{\"n\":2}"))
        #expect(chain.events.map(\.source) == ["b", "a"])
    }

    // Expected: Python's hashlib over the payload's bytes and the digest before.
    @Test func `hashes each payload with the digest before it`() throws {
        let chain = try load(file("events", "{\"n\":1}\n{\"n\":2}\n{ \"n\" : 1 }"))
        let digests = try chain.digests(.rfc8785)
        #expect(digests.map(Hex.encode) == expectedDigests)
        #expect(try chain.verifiedDigests(.rfc8785) == digests)
    }

    private let expectedDigests = [
        "2bfd14f43d17fc7cea24e0917a8879b4b2f880b8baeec1b9d90fbaad655e71bd",
        "09631ca0941f95a65cad1fdc45e7ded12f5545ecfca5f154306b72176aae4bca",
        "90201f215c9a6ad6cc1b25a1dd15d9628d2ac96e2307859426787d7c170b2e42",
    ]

    @Test func `hashes in the form that the caller names`() throws {
        let chain = try load(file("e", "{\"n\":1.0}"))
        #expect(try chain.digests(.rfc8785) == [Hash.digest(.sha256, Array("{\"n\":1}".utf8))])
        #expect(try chain.digests(.goKernel) == [Hash.digest(.sha256, Array("{\"n\":1.0}".utf8))])
    }

    @Test func `says which event has no canonical form`() throws {
        let chain = try load(file("e", "{}\n{\"n\":9007199254740992}"))
        #expect(throws: AuditTrailError.notCanonical(source: "e[1]", .unsafeInteger)) { try chain.digests(.rfc8785) }
    }

    @Test(arguments: ["", "{\"a\":1", "{\"a\":1}\n{\"a\":", "{\"a\":1} {\"a\":2}", "{\"a\":1,\"a\":2}", "[{}]\n[{}"])
    func `refuses what is not JSON`(text: String) {
        #expect { try load(file("e", text)) } throws: { error in
            if case AuditTrailError.malformed = error { true } else { false }
        }
    }

    @Test(arguments: [("1", "e"), ("[{},2]", "e[1]"), ("{}\n[]", "e[1]"), ("\"x\"", "e")])
    func `refuses events that are not objects`(text: String, source: String) {
        #expect(throws: AuditTrailError.notAnObject(source: source)) { try load(file("e", text)) }
    }

    @Test func `refuses nothing at all`() {
        #expect(throws: AuditTrailError.noEvents) { try load() }
        #expect(throws: AuditTrailError.noEvents) { try load(file("e", "[]")) }
    }
}

@Suite struct GoArchiveTests {
    private static let first = "c0cc66a9-dcb0-40c8-b927-d58508989d02"
    private static let second = "656a2be7-a67e-473f-9d3e-2bd6650c398e"

    private static func archived(_ id: String) throws -> File {
        let name = "audit_\(id).json"
        return (name, try SharedData.bytes("systems/illuvrse/archive_go_filestore/\(name)"))
    }

    @Suite(.enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)))
    struct RealOnes {
        @Test(arguments: [true, false])
        func `puts the archived events in order and finds their own hashes`(isReversed: Bool) throws {
            let files = [try archived(first), try archived(second)]
            let chain = try AuditChain.load(files: isReversed ? files.reversed() : files)
            #expect(chain.layout == .goKernelArchive)
            #expect(chain.events.map(\.id) == [first, second])
            #expect(chain.events.map(\.type) == ["manifest.update", "manifest.update"])
            let digests = try chain.verifiedDigests(.goKernel)
            let head = try SharedData.bytes("systems/illuvrse/archive_go_filestore/head.hash")
            #expect(digests.last.map(Hex.encode) == String(decoding: head, as: UTF8.self))
            #expect(digests == chain.events.map(\.recordedHash))
        }

        @Test func `finds a changed payload`() throws {
            var changed = try archived(second)
            let text = String(decoding: changed.bytes, as: UTF8.self)
            changed.bytes = Array(text.replacing("\"budget\": 1000", with: "\"budget\": 1001").utf8)
            let chain = try load(try archived(first), changed)
            #expect(throws: AuditTrailError.hashMismatch(source: changed.name)) { try chain.verifiedDigests(.goKernel) }
        }

        @Test func `finds the first event gone`() throws {
            #expect(throws: AuditTrailError.noFirstEvent) { try load(try archived(second)) }
        }
    }

    // MARK: Records made here

    private func record(
        hash: String,
        previous: String? = nil,
        payload: String = "{}",
        changing: (inout JSONObject) -> Void = { _ in }
    ) throws -> File {
        var object = JSONObject([
            ("id", "i"), ("eventType", "t"), ("payload", try JSON.parse(Array(payload.utf8))),
            ("hash", .string(digest(hash))),
            ("signature", "AA=="), ("signerId", "s"), ("ts", "2025-11-04T02:23:27.6Z"),
        ])
        if let previous { object["prevHash"] = .string(digest(previous)) }
        changing(&object)
        return (hash, JSON.object(object).serialized())
    }

    /// 64 digits of one.
    private func digest(_ digit: String) -> String { String(repeating: digit, count: 64) }

    @Test func `orders a longer chain, however the files come`() throws {
        let files = [
            try record(hash: "3", previous: "2"), try record(hash: "1"), try record(hash: "4", previous: "3"),
            try record(hash: "2", previous: "1"),
        ]
        #expect(try AuditChain.load(files: files).events.map(\.source) == ["1", "2", "3", "4"])
    }

    @Test(arguments: [JSON.null, ""])
    func `takes an empty and a null predecessor for the beginning`(value: JSON) throws {
        let chain = try load(try record(hash: "1") { $0["prevHash"] = value })
        #expect(chain.events.first?.recordedPreviousHash == nil)
    }

    @Test func `finds forks, gaps, circles and second beginnings`() throws {
        let first = try record(hash: "1")
        let second = try record(hash: "2", previous: "1")
        #expect(throws: AuditTrailError.fork(source: "3")) {
            try load(first, second, try record(hash: "3", previous: "1"))
        }
        #expect(throws: AuditTrailError.missingPredecessor(source: "4")) {
            try load(first, try record(hash: "4", previous: "3"), second)
        }
        #expect(throws: AuditTrailError.missingPredecessor(source: "5")) {
            try load(first, try record(hash: "5", previous: "6"), try record(hash: "6", previous: "5"))
        }
        #expect(throws: AuditTrailError.missingPredecessor(source: "7")) {
            try load(first, try record(hash: "7", previous: "7"))
        }
        #expect(throws: AuditTrailError.severalFirstEvents(source: "2")) { try load(first, try record(hash: "2")) }
        #expect(throws: AuditTrailError.duplicateHash(source: "1")) {
            try load(first, try record(hash: "1", previous: "2"))
        }
        #expect(throws: AuditTrailError.noFirstEvent) { try load(try record(hash: "1", previous: "0")) }
    }

    @Test func `refuses records together with plain events`() throws {
        #expect(throws: AuditTrailError.mixedLayouts(source: "e")) { try load(try record(hash: "1"), file("e", "{}")) }
        #expect(throws: AuditTrailError.mixedLayouts(source: "1")) { try load(file("e", "{}"), try record(hash: "1")) }
    }

    @Test(arguments: [
        ("hash", "00" as JSON), ("hash", 1), ("hash", "gg"), ("prevHash", "00"), ("prevHash", 1), ("signature", "="),
        ("signature", nil), ("id", 1), ("eventType", nil), ("signerId", 1), ("ts", 1), ("unknown", 1),
    ])
    func `refuses a record with a wrong or unknown field, by name`(field: String, value: JSON) throws {
        let bad = try record(hash: "1") { $0[field] = value }
        #expect { try load(bad) } throws: { error in
            if case AuditTrailError.invalidRecord("1", let error) = error { error.path == field } else { false }
        }
    }

    @Test func `describes what is wrong on one line, without contents`() throws {
        #expect(
            AuditTrailError.hashMismatch(source: "a.json").description
                == "a.json: its hash is not the one of its payload and predecessor"
        )
        let bad = try record(hash: "1") { $0["hash"] = "00" }
        #expect { try load(bad) } throws: { "\($0)" == "1: hash: must be a SHA-256 digest in hex" }
    }
}
