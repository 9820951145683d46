// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import Testing

/// One condition, what the request carries, and what the IAM User Guide ("IAM JSON policy elements: Condition
/// operators", "Multivalued context keys") says of them.
struct ConditionCase: Sendable, CustomTestStringConvertible {
    let condition: String
    let keys: [String: [String]]
    let isMet: Bool

    init(_ condition: String, _ keys: [String: [String]], _ isMet: Bool) {
        self.condition = condition
        self.keys = keys
        self.isMet = isMet
    }

    var testDescription: String { "\(condition) on \(keys) is \(isMet)" }
}

private let key = "kms:SigningAlgorithm"

struct ConditionTests {
    static let strings: [ConditionCase] = [
        .init(#"{"StringEquals":{"kms:SigningAlgorithm":"ECDSA_SHA_256"}}"#, [key: ["ECDSA_SHA_256"]], true),
        .init(#"{"StringEquals":{"kms:SigningAlgorithm":"ECDSA_SHA_256"}}"#, [key: ["ecdsa_sha_256"]], false),
        .init(#"{"StringEquals":{"kms:SigningAlgorithm":"ECDSA_SHA_256"}}"#, [key: ["ECDSA_SHA_256 "]], false),
        .init(#"{"StringEquals":{"kms:SigningAlgorithm":"ECDSA_SHA_256"}}"#, [:], false),
        .init(#"{"StringEquals":{"kms:SigningAlgorithm":"ECDSA_SHA_256"}}"#, [key: []], false),
        .init(#"{"StringEquals":{"KMS:signingALGORITHM":"A"}}"#, [key: ["A"]], true),
        .init(#"{"StringEquals":{"kms:SigningAlgorithm":["A","B"]}}"#, [key: ["B"]], true),
        .init(#"{"StringEquals":{"kms:SigningAlgorithm":["A","B"]}}"#, [key: ["C"]], false),
        .init(#"{"StringEquals":{"kms:SigningAlgorithm":"A*"}}"#, [key: ["ABC"]], false),
        .init(#"{"StringEquals":{"kms:SigningAlgorithm":"A*"}}"#, [key: ["A*"]], true),
        .init(#"{"StringEquals":{"kms:SigningAlgorithm":"A${*}"}}"#, [key: ["A*"]], true),
        .init(#"{"StringNotEquals":{"kms:SigningAlgorithm":"A"}}"#, [key: ["B"]], true),
        .init(#"{"StringNotEquals":{"kms:SigningAlgorithm":"A"}}"#, [key: ["A"]], false),
        .init(#"{"StringNotEquals":{"kms:SigningAlgorithm":"A"}}"#, [:], true),
        .init(#"{"StringNotEquals":{"kms:SigningAlgorithm":["A","B"]}}"#, [key: ["A"]], false),
        .init(#"{"StringNotEquals":{"kms:SigningAlgorithm":["A","B"]}}"#, [key: ["B"]], false),
        .init(#"{"StringNotEquals":{"kms:SigningAlgorithm":["A","B"]}}"#, [key: ["C"]], true),
        .init(#"{"StringEqualsIgnoreCase":{"kms:SigningAlgorithm":"aBc"}}"#, [key: ["AbC"]], true),
        .init(#"{"StringEqualsIgnoreCase":{"kms:SigningAlgorithm":"aBc"}}"#, [key: ["AbCd"]], false),
        .init(#"{"StringEqualsIgnoreCase":{"kms:SigningAlgorithm":"aBc"}}"#, [:], false),
        .init(#"{"StringNotEqualsIgnoreCase":{"kms:SigningAlgorithm":"aBc"}}"#, [key: ["AbC"]], false),
        .init(#"{"StringNotEqualsIgnoreCase":{"kms:SigningAlgorithm":"aBc"}}"#, [key: ["x"]], true),
        .init(#"{"StringNotEqualsIgnoreCase":{"kms:SigningAlgorithm":"aBc"}}"#, [:], true),
        .init(#"{"StringLike":{"kms:SigningAlgorithm":"ECDSA_*"}}"#, [key: ["ECDSA_SHA_256"]], true),
        .init(#"{"StringLike":{"kms:SigningAlgorithm":"ECDSA_*"}}"#, [key: ["ecdsa_SHA_256"]], false),
        .init(#"{"StringLike":{"kms:SigningAlgorithm":"ECDSA_SHA_???"}}"#, [key: ["ECDSA_SHA_256"]], true),
        .init(#"{"StringLike":{"kms:SigningAlgorithm":"ECDSA_SHA_??"}}"#, [key: ["ECDSA_SHA_256"]], false),
        .init(#"{"StringLike":{"kms:SigningAlgorithm":"*"}}"#, [key: [""]], true),
        .init(#"{"StringLike":{"kms:SigningAlgorithm":"*"}}"#, [:], false),
        .init(#"{"StringLike":{"kms:SigningAlgorithm":"a${*}"}}"#, [key: ["ab"]], false),
        .init(#"{"StringLike":{"kms:SigningAlgorithm":"a${*}"}}"#, [key: ["a*"]], true),
        .init(#"{"StringNotLike":{"kms:SigningAlgorithm":["A*","B*"]}}"#, [key: ["Bx"]], false),
        .init(#"{"StringNotLike":{"kms:SigningAlgorithm":["A*","B*"]}}"#, [key: ["Cx"]], true),
        .init(#"{"StringNotLike":{"kms:SigningAlgorithm":"A*"}}"#, [:], true),
        .init(#"{"StringEquals":{"aws:MultiFactorAuthAge":7}}"#, ["aws:MultiFactorAuthAge": ["7"]], true),
    ]

    static let presence: [ConditionCase] = [
        .init(#"{"StringEqualsIfExists":{"kms:SigningAlgorithm":"A"}}"#, [:], true),
        .init(#"{"StringEqualsIfExists":{"kms:SigningAlgorithm":"A"}}"#, [key: ["A"]], true),
        .init(#"{"StringEqualsIfExists":{"kms:SigningAlgorithm":"A"}}"#, [key: ["B"]], false),
        .init(#"{"StringNotEqualsIfExists":{"kms:SigningAlgorithm":"A"}}"#, [:], true),
        .init(#"{"StringNotEqualsIfExists":{"kms:SigningAlgorithm":"A"}}"#, [key: ["A"]], false),
        .init(#"{"StringLikeIfExists":{"kms:SigningAlgorithm":"A*"}}"#, [:], true),
        .init(#"{"BoolIfExists":{"aws:SecureTransport":"true"}}"#, [:], true),
        .init(#"{"NumericLessThanIfExists":{"aws:MultiFactorAuthAge":"7"}}"#, [:], true),
        .init(#"{"Null":{"kms:SigningAlgorithm":"true"}}"#, [:], true),
        .init(#"{"Null":{"kms:SigningAlgorithm":"true"}}"#, [key: ["A"]], false),
        .init(#"{"Null":{"kms:SigningAlgorithm":"false"}}"#, [key: ["A"]], true),
        .init(#"{"Null":{"kms:SigningAlgorithm":"false"}}"#, [:], false),
        .init(#"{"Null":{"kms:SigningAlgorithm":true}}"#, [:], true),
        .init(#"{"Null":{"kms:SigningAlgorithm":false}}"#, [key: []], false),
    ]

    static let conjunctions: [ConditionCase] = [
        .init(#"{"StringEquals":{"kms:A":"1","kms:B":"2"}}"#, ["kms:A": ["1"], "kms:B": ["2"]], true),
        .init(#"{"StringEquals":{"kms:A":"1","kms:B":"2"}}"#, ["kms:A": ["1"], "kms:B": ["3"]], false),
        .init(#"{"StringEquals":{"kms:A":"1"},"StringLike":{"kms:B":"x*"}}"#, ["kms:A": ["1"], "kms:B": ["x"]], true),
        .init(#"{"StringEquals":{"kms:A":"1"},"StringLike":{"kms:B":"x*"}}"#, ["kms:A": ["1"]], false),
    ]

    static let quantified: [ConditionCase] = [
        .init(#"{"ForAnyValue:StringEquals":{"kms:ResourceAliases":"alias/a"}}"#, aliases("alias/a", "alias/b"), true),
        .init(#"{"ForAnyValue:StringEquals":{"kms:ResourceAliases":"alias/c"}}"#, aliases("alias/a", "alias/b"), false),
        .init(#"{"ForAnyValue:StringEquals":{"kms:ResourceAliases":"alias/c"}}"#, [:], false),
        .init(#"{"ForAnyValue:StringNotEquals":{"kms:ResourceAliases":"alias/a"}}"#, aliases("alias/a", "b"), true),
        .init(#"{"ForAnyValue:StringNotEquals":{"kms:ResourceAliases":"alias/a"}}"#, aliases("alias/a"), false),
        .init(#"{"ForAnyValue:StringLike":{"kms:ResourceAliases":"alias/x*"}}"#, aliases("alias/a", "alias/xy"), true),
        .init(#"{"ForAnyValue:StringEqualsIfExists":{"kms:ResourceAliases":"alias/a"}}"#, [:], true),
        .init(#"{"ForAllValues:StringEquals":{"kms:ResourceAliases":["a","b"]}}"#, aliases("a", "b"), true),
        .init(#"{"ForAllValues:StringEquals":{"kms:ResourceAliases":["a","b"]}}"#, aliases("a"), true),
        .init(#"{"ForAllValues:StringEquals":{"kms:ResourceAliases":["a","b"]}}"#, aliases("a", "c"), false),
        .init(#"{"ForAllValues:StringEquals":{"kms:ResourceAliases":["a","b"]}}"#, [:], true),
        .init(#"{"ForAllValues:StringNotEquals":{"kms:ResourceAliases":["a","b"]}}"#, aliases("c", "d"), true),
        .init(#"{"ForAllValues:StringNotEquals":{"kms:ResourceAliases":["a","b"]}}"#, aliases("a", "d"), false),
    ]

    static let typed: [ConditionCase] = [
        .init(#"{"Bool":{"aws:SecureTransport":"true"}}"#, ["aws:SecureTransport": ["true"]], true),
        .init(#"{"Bool":{"aws:SecureTransport":"false"}}"#, ["aws:SecureTransport": ["true"]], false),
        .init(#"{"Bool":{"aws:SecureTransport":false}}"#, ["aws:SecureTransport": ["false"]], true),
        .init(#"{"Bool":{"aws:SecureTransport":"false"}}"#, [:], false),
        .init(#"{"NumericEquals":{"kms:Window":"7"}}"#, ["kms:Window": ["7.0"]], true),
        .init(#"{"NumericNotEquals":{"kms:Window":"7"}}"#, ["kms:Window": ["8"]], true),
        .init(#"{"NumericNotEquals":{"kms:Window":["7","8"]}}"#, ["kms:Window": ["8"]], false),
        .init(#"{"NumericNotEquals":{"kms:Window":"7"}}"#, [:], true),
        .init(#"{"NumericLessThan":{"kms:Window":"7"}}"#, ["kms:Window": ["7"]], false),
        .init(#"{"NumericLessThanEquals":{"kms:Window":"7"}}"#, ["kms:Window": ["7"]], true),
        .init(#"{"NumericGreaterThan":{"kms:Window":"7"}}"#, ["kms:Window": ["30"]], true),
        .init(#"{"NumericGreaterThan":{"kms:Window":"7"}}"#, [:], false),
        .init(#"{"NumericGreaterThanEquals":{"kms:Window":8}}"#, ["kms:Window": ["7"]], false),
        .init(#"{"DateLessThan":{"aws:CurrentTime":"2026-12-01T00:00:00Z"}}"#, now, true),
        .init(#"{"DateGreaterThan":{"aws:CurrentTime":"2026-12-01T00:00:00Z"}}"#, now, false),
        .init(#"{"DateGreaterThan":{"aws:CurrentTime":"2026-11-21"}}"#, now, true),
        .init(#"{"DateGreaterThan":{"aws:EpochTime":"1763715600"}}"#, ["aws:EpochTime": ["1800000000"]], true),
        .init(#"{"DateEquals":{"aws:CurrentTime":"2026-11-21T10:20:00+01:00"}}"#, now, true),
        .init(#"{"DateNotEquals":{"aws:CurrentTime":"2026-11-21T09:20:00Z"}}"#, now, false),
        .init(#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/app-*"}}"#, principal("role/app-1"), true),
        .init(#"{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::*:role/app-*"}}"#, principal("role/app-1"), true),
        .init(#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/app-*"}}"#, principal("role/App-1"), false),
        // Each of the six fields is matched by itself: a * does not reach over a colon.
        .init(#"{"ArnLike":{"aws:PrincipalArn":"arn:*:iam::111122223333:root"}}"#, principal("root"), true),
        .init(#"{"ArnLike":{"aws:PrincipalArn":"arn:*:*:*:*:root"}}"#, ["aws:PrincipalArn": ["arn:a:b:root"]], false),
        .init(#"{"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/*"}}"#, principal("user/x"), true),
        .init(#"{"ArnNotEquals":{"aws:PrincipalArn":"arn:aws:iam::*:role/*"}}"#, principal("role/x"), false),
        .init(#"{"ArnNotLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/*"}}"#, [:], true),
        .init(#"{"BinaryEquals":{"kms:B":"AQI="}}"#, ["kms:B": ["AQI="]], true),
        .init(#"{"BinaryEquals":{"kms:B":"AQI="}}"#, ["kms:B": ["AQM="]], false),
        .init(#"{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}"#, ["aws:SourceIp": ["203.0.113.255"]], true),
        .init(#"{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}"#, ["aws:SourceIp": ["203.0.114.0"]], false),
        .init(#"{"IpAddress":{"aws:SourceIp":"203.0.113.7"}}"#, ["aws:SourceIp": ["203.0.113.7"]], true),
        .init(#"{"IpAddress":{"aws:SourceIp":"203.0.113.7"}}"#, ["aws:SourceIp": ["203.0.113.6"]], false),
        .init(#"{"IpAddress":{"aws:SourceIp":"203.0.112.0/23"}}"#, ["aws:SourceIp": ["203.0.113.1"]], true),
        .init(#"{"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}}"#, ["aws:SourceIp": ["203.0.113.1"]], true),
        .init(#"{"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}}"#, ["aws:SourceIp": ["2001:db8::1"]], false),
        .init(#"{"IpAddress":{"aws:SourceIp":"2001:DB8::/33"}}"#, ["aws:SourceIp": ["2001:db8:7fff::1"]], true),
        .init(#"{"IpAddress":{"aws:SourceIp":"2001:DB8::/33"}}"#, ["aws:SourceIp": ["2001:db8:8000::1"]], false),
        .init(#"{"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}}"#, [:], false),
        .init(
            #"{"NotIpAddress":{"aws:SourceIp":["10.0.0.0/8","192.0.2.0/24"]}}"#,
            ["aws:SourceIp": ["192.0.2.1"]],
            false
        ),
        .init(#"{"NotIpAddress":{"aws:SourceIp":["10.0.0.0/8","192.0.2.0/24"]}}"#, ["aws:SourceIp": ["8.8.8.8"]], true),
        .init(#"{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#, [:], true),
    ]

    static func aliases(_ names: String...) -> [String: [String]] { ["kms:ResourceAliases": names] }
    static func principal(_ resource: String) -> [String: [String]] {
        ["aws:PrincipalArn": ["arn:aws:iam::111122223333:\(resource)"]]
    }
    static let now = ["aws:CurrentTime": ["2026-11-21T09:20:00Z"]]

    @Test(arguments: strings + presence + conjunctions + quantified + typed)
    func `an Allow applies where its condition is met`(_ example: ConditionCase) throws {
        let decision = try decide(
            key: policy(statement("Allow", principal: #""*""#, condition: example.condition)),
            keys: example.keys
        )
        #expect(decision == (example.isMet ? .allowed : .implicitDeny(.keyPolicy)))
    }

    @Test(arguments: strings + presence + conjunctions + quantified + typed)
    func `a Deny applies where its condition is met`(_ example: ConditionCase) throws {
        let decision = try decide(
            key: policy(
                statement("Allow", principal: #""*""#),
                statement("Deny", principal: #""*""#, condition: example.condition)
            ),
            keys: example.keys
        )
        #expect(decision == (example.isMet ? .explicitDeny(.keyPolicy) : .allowed))
    }

    static let unclear: [(condition: String, keys: [String: [String]])] = [
        (#"{"StringEquals":{"kms:ResourceAliases":"a"}}"#, aliases("a", "b")),
        (#"{"StringNotEquals":{"kms:ResourceAliases":"a"}}"#, aliases("c", "b")),
        (#"{"NumericEquals":{"kms:Window":"7"}}"#, ["kms:Window": ["seven"]]),
        (#"{"NumericNotEquals":{"kms:Window":"7"}}"#, ["kms:Window": ["inf"]]),
        (#"{"DateLessThan":{"aws:CurrentTime":"2026-12-01T00:00:00Z"}}"#, ["aws:CurrentTime": ["today"]]),
        (#"{"Bool":{"aws:SecureTransport":"true"}}"#, ["aws:SecureTransport": ["yes"]]),
        (#"{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#, ["aws:SourceIp": ["10.0.0.1x"]]),
        (#"{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#, ["aws:SourceIp": [""]]),
        (#"{"BinaryEquals":{"kms:B":"AQI="}}"#, ["kms:B": ["AQI"]]),
        // Two names of one key: which of the values counts?
        (#"{"StringEquals":{"kms:EncryptionContext:Name":"a"}}"#, context("Name", "a", "name", "b")),
    ]

    static func context(_ a: String, _ b: String, _ c: String, _ d: String) -> [String: [String]] {
        ["kms:EncryptionContext:\(a)": [b], "kms:EncryptionContext:\(c)": [d]]
    }

    @Test(arguments: unclear)
    func `what is unclear allows nothing and denies`(_ example: (condition: String, keys: [String: [String]])) throws {
        let allow = statement("Allow", principal: #""*""#, condition: example.condition)
        #expect(try decide(key: policy(allow), keys: example.keys) == .implicitDeny(.keyPolicy))
        let deny = statement("Deny", principal: #""*""#, condition: example.condition)
        let decision = try decide(
            key: policy(statement("Allow", principal: #""*""#), deny),
            keys: example.keys
        )
        #expect(decision == .explicitDeny(.keyPolicy))
    }

    @Test func `text is compared by scalars, not by canonical equivalence`() throws {
        let allow = statement(
            "Allow",
            principal: #""*""#,
            condition: "{\"StringEquals\":{\"kms:EncryptionContext:x\":\"\u{E9}\"}}"
        )
        #expect(try decide(key: policy(allow), keys: ["kms:EncryptionContext:x": ["\u{E9}"]]) == .allowed)
        #expect(
            try decide(key: policy(allow), keys: ["kms:EncryptionContext:x": ["e\u{301}"]])
                == .implicitDeny(.keyPolicy)
        )
    }

    @Test func `a policy variable is plain text in the older version of the language`() throws {
        let allow = statement(
            "Allow",
            principal: #""*""#,
            condition: #"{"StringEquals":{"kms:EncryptionContext:x":"${aws:username}"}}"#
        )
        let keys = ["kms:EncryptionContext:x": ["${aws:username}"]]
        #expect(try decide(key: policy(allow, version: "2008-10-17"), keys: keys) == .allowed)
    }
}
