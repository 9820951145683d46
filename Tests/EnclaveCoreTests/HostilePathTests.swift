// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import KMSProtocol
import KeyService
import Keyring
import NIOCore
import NIOHTTP1
import TestSupport
import Testing
import Transport

/// The host between a client and the enclave, over plain HTTP: it sees every byte in both directions, and sends what it
/// likes. It gets no signature that the principal did not ask for.
@Suite(.serialized) struct HostilePathTests {
    private static let shared = Task { () -> Rig in
        let rig = try await Rig()
        try await rig.waitForState("unlocked")
        return rig
    }

    private static func request(_ rig: Rig, message: [UInt8], key: String = "alias/ed") throws -> [UInt8] {
        let input: JSON = [
            "KeyId": .string(key), "Message": .blob(message), "SigningAlgorithm": "ED25519_SHA_512",
        ]
        return Rig.bytes(try rig.signed("TrentService.Sign", input.serialized(), Rig.Signing(principal: 1)))
    }

    /// What the host reads out of the enclave's answers.
    private static func signatures(in answer: [UInt8]) -> [String] {
        let text = String(decoding: answer, as: UTF8.self)
        return text.matches(of: #/"Signature":"([A-Za-z0-9+\/=]+)"/#).map { String($0.1) }
    }

    // MARK: At random

    /// What the host does with the bytes of some requests on their way in.
    enum Attack: CaseIterable {
        case flip, delete, insert, duplicate, reorder, splice, inject, truncate, renumber, retarget, reframe, rewrite

        func apply(_ requests: [[UInt8]], _ random: inout SplitMix64) -> [UInt8] {
            var bytes = requests.flatMap(\.self)
            let other = requests[requests.count - 1]
            let at = Int.random(in: 0..<bytes.count, using: &random)
            switch self {
            case .flip:
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    let index = Int.random(in: 0..<bytes.count, using: &random)
                    bytes[index] ^= 1 << UInt8.random(in: 0...7, using: &random)
                }
            case .delete: bytes.removeSubrange(at..<min(bytes.count, at + Int.random(in: 1...40, using: &random)))
            case .insert:
                let noise = (0..<Int.random(in: 1...20, using: &random)).map { _ in
                    UInt8.random(in: 0...255, using: &random)
                }
                bytes.insert(contentsOf: noise, at: at)
            case .duplicate:
                let end = min(bytes.count, at + Int.random(in: 1...600, using: &random))
                bytes.insert(contentsOf: bytes[at..<end], at: end)
            case .reorder: bytes = requests.shuffled(using: &random).flatMap(\.self) + other
            case .splice:
                // The head of one, the body of another; then one's first part and another's rest.
                let (first, second) = (Self.parts(requests[0]), Self.parts(other))
                bytes = first.head + second.body + requests[0].prefix(at) + other.dropFirst(at)
            case .inject:
                let message = Base64.encode((0..<32).map { _ in UInt8.random(in: 0...255, using: &random) })
                let body = #"{"KeyId":"alias/ed","Message":"\#(message)","SigningAlgorithm":"ED25519_SHA_512"}"#
                let head = String(decoding: Self.parts(requests[0]).head, as: UTF8.self)
                    .replacing(#/Content-Length: [0-9]+/#, with: "Content-Length: \(body.utf8.count)")
                bytes = requests[0] + Array((head + body).utf8) + other
            case .truncate: bytes.removeSubrange(at...)
            case .renumber:
                let text = String(decoding: bytes, as: UTF8.self)
                let length = Int.random(in: 0...2000, using: &random)
                bytes = Array(text.replacing(#/Content-Length: [0-9]+/#, with: "Content-Length: \(length)").utf8)
            case .retarget:
                let target = ["KeyBroker.SignBatch", "TrentService.GenerateMac", "TrentService.Sign "].randomElement(
                    using: &random
                )
                let text = String(decoding: bytes, as: UTF8.self)
                bytes = Array(text.replacing("TrentService.Sign", with: target ?? "").utf8)
            case .reframe:
                let header = [
                    "Transfer-Encoding: chunked", "Content-Length: 0", "Connection: close, X-Amz-Target",
                    "X-Amz-Target: TrentService.Sign", "Host: other.test", " folded", "X-HTTP-Method-Override: GET",
                ].randomElement(using: &random)
                let text = String(decoding: bytes, as: UTF8.self)
                bytes = Array(text.replacing("Content-Type:", with: "\(header ?? "")\r\nContent-Type:").utf8)
            case .rewrite:
                let text = String(decoding: bytes, as: UTF8.self)
                let message = Base64.encode((0..<32).map { _ in UInt8.random(in: 0...255, using: &random) })
                bytes = Array(text.replacing(#/"Message":"[^"]+"/#, with: #""Message":"\#(message)""#).utf8)
            }
            return bytes
        }

        private static func parts(_ request: [UInt8]) -> (head: [UInt8], body: [UInt8]) {
            let end = Array("\r\n\r\n".utf8)
            let start = (0..<request.count - 3).first { Array(request[$0..<$0 + 4]) == end } ?? 0
            return (Array(request[..<(start + 4)]), Array(request[(start + 4)...]))
        }
    }

    @Test func `whatever a host does to the bytes of requests, nothing is signed but what was asked for`() async throws
    {
        let rig = try await Self.shared.value
        let before = try await rig.count("Signatures")
        guard case .asymmetric(let key) = rig.workshop.contents.keys[0].material else { return }
        var random = SplitMix64(seed: 20_261_121)
        var asked: Set<String> = []
        var seen = 0
        var number = 0
        for round in 0..<360 {
            let attack = Attack.allCases[round % Attack.allCases.count]
            var requests: [[UInt8]] = []
            for _ in 0..<Int.random(in: 2...3, using: &random) {
                number += 1
                let message = Array("record number \(number)".utf8)
                requests.append(try Self.request(rig, message: message))
                asked.insert(Base64.encode(try key.sign(message: message, scheme: .ed25519)))
            }
            let connection = try RawConnection(port: rig.port)
            try? connection.send(attack.apply(requests, &random))
            connection.finishSending()
            let made = Self.signatures(in: await connection.receiveAll(milliseconds: 20_000))
            seen += made.count
            for signature in made { #expect(asked.contains(signature), "\(attack), round \(round)") }
        }
        // The enclave made none that the host did not see here, and some of what was asked for came through.
        #expect(try await rig.count("Signatures") == before + Int64(seen))
        #expect(seen > 100)
        #expect(try await rig.get("/health").status == .ok)
    }

    // MARK: One by one

    /// Ways to make two readers of one stream disagree on where a request ends. None has a meaning here.
    static let smuggling: [(name: String, status: Int, edit: @Sendable (String, String) -> String)] = [
        (
            "both lengths", 400,
            { $0.replacing("\r\nContent-Type", with: "\r\nTransfer-Encoding: chunked\r\nContent-Type") + $1 }
        ),
        ("chunks alone", 411, { $0.replacing(#/Content-Length: [0-9]+/#, with: "Transfer-Encoding: chunked") + $1 }),
        (
            "a chunk extension", 411,
            {
                $0.replacing(#/Content-Length: [0-9]+/#, with: "Transfer-Encoding: chunked")
                    + "\(String($1.utf8.count, radix: 16));a=b\r\n\($1)\r\n0\r\n\r\n"
            }
        ),
        (
            "a coding in disguise", 400,
            {
                $0.replacing("\r\nContent-Type", with: "\r\nTransfer-Encoding: \u{0B}chunked\r\nContent-Type") + $1
            }
        ),
        (
            "a coding before a space", 400,
            {
                $0.replacing("\r\nContent-Type", with: "\r\nTransfer-Encoding : chunked\r\nContent-Type") + $1
            }
        ),
        (
            "two equal lengths", 400,
            {
                $0.replacing(#/(Content-Length: [0-9]+)\r\n/#) { "\($0.1)\r\n\($0.1)\r\n" } + $1
            }
        ),
        ("two lengths", 400, { $0.replacing("\r\nContent-Type", with: "\r\nContent-Length: 0\r\nContent-Type") + $1 }),
        (
            "a list of lengths", 400,
            { $0.replacing(#/Content-Length: ([0-9]+)/#) { "Content-Length: \($0.1), \($0.1)" } + $1 }
        ),
        ("a length with a sign", 400, { $0.replacing("Content-Length: ", with: "Content-Length: +") + $1 }),
        ("a folded header", 400, { $0.replacing("\r\nContent-Type: ", with: "\r\nContent-Type:\r\n ") + $1 }),
        (
            "a folded length", 400,
            { $0.replacing("\r\nContent-Length: ", with: "\r\nX-A: b\r\n Content-Length: 0\r\nContent-Length: ") + $1 }
        ),
        ("bare line feeds", 400, { $0.replacing("\r\n", with: "\n") + $1 }),
        ("one bare line feed", 400, { $0.replacing("\r\nContent-Type", with: "\nContent-Type") + $1 }),
        ("a bare carriage return", 400, { $0.replacing("\r\nContent-Type", with: "\rContent-Type") + $1 }),
        (
            "a zero byte in a header", 400,
            { $0.replacing("\r\nContent-Type", with: "\r\nX-A: \0\r\nContent-Type") + $1 }
        ),
        (
            "two hosts", 400,
            { $0.replacing("\r\nContent-Type", with: "\r\nHost: \(Workshop.host)\r\nContent-Type") + $1 }
        ),
        (
            "a target with another host in it", 400,
            { $0.replacing("POST / ", with: "POST http://\(Workshop.host)/ ") + $1 }
        ),
    ]

    @Test(arguments: smuggling.indices)
    func `a request with two readings is refused, and so is what hides behind it`(index: Int) async throws {
        let rig = try await Self.shared.value
        let before = try await rig.count("Signatures")
        let request = String(decoding: try Self.request(rig, message: [1, 2, 3]), as: UTF8.self)
        let parts = request.split(separator: "\r\n\r\n", maxSplits: 1)
        let hidden = "POST / HTTP/1.1\r\nHost: \(Workshop.host)\r\nContent-Length: 2\r\n\r\n{}"
        let connection = try RawConnection(port: rig.port)
        let smuggling = Self.smuggling[index]
        try connection.send(smuggling.edit("\(parts[0])\r\n\r\n", String(parts[1])) + hidden)
        let text = await connection.receiveText()
        #expect(text.hasPrefix("HTTP/1.1 \(smuggling.status) "), "\(smuggling.name): \(text)")
        // One answer, and the end.
        #expect(text.matches(of: #/HTTP\/1\.1 /#).count == 1, "\(smuggling.name): \(text)")
        #expect(try await rig.count("Signatures") == before)
    }

    @Test func `a request that follows another on the connection gets nothing of its authority`() async throws {
        let rig = try await Self.shared.value
        let request = try Self.request(rig, message: [1])
        let head = String(decoding: request, as: UTF8.self).split(separator: "\r\n\r\n").first.map(String.init) ?? ""
        let body = #"{"KeyId":"alias/ed","Message":"Ag==","SigningAlgorithm":"ED25519_SHA_512"}"#
        let bare = head.replacing(#/Authorization: [^\r]*\r\n/#, with: "") + "\r\n\r\n" + body
        let copied = "\(head)\r\n\r\n\(body)"
        let connection = try RawConnection(port: rig.port)
        try connection.send(request + Array(bare.utf8) + Array(copied.utf8) + request)
        connection.finishSending()
        let text = await connection.receiveText()
        #expect(Self.signatures(in: Array(text.utf8)).count == 2)
        #expect(Set(Self.signatures(in: Array(text.utf8))).count == 1)
        #expect(text.contains("MissingAuthenticationTokenException"))
        #expect(text.contains("InvalidSignatureException"))
    }
}
