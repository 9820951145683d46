// SPDX-License-Identifier: Apache-2.0

import Encoding
import KMSProtocol
import KeyService
import Testing

/// Texts of `TagException` are those that a client of the real service recorded (LocalStack, tests/aws/services/kms).
struct TagTests {
    private static func tags(_ tags: [(String, String)]) -> JSON {
        .array(tags.map { ["TagKey": .string($0.0), "TagValue": .string($0.1)] })
    }

    private static func bench() throws -> (bench: Bench, id: JSON) {
        let key = try KeyRecord.make(.hmac256, aliases: ["alias/k"])
        return (try Bench([key]), .string(key.id))
    }

    private static func list(_ bench: Bench, _ id: JSON) throws -> [String: String] {
        var tags: [String: String] = [:]
        for tag in try bench.answer("ListResourceTags", ["KeyId": id])["Tags"]?.array ?? [] {
            tags[try #require(tag.object?["TagKey"]?.string)] = tag.object?["TagValue"]?.string
        }
        return tags
    }

    @Test func `tags are added, replaced and removed, each by its key`() throws {
        var (bench, id) = try Self.bench()
        #expect(try bench.change("TagResource", ["KeyId": id, "Tags": Self.tags([("a", "1"), ("b", "")])]) == nil)
        try bench.change("TagResource", ["KeyId": id, "Tags": Self.tags([("a", "2"), ("c", "3")])])
        #expect(try Self.list(bench, id) == ["a": "2", "b": "", "c": "3"])
        #expect(try bench.change("UntagResource", ["KeyId": id, "TagKeys": ["b", "none"]]) == nil)
        #expect(try Self.list(bench, id) == ["a": "2", "c": "3"])
    }

    @Test func `keys that differ in case or normalisation are two`() throws {
        var (bench, id) = try Self.bench()
        let keys = ["a", "A", "\u{E9}", "e\u{301}"]
        try bench.change("TagResource", ["KeyId": id, "Tags": Self.tags(keys.map { ($0, "") })])
        let answer = try bench.answer("ListResourceTags", ["KeyId": id])
        #expect(answer["Tags"]?.array?.count == 4)
        try bench.change("UntagResource", ["KeyId": id, "TagKeys": ["e\u{301}"]])
        #expect(try bench.answer("ListResourceTags", ["KeyId": id])["Tags"]?.array?.count == 3)
    }

    @Test func `a key is made with its tags`() throws {
        var bench = try Bench()
        let made = try bench.change("CreateKey", ["Tags": Self.tags([("team", "audit")])])
        let id = try #require(made?["KeyMetadata"]?.object?["KeyId"])
        #expect(try Self.list(bench, id) == ["team": "audit"])
    }

    @Test func `a list comes in pages of at most 50`() throws {
        var (bench, id) = try Self.bench()
        let tags = (10..<60).map { ("key\($0)", "") }
        try bench.change("TagResource", ["KeyId": id, "Tags": Self.tags(tags)])
        let first = try bench.answer("ListResourceTags", ["KeyId": id, "Limit": 30])
        #expect(first["Tags"]?.array?.count == 30 && first["Truncated"] == true)
        let second = try bench.answer(
            "ListResourceTags",
            ["KeyId": id, "Limit": 30, "Marker": try #require(first["NextMarker"])]
        )
        #expect(second["Tags"]?.array?.count == 20 && second["Truncated"] == false)
        #expect(bench.error("ListResourceTags", ["KeyId": id, "Marker": "!"])?.name == "InvalidMarkerException")
    }

    @Test func `tags that AWS does not take are refused in its words`() throws {
        let (bench, id) = try Self.bench()
        func error(_ tags: [(String, String)]) -> KMSError? {
            bench.error("TagResource", ["KeyId": id, "Tags": Self.tags(tags)])
        }
        #expect(error([("aws:x", "")]) == KMSError("TagException", "Tags beginning with aws: are reserved"))
        #expect(error([("AwS:x", "")])?.name == "TagException")
        #expect(error([("a", ""), ("a", "")]) == KMSError("TagException", "Duplicate tag keys"))
        #expect(error((0...50).map { ("\($0)", "") }) == KMSError("TagException", "Too many tags"))
        #expect(error((0..<50).map { ("\($0)", "") }) == nil)
        #expect(error([(String(repeating: "k", count: 128), String(repeating: "v", count: 256))]) == nil)
        let long = String(repeating: "k", count: 129)
        #expect(
            error([("a", ""), (long, "")])
                == KMSError(
                    "ValidationException",
                    "1 validation error detected: Value '\(long)' at 'tags.2.member.tagKey' failed to satisfy constraint: "
                        + "Member must have length less than or equal to 128"
                )
        )
        #expect(
            error([("a", String(repeating: "v", count: 257))])?.message?.contains("'tags.1.member.tagValue'") == true
        )
        #expect(error([("", "")])?.name == "ValidationException")
    }

    @Test func `a key has at most 50 tags, whatever adds them`() throws {
        var (bench, id) = try Self.bench()
        try bench.change("TagResource", ["KeyId": id, "Tags": Self.tags((0..<50).map { ("\($0)", "") })])
        #expect(bench.error("TagResource", ["KeyId": id, "Tags": Self.tags([("more", "")])]) == .tooManyTags)
        #expect(bench.error("TagResource", ["KeyId": id, "Tags": Self.tags([("7", "new")])]) == nil)
        #expect(bench.error("CreateKey", ["Tags": Self.tags((0...50).map { ("\($0)", "") })]) == .tooManyTags)
    }

    @Test(arguments: ["TagResource", "UntagResource", "ListResourceTags"])
    func `an alias names no key here`(operation: String) throws {
        let (bench, _) = try Self.bench()
        let error = bench.error(operation, ["KeyId": "alias/k", "Tags": [], "TagKeys": []])
        #expect(error == .invalidKeyID("alias/k"))
    }

    @Test func `a key that is pending deletion keeps its tags`() throws {
        var (bench, id) = try Self.bench()
        try bench.change("TagResource", ["KeyId": id, "Tags": Self.tags([("a", "1")])])
        try bench.change("ScheduleKeyDeletion", ["KeyId": id])
        for (operation, member) in [("TagResource", "Tags"), ("UntagResource", "TagKeys")] {
            #expect(
                bench.error(operation, .object(JSONObject([("KeyId", id), (member, [])])))?.name
                    == "KMSInvalidStateException"
            )
        }
        #expect(try Self.list(bench, id) == ["a": "1"])
    }

    @Test func `policies see the tags of the key and of the request`() throws {
        var (bench, id) = try Self.bench()
        try bench.change("TagResource", ["KeyId": id, "Tags": Self.tags([("team", "audit")])])
        let policy: JSON = [
            "Version": "2012-10-17",
            "Statement": [
                [
                    "Effect": "Allow", "Action": ["kms:GenerateMac", "kms:TagResource"], "Resource": "*",
                    "Condition": ["StringEquals": ["aws:ResourceTag/team": "audit"]],
                ],
                ["Effect": "Allow", "Action": "kms:PutKeyPolicy", "Resource": "*"],
                [
                    "Effect": "Deny", "Action": "kms:TagResource", "Resource": "*",
                    "Condition": ["ForAnyValue:StringEquals": ["aws:TagKeys": "team"]],
                ],
                [
                    "Effect": "Allow", "Action": ["kms:CreateKey", "kms:TagResource"], "Resource": "*",
                    "Condition": ["StringEquals": ["aws:RequestTag/cost": "1"]],
                ],
            ],
        ]
        bench.caller = try Bench.user(policies: [policy])
        let mac: JSON = ["KeyId": id, "Message": .text("m"), "MacAlgorithm": "HMAC_SHA_256"]
        #expect(bench.error("GenerateMac", mac) == nil)
        #expect(bench.error("TagResource", ["KeyId": id, "Tags": Self.tags([("other", "")])]) == nil)
        #expect(
            bench.error("TagResource", ["KeyId": id, "Tags": Self.tags([("team", "x")])])?.name
                == "AccessDeniedException"
        )
        #expect(bench.error("CreateKey", ["Tags": Self.tags([("cost", "1")])]) == nil)
        #expect(bench.error("CreateKey", ["Tags": Self.tags([("cost", "2")])])?.name == "AccessDeniedException")
        #expect(bench.error("CreateKey", [:])?.name == "AccessDeniedException")
    }

    @Test func `tags of a new key need permission to tag`() throws {
        var bench = try Bench()
        bench.caller = try Bench.user(
            policies: [
                [
                    "Version": "2012-10-17",
                    "Statement": [
                        "Effect": "Allow", "Action": ["kms:CreateKey", "kms:PutKeyPolicy"], "Resource": "*",
                    ],
                ]
            ]
        )
        #expect(bench.error("CreateKey", [:]) == nil)
        let refused = bench.error("CreateKey", ["Tags": Self.tags([("a", "1")])])
        #expect(refused?.name == "AccessDeniedException")
        #expect(refused?.message?.contains("kms:TagResource") == true)
    }
}
