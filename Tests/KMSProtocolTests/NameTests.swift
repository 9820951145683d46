// SPDX-License-Identifier: Apache-2.0

import Encoding
import KMSProtocol
import Testing

private let id = "1234abcd-12ab-34cd-56ef-1234567890ab"
private let mrk = "mrk-1234abcd12ab34cd56ef1234567890ab"

struct NameTests {
    static let references: [(text: String, reference: KeyReference)] = [
        (id, .id(id)),
        (mrk, .id(mrk)),
        ("arn:aws:kms:us-east-1:111122223333:key/\(id)", .arn("arn:aws:kms:us-east-1:111122223333:key/\(id)")),
        (
            "arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/\(mrk)",
            .arn("arn:aws-us-gov:kms:us-gov-west-1:111122223333:key/\(mrk)")
        ),
        ("alias/audit", .alias("alias/audit")),
        ("alias/a/b_c-D", .alias("alias/a/b_c-D")),
        (
            "arn:aws:kms:us-east-1:111122223333:alias/audit",
            .aliasARN("arn:aws:kms:us-east-1:111122223333:alias/audit")
        ),
    ]

    @Test(arguments: references)
    func `a key is named in five forms`(_ example: (text: String, reference: KeyReference)) {
        #expect(KeyReference(example.text) == example.reference)
    }

    static let noReferences: [String] = [
        "", " ", id.uppercased(), String(id.dropLast()), id + "0", id.replacing("-", with: "_"),
        "mrk-1234abcd12ab34cd56ef1234567890a", "mrk-1234ABCD12ab34cd56ef1234567890ab", "alias/", "alias", "Alias/audit",
        "alias/a b", "alias/a:b", "alias/\u{212A}", "alias/" + String(repeating: "a", count: 251),
        "arn:aws:kms:us-east-1:111122223333:key/\(id) ", "arn:aws:kms:us-east-1:111122223333:key/audit",
        "arn:aws:kms:us-east-1:11112222333:key/\(id)", "arn:aws:kms:us-east-1:11112222333x:key/\(id)",
        "arn:aws:kms::111122223333:key/\(id)", "arn:aws:kms:US-EAST-1:111122223333:key/\(id)",
        "arn:aws:s3:us-east-1:111122223333:key/\(id)", "arn:awsx:kms:us-east-1:111122223333:key/\(id)",
        "ARN:aws:kms:us-east-1:111122223333:key/\(id)", "arn:aws:kms:us-east-1:111122223333:key:\(id)",
        "arn:aws:kms:us-east-1:111122223333:alias/", "arn:aws:kms:us-east-1:111122223333:\(id)",
        "alias/" + String(repeating: "a", count: 4096),
    ]

    @Test(arguments: noReferences)
    func `no other text names a key`(_ text: String) { #expect(KeyReference(text) == nil) }

    @Test func `an ARN is read and written without change`() throws {
        for text in [
            "arn:aws:kms:us-east-1:111122223333:key/\(id)", "arn:aws-cn:kms:cn-north-1:111122223333:alias/a/b",
        ] {
            let arn = try #require(KMSARN(text))
            #expect(arn.description == text)
            #expect(arn.account == "111122223333")
        }
    }

    static let noTargets: [String?] = [
        nil, "", "Sign", "TrentService", "TrentService.", ".Sign", "TrentService.Sign.More", "trentservice.Sign",
        "DynamoDB.Sign", "TrentService.Si gn", "TrentService.\u{212A}",
        "TrentService." + String(repeating: "a", count: 128),
    ]

    @Test(arguments: noTargets)
    func `a target that is none is an unknown operation`(_ header: String?) {
        let error = #expect(throws: KMSError.self) { try OperationTarget(header) }
        #expect(error == KMSError("UnknownOperationException"))
    }

    @Test func `a target names service, operation and action`() throws {
        let sign = try OperationTarget("TrentService.Sign")
        #expect((sign.prefix, sign.operation, sign.action) == ("TrentService", "Sign", "kms:Sign"))
        let status = try OperationTarget("KeyBroker.GetStatus")
        #expect((status.prefix, status.operation, status.action) == ("KeyBroker", "GetStatus", "keybroker:GetStatus"))
    }

    // MARK: Errors

    @Test func `an error's body is as real KMS writes it`() {
        let bodies: [(KMSError, String)] = [
            (KMSError("NotFoundException", "x"), #"{"__type":"NotFoundException","message":"x"}"#),
            (KMSError("KMSInvalidSignatureException"), #"{"__type":"KMSInvalidSignatureException"}"#),
            (.accessDenied("no"), #"{"__type":"AccessDeniedException","Message":"no"}"#),
        ]
        for (error, body) in bodies { #expect(String(decoding: error.body, as: UTF8.self) == body) }
    }

    @Test func `three errors are faults of the service`() {
        for name in ["DependencyTimeoutException", "KMSInternalException", "KeyUnavailableException"] {
            #expect(KMSError(name).httpStatus == 500)
        }
        for name in ["AccessDeniedException", "ValidationException", "Anything"] {
            #expect(KMSError(name).httpStatus == 400)
        }
    }

    static let received: [(body: String, header: String?, error: KMSError?)] = [
        (#"{"__type":"NotFoundException","message":"m"}"#, nil, KMSError("NotFoundException", "m")),
        (#"{"__type":"AccessDeniedException","Message":"m"}"#, nil, KMSError("AccessDeniedException", "m")),
        (#"{"__type":"com.amazonaws.kms#NotFoundException"}"#, nil, KMSError("NotFoundException")),
        (#"{"__type":"a.b#FooError:http://internal/x#y"}"#, nil, KMSError("FooError")),
        (#"{"code":"FooError"}"#, nil, KMSError("FooError")),
        (#"{"message":"m"}"#, "FooError:http://x", KMSError("FooError", "m")),
        ("", "FooError", KMSError("FooError")),
        ("<html>", nil, nil),
        ("[]", nil, nil),
        (#"{"message":"m"}"#, nil, nil),
        (#"{"__type":"not a name"}"#, nil, nil),
        (#"{"__type":""}"#, nil, nil),
        (#"{"__type":7}"#, nil, nil),
    ]

    @Test(arguments: received)
    func `a client reads the forms of Smithy's error types`(
        _ example: (body: String, header: String?, error: KMSError?)
    ) {
        #expect(KMSError(body: Array(example.body.utf8), errorTypeHeader: example.header) == example.error)
    }

    @Test func `every error reads back what it wrote`() {
        for error in [KMSError.dryRunSucceeded, .accessDenied("x"), .invalidMAC, .disabled(arn: "arn")] {
            #expect(KMSError(body: error.body) == error)
        }
    }

    @Test(arguments: [(1_700_000_000_000, "1700000000"), (1_700_000_000_123, "1700000000.123"), (-1500, "-1.5")])
    func `a time is seconds since the epoch`(_ milliseconds: Int64, _ text: String) {
        let json = JSON.epochSeconds(Timestamp(milliseconds: milliseconds))
        #expect(String(decoding: json.serialized(), as: UTF8.self) == text)
    }
}
