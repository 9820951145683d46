// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import TestSupport
import Testing

struct HostileInputTests {
    private static let seed =
        #"{"Version":"2012-10-17","Id":"x","Statement":[{"Sid":"a","Effect":"Allow","Principal":{"AWS":["\#(root)","*"]},"#
        + #""Action":["kms:Sign","kms:*"],"Resource":"arn:aws:kms:*:*:key/*","Condition":{"StringLike":{"kms:A":"a${*}b*"},"#
        + #""ForAnyValue:StringNotEqualsIfExists":{"kms:B":["1",2,true]},"NumericLessThan":{"kms:C":"1e3"},"#
        + #""DateEquals":{"kms:D":"2026-11-21"},"ArnLike":{"kms:E":"arn:aws:iam::*:role/*"},"#
        + #""IpAddress":{"kms:F":"10.0.0.0/8"},"BinaryEquals":{"kms:G":"AQI="},"Null":{"kms:H":"true"}}}]}"#

    @Test func `the seed itself is a policy`() {
        #expect(throws: Never.self) { try PolicyDocument(Array(Self.seed.utf8), kind: .key) }
    }

    /// Whatever is done to a policy, it parses or is refused, and what parses can be evaluated.
    @Test(arguments: 0..<8 as Range<UInt64>)
    func `damaged policies never stop the program`(_ seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let alphabet = Array("{}[]\",:*?$\\/0eE+-.\u{0}\u{7f}aA".utf8)
        var accepted = 0
        for _ in 0..<2000 {
            var json = Array(Self.seed.utf8)
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let position = Int.random(in: 0..<json.count, using: &random)
                let byte = alphabet[Int.random(in: 0..<alphabet.count, using: &random)]
                switch Int.random(in: 0..<3, using: &random) {
                case 0: json[position] = byte
                case 1: json.insert(byte, at: position)
                default: json.remove(at: position)
                }
            }
            guard let policy = try? PolicyDocument(json, kind: .key) else { continue }
            accepted += 1
            let text = String(decoding: json.prefix(40), as: UTF8.self)
            _ = AccessEvaluator.evaluate(
                AccessRequest(
                    principal: text,
                    principalAccount: account,
                    action: text,
                    resource: text,
                    resourceAccount: account,
                    conditionKeys: ["kms:A": [text], "kms:C": [text], "kms:D": [text], "kms:F": [text]]
                ),
                keyPolicy: policy,
                identityPolicies: []
            )
        }
        // Both outcomes occur: the damage is neither nothing nor everything.
        #expect(accepted > 0)
        #expect(accepted < 2000)
    }
}
