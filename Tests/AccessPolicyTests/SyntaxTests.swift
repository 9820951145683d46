// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import Testing

struct SyntaxTests {
    struct Fault: Sendable, CustomTestStringConvertible {
        let json: String
        let path: String
        let kind: PolicyDocument.Kind

        init(_ json: String, _ path: String, _ kind: PolicyDocument.Kind = .key) {
            self.json = json
            self.path = path
            self.kind = kind
        }

        var testDescription: String { "\(path): \(json.prefix(120))" }
    }

    static func key(_ members: String) -> String {
        #"{"Version":"2012-10-17","Statement":[{\#(members)}]}"#
    }

    static func condition(_ condition: String) -> String {
        key(#""Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*","Condition":\#(condition)"#)
    }

    static func principal(_ principal: String) -> String {
        key(#""Effect":"Allow","Principal":\#(principal),"Action":"kms:*","Resource":"*""#)
    }

    static let rest = #""Principal":"*","Action":"kms:*","Resource":"*""#

    static let documents: [Fault] = [
        .init("", ""),
        .init("[]", ""),
        .init(#"{"Version":"2012-10-17"}"#, "Statement"),
        .init(#"{"Version":"2012-10-17","Statement":[]}"#, "Statement"),
        .init(#"{"Version":"2012-10-17","Statement":["x"]}"#, "Statement[0]"),
        .init(#"{"Version":"2012-10-18","Statement":{"Effect":"Allow",\#(rest)}}"#, "Version"),
        .init(#"{"Version":2012,"Statement":{"Effect":"Allow",\#(rest)}}"#, "Version"),
        .init(#"{"Id":7,"Statement":{"Effect":"Allow",\#(rest)}}"#, "Id"),
        .init(#"{"version":"2012-10-17","Statement":{"Effect":"Allow",\#(rest)}}"#, "version"),
        .init(#"{"Statement":{"Effect":"Allow","Effect":"Deny",\#(rest)}}"#, ""),
        .init("{\"Id\":\"\u{100}\",\"Statement\":{\"Effect\":\"Allow\",\(rest)}}", ""),
    ]

    static let statements: [Fault] = [
        .init(key(rest), "Statement[0].Effect"),
        .init(key(#""Effect":"allow",\#(rest)"#), "Statement[0].Effect"),
        .init(key(#""Effect":"Allow","Sid":1,\#(rest)"#), "Statement[0].Sid"),
        .init(key(#""Effect":"Allow","Conditions":{},\#(rest)"#), "Statement[0].Conditions"),
        .init(key(#""Effect":"Allow","NotPrincipal":"*",\#(rest)"#), "Statement[0]"),
        .init(key(#""Effect":"Allow","NotAction":"kms:*",\#(rest)"#), "Statement[0]"),
        .init(key(#""Effect":"Allow","Action":"kms:*","Resource":"*""#), "Statement[0]"),
        .init(key(#""Effect":"Allow","Principal":"*","Resource":"*""#), "Statement[0]"),
        .init(key(#""Effect":"Allow","Principal":"*","Action":"kms:*""#), "Statement[0]"),
        .init(key(#""Effect":"Allow","Principal":"*","Action":[],"Resource":"*""#), "Statement[0].Action"),
        .init(key(#""Effect":"Allow","Principal":"*","Action":"kms","Resource":"*""#), "Statement[0].Action"),
        .init(key(#""Effect":"Allow","Principal":"*","Action":"kms:","Resource":"*""#), "Statement[0].Action"),
        .init(key(#""Effect":"Allow","Principal":"*","Action":"kms:S gn","Resource":"*""#), "Statement[0].Action"),
        .init(key(#""Effect":"Allow","Principal":"*","Action":[7],"Resource":"*""#), "Statement[0].Action"),
        .init(key(#""Effect":"Allow","Principal":"*","Action":"*","Resource":"alias/x""#), "Statement[0].Resource"),
        .init(
            key(#""Effect":"Allow","Principal":"*","Action":"*","Resource":"ARN:aws:kms:*:*:key/*""#),
            "Statement[0].Resource"
        ),
        .init(
            key(#""Effect":"Allow","Principal":"*","Action":"*","Resource":"arn:aws:kms:*:*:key/${aws:username""#),
            "Statement[0].Resource"
        ),
        .init(
            #"{"Statement":[{"Sid":"a","Effect":"Allow",\#(rest)},{"Sid":"a","Effect":"Deny",\#(rest)}]}"#,
            "Statement[1].Sid"
        ),
    ]

    static let principals: [Fault] = [
        .init(principal(#""\#(alice)""#), "Statement[0].Principal"),
        .init(principal("{}"), "Statement[0].Principal"),
        .init(principal(#"{"aws":"*"}"#), "Statement[0].Principal.aws"),
        .init(principal(#"{"AWS":[]}"#), "Statement[0].Principal.AWS"),
        .init(principal(#"{"AWS":"arn:aws:iam::111122223333:user/*"}"#), "Statement[0].Principal.AWS"),
        .init(principal(#"{"AWS":"arn:aws:iam::1111:root"}"#), "Statement[0].Principal.AWS"),
        .init(principal(#"{"AWS":"AIDAEXAMPLE"}"#), "Statement[0].Principal.AWS"),
        .init(principal(#"{"AWS":"arn:aws:iam::111122223333:user/${aws:username}"}"#), "Statement[0].Principal.AWS"),
        .init(principal(#"{"AWS":"arn:aws:iam::111122223333:group/x"}"#), "Statement[0].Principal.AWS"),
        .init(
            key(#""Effect":"Allow","NotPrincipal":{"AWS":"\#(alice)"},"Action":"kms:*","Resource":"*""#),
            "Statement[0].NotPrincipal"
        ),
        .init(key(#""Effect":"Allow",\#(rest)"#), "Statement[0].Principal", .identity),
    ]

    static let conditions: [Fault] = [
        .init(condition("[]"), "Statement[0].Condition"),
        .init(condition(#"{"StringMatches":{"kms:A":"1"}}"#), "Statement[0].Condition.StringMatches"),
        .init(condition(#"{"stringequals":{"kms:A":"1"}}"#), "Statement[0].Condition.stringequals"),
        .init(condition(#"{"BinaryEquals":{"kms:A":"M"}}"#), "Statement[0].Condition.BinaryEquals.kms:A"),
        .init(condition(#"{"IpAddress":{"kms:A":"10.0.0.0/33"}}"#), "Statement[0].Condition.IpAddress.kms:A"),
        .init(condition(#"{"IpAddress":{"kms:A":"10.0.0"}}"#), "Statement[0].Condition.IpAddress.kms:A"),
        .init(condition(#"{"IpAddress":{"kms:A":"10.0.0.0/+8"}}"#), "Statement[0].Condition.IpAddress.kms:A"),
        .init(condition(#"{"NotIpAddress":{"kms:A":"2001:db8::/129"}}"#), "Statement[0].Condition.NotIpAddress.kms:A"),
        .init(condition(#"{"NullIfExists":{"kms:A":"true"}}"#), "Statement[0].Condition.NullIfExists"),
        .init(condition(#"{"ForAnyValue:Null":{"kms:A":"true"}}"#), "Statement[0].Condition.ForAnyValue:Null"),
        .init(
            condition(#"{"ForNoValue:StringEquals":{"kms:A":"1"}}"#),
            "Statement[0].Condition.ForNoValue:StringEquals"
        ),
        .init(condition(#"{"StringEquals":{}}"#), "Statement[0].Condition.StringEquals"),
        .init(condition(#"{"StringEquals":"x"}"#), "Statement[0].Condition.StringEquals"),
        .init(
            condition(#"{"StringEquals":{"SigningAlgorithm":"1"}}"#),
            "Statement[0].Condition.StringEquals.SigningAlgorithm"
        ),
        .init(condition(#"{"StringEquals":{"kms:A":[]}}"#), "Statement[0].Condition.StringEquals.kms:A"),
        .init(condition(#"{"StringEquals":{"kms:A":{}}}"#), "Statement[0].Condition.StringEquals.kms:A"),
        .init(condition(#"{"StringEquals":{"kms:A":null}}"#), "Statement[0].Condition.StringEquals.kms:A"),
        .init(condition(#"{"StringEquals":{"kms:A":"${username}"}}"#), "Statement[0].Condition.StringEquals.kms:A"),
        .init(condition(#"{"StringEquals":{"kms:A":"${aws:x"}}"#), "Statement[0].Condition.StringEquals.kms:A"),
        .init(condition(#"{"StringEquals":{"kms:A":"${}"}}"#), "Statement[0].Condition.StringEquals.kms:A"),
        .init(condition(#"{"StringEquals":{"kms:A":"${aws:x,'y'}"}}"#), "Statement[0].Condition.StringEquals.kms:A"),
        .init(condition(#"{"StringEquals":{"kms:A":"${aws:x, y}"}}"#), "Statement[0].Condition.StringEquals.kms:A"),
        .init(condition(#"{"StringLike":{"kms:A":"${aws:${*}}"}}"#), "Statement[0].Condition.StringLike.kms:A"),
        .init(condition(#"{"NumericEquals":{"kms:A":"${aws:x}"}}"#), "Statement[0].Condition.NumericEquals.kms:A"),
        .init(condition(#"{"DateEquals":{"kms:A":"${aws:x}"}}"#), "Statement[0].Condition.DateEquals.kms:A"),
        .init(condition(#"{"Bool":{"kms:A":"${aws:x}"}}"#), "Statement[0].Condition.Bool.kms:A"),
        .init(condition(#"{"BinaryEquals":{"kms:A":"${aws:x}"}}"#), "Statement[0].Condition.BinaryEquals.kms:A"),
        .init(condition(#"{"IpAddress":{"kms:A":"${aws:x}"}}"#), "Statement[0].Condition.IpAddress.kms:A"),
        .init(condition(#"{"Null":{"kms:A":"yes"}}"#), "Statement[0].Condition.Null.kms:A"),
        .init(condition(#"{"Bool":{"kms:A":"1"}}"#), "Statement[0].Condition.Bool.kms:A"),
        .init(condition(#"{"NumericEquals":{"kms:A":"seven"}}"#), "Statement[0].Condition.NumericEquals.kms:A"),
        .init(condition(#"{"NumericEquals":{"kms:A":"0x10"}}"#), "Statement[0].Condition.NumericEquals.kms:A"),
        .init(condition(#"{"DateEquals":{"kms:A":"tomorrow"}}"#), "Statement[0].Condition.DateEquals.kms:A"),
        .init(condition(#"{"ArnLike":{"kms:A":"role/x"}}"#), "Statement[0].Condition.ArnLike.kms:A"),
    ]

    @Test(arguments: documents + statements + principals + conditions)
    func `what is not understood is refused, with its place`(_ fault: Fault) {
        let error = #expect(throws: PolicySyntaxError.self) {
            try PolicyDocument(Array(fault.json.utf8), kind: fault.kind)
        }
        #expect(error?.path == fault.path)
    }

    static let accepted: [(json: String, kind: PolicyDocument.Kind)] = [
        (#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"*"}}"#, .key),
        (
            #"{"Version":"2012-10-17","Id":"key-default-1","Statement":[{"Sid":"Enable IAM User Permissions","#
                + #""Effect":"Allow","Principal":{"AWS":"\#(root)"},"Action":"kms:*","Resource":"*"}]}"#, .key
        ),
        (#"{"Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*","Condition":{}}]}"#, .identity),
    ]

    @Test(arguments: accepted)
    func `the policies that AWS's own tools write are accepted`(_ example: (json: String, kind: PolicyDocument.Kind)) {
        #expect(throws: Never.self) { try PolicyDocument(Array(example.json.utf8), kind: example.kind) }
    }

    @Test func `a policy above the length of the service model is refused`() {
        let sid = String(repeating: "x", count: 131_072)
        let json = #"{"Statement":{"Sid":"\#(sid)","Effect":"Allow",\#(Self.rest)}}"#
        #expect(throws: PolicySyntaxError.self) { try PolicyDocument(Array(json.utf8), kind: .key) }
    }
}
