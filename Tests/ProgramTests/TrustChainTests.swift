// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Encoding
import Foundation
import KMSProtocol
import TestSupport
import Testing

/// `keybroker trust --views`: whether a later version continues the one last seen.
@Suite(.serialized)
struct TrustChainTests {
    /// A broker whose users have seen version 1, and which is at version 3 now; its public views as `keyring show` prints
    /// them to whoever may decrypt with the KMS key.
    private static func brokerAtVersion3() async throws -> RunningBroker {
        let broker = try await RunningBroker(tls: true)
        let client = try broker.client()
        for name in ["alias/second", "alias/third"] {
            let target = try await client.call("TrentService.DescribeKey", ["KeyId": "alias/audit-p256"])
            let id = try #require(target["KeyMetadata"]?.object?["KeyId"])
            _ = try await client.change("TrentService.CreateAlias", ["AliasName": .string(name), "TargetKeyId": id])
        }
        try await broker.unbindPolicy()
        for version in 1...3 {
            let view = try await RunningBroker.succeed(
                [
                    "keybroker", "keyring", "show", broker.folder.file("state/keyring-\(version).cose"),
                    "--configuration", broker.folder.file("enclave.json"), "--kms-endpoint", broker.kmsURL, "--json",
                ],
                environment: RunningBroker.administrator
            )
            try broker.folder.write("view-\(version).json", view)
        }
        return broker
    }

    @Test func `a gap is trusted as unchecked without views, and as chained with all of them alone`() async throws {
        let broker = try await Self.brokerAtVersion3()
        let state = broker.folder.file("trust/test.json")
        let seen = try String(contentsOfFile: state, encoding: .utf8)
        #expect(seen.contains("\"version\": 1,"))

        /// Of an enclave after version 1 was seen, or what `memory` says: `continuity`, or the reason of a refusal.
        func judge(_ views: [String], memory: String? = nil) async throws -> String? {
            try broker.folder.write(Array((memory ?? seen).utf8), as: "trust/test.json")
            let paths = views.map { broker.folder.file($0) }
            let result = try await broker.trust(["--json"] + (paths.isEmpty ? [] : ["--views"] + paths))
            let answer = try #require(try JSON.parse(result.output).object, "\(result.errors)")
            let isTrusted = answer["trusted"] == true
            #expect(result.status == (isTrusted ? 0 : 1))
            let remembered = try String(contentsOfFile: state, encoding: .utf8)
            #expect(remembered.contains("\"version\": 3,") == isTrusted)
            #expect((remembered == memory ?? seen) == !isTrusted)
            return (answer[isTrusted ? "continuity" : "reason"])?.string
        }

        #expect(try await judge([]) == "unchecked")
        #expect(try await judge(["view-2.json", "view-3.json"]) == "chained")
        // In any order, and with what is not needed.
        #expect(try await judge(["view-3.json", "view-1.json", "view-2.json"]) == "chained")
        // One is missing: between, or the last.
        #expect(try await judge(["view-3.json"]) == "keyring-chain")
        #expect(try await judge(["view-2.json"]) == "keyring-chain")
        // What was seen has another history than the views begin with.
        let digest = try #require(seen.firstMatch(of: /[0-9a-f]{96}/)).output
        let other = seen.replacing(digest, with: String(repeating: "0", count: 96))
        #expect(try await judge(["view-2.json", "view-3.json"], memory: other) == "keyring-chain")
        // A view with one byte changed is another version's, whatever it says of itself.
        for (version, rest) in [(2, "view-3.json"), (3, "view-2.json")] {
            try Self.forge(broker, version)
            #expect(try await judge(["forged.json", rest]) == "keyring-chain")
        }

        // What is no view of an opened keyring is the user's mistake.
        let claims = try await RunningBroker.succeed([
            "keybroker", "keyring", "show", broker.folder.file("state/keyring-2.cose"), "--json",
        ])
        try broker.folder.write("claims.json", claims)
        let result = try await broker.trust(["--views", broker.folder.file("claims.json")])
        #expect(result.status == 2, "\(result.errors)")
    }

    /// `forged.json`: the view of this version with a byte of an alias changed.
    private static func forge(_ broker: RunningBroker, _ version: Int) throws {
        var view = try #require(try JSON.parse(try broker.folder.bytes("view-\(version).json")).object)
        var bytes = try Base64.decode(try #require(view["publicView"]?.string))
        let name = Array("alias/second".utf8)
        let start = try #require(
            bytes.indices.dropLast(name.count).first { Array(bytes[$0..<$0 + name.count]) == name }
        )
        bytes[start + name.count - 1] = UInt8(ascii: "x")
        view["publicView"] = .string(Base64.encode(bytes))
        try broker.folder.write(JSON.object(view).serialized(), as: "forged.json")
    }
}
