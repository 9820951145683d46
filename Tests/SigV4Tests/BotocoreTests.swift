// SPDX-License-Identifier: Apache-2.0

import Encoding
import SigV4
import TestSupport
import Testing

/// The same requests, signed by botocore's SigV4Auth.
struct BotocoreTests {
    private static let script = """
        import datetime, json, sys
        import botocore.auth
        from botocore.awsrequest import AWSRequest
        from botocore.credentials import Credentials
        botocore.auth.get_current_datetime = lambda *a, **k: datetime.datetime(2026, 11, 21, 9, 20, 0)
        answers = []
        for case in json.load(sys.stdin):
            credentials = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", case["token"])
            request = AWSRequest(case["method"], "http://" + case["host"] + case["target"], data=case["body"].encode())
            for name, value in case["headers"]: request.headers[name] = value
            botocore.auth.SigV4Auth(credentials, "kms", "us-east-1").add_auth(request)
            answers.append(dict(request.headers.items()))
        json.dump(answers, sys.stdout)
        """

    struct Example: Sendable {
        var method = "POST"
        var host = "kms.us-east-1.amazonaws.com"
        var target = "/"
        var headers: [(String, String)] = [
            ("Content-Type", "application/x-amz-json-1.1"), ("X-Amz-Target", "TrentService.Sign"),
        ]
        var body = #"{"KeyId":"alias/audit"}"#
        var token: String?

        var json: JSON {
            [
                "method": .string(method), "host": .string(host), "target": .string(target), "body": .string(body),
                "token": token.map(JSON.string) ?? .null,
                "headers": .array(headers.map { .array([.string($0.0), .string($0.1)]) }),
            ]
        }

        var request: SigV4Request {
            SigV4Request(
                method: method,
                target: target,
                headers: [(name: "Host", value: host)] + headers.map { (name: $0.0, value: $0.1) },
                body: Array(body.utf8)
            )
        }
    }

    static let examples: [Example] = [
        Example(),
        Example(host: "127.0.0.1:4599"),
        Example(host: "broker.internal:8443", body: ""),
        Example(token: "FwoGZXIvYXdzEBYaDH//+=="),
        Example(body: #"{"Description":"Grüße, 世界"}"#),
        Example(headers: [("X-Amz-Target", "KeyBroker.GetStatus"), ("X-Amz-Meta", "  a   b\tc  ")]),
        Example(headers: [("Content-Type", "text/plain; charset=utf-8"), ("x-other", "1"), ("X-AMZ-B", "2")]),
        Example(method: "GET", target: "/attestation?nonce=00ff", headers: [], body: ""),
        Example(method: "GET", target: "/a/./b/../c//d/?b=2&a=1&a=0", headers: [], body: ""),
        Example(method: "GET", target: "/a%20b/c%2Fd~e", headers: [], body: ""),
    ]

    @Test(.enabled(if: Tool.pythonHas("botocore"), "python3 has no botocore"))
    func `signer and verifier agree with botocore`() async throws {
        let input = JSON.array(Self.examples.map(\.json)).serialized()
        let output = try await Tool.python(Self.script, input: input)
        let answers = try #require(try JSON.parse(output).array)
        try #require(answers.count == Self.examples.count)
        for (example, answer) in zip(Self.examples, answers) {
            let theirs = try #require(answer.object)
            let credentials = try SigV4Tests.credentials(token: example.token)
            let ours = SigV4Signer.sign(
                example.request,
                credentials: credentials,
                scope: kms,
                at: try time(signingTime),
                normalizesPath: true
            ) { _ in true }
            let authorization = try #require(theirs["Authorization"]?.string)
            #expect(ours.last?.value == authorization, "\(example.method) \(example.target)")

            var request = example.request
            for name in ["X-Amz-Date", "X-Amz-Security-Token", "Authorization"] {
                if let value = theirs[name]?.string { request.setHeader(name, value) }
            }
            let verifier = try verifier { $1 == example.token }
            #expect(try verifier.verify(request, at: time(signingTime)).principal == "alice")
        }
    }

    /// Made by botocore 1.43.11, so that there is one fixed point where it is not installed.
    @Test func `a recorded request of botocore verifies`() throws {
        var request = Example().request
        request.setHeader("X-Amz-Date", "20261121T092000Z")
        request.setHeader(
            "Authorization",
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261121/us-east-1/kms/aws4_request, "
                + "SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=4afd8d4a107ffa7283e516a715d245cf308a510ccd338e93cf0d7bdbd6d3c0d8"
        )
        #expect(try verifier().verify(request, at: time(signingTime)).principal == "alice")
    }
}
