// SPDX-License-Identifier: Apache-2.0

import Encoding
import KMSProtocol
import NIOHTTP1
import SigV4
import TestSupport
import Testing
import Transport

struct ProtocolTests {
    @Test func `responses carry the content type and a request id of their own`() async throws {
        try await TestService.with { service in
            var seen: Set<String> = []
            for operation in ["ListAliases", "ListAliases", "Nothing"] {
                let response = try await service.call(operation, [:])
                #expect(response.headers["Content-Type"] == ["application/x-amz-json-1.1"])
                let id = try #require(response.headers.first(name: "x-amzn-RequestId"))
                #expect(KeyReference(id) == .id(id) && seen.insert(id).inserted)
            }
        }
    }

    @Test func `an operation without output answers 200 with an empty body`() async throws {
        try await TestService.with { service in
            let arn = try await service.makeKey()
            let response = try await service.call("CreateAlias", ["AliasName": "alias/x", "TargetKeyId": .string(arn)])
            #expect(response.status == 200 && response.body.isEmpty)
        }
    }

    @Test func `an empty body is an empty object`() async throws {
        try await TestService.with { service in
            let response = try await service.send(
                target: "TrentService.ListKeys",
                body: [],
                credentials: service.root
            )
            #expect(response.status == 200 && response.json?["Keys"] == [])
        }
    }

    @Test(
        arguments: [
            ("TrentService.Nothing", "{}", "UnknownOperationException"),
            ("TrentService.GenerateRandom", "{}", "ValidationException"),
            ("TrentService.GenerateRandom", "{\"NumberOfBytes\":32}", nil),
            ("TrentService.", "{}", "UnknownOperationException"), ("ListKeys", "{}", "UnknownOperationException"),
            ("KeyBroker.GetStatus", "{}", "UnknownOperationException"), (nil, "{}", "UnknownOperationException"),
            ("TrentService.ListKeys", "{", "SerializationException"),
            ("TrentService.ListKeys", "[]", "SerializationException"),
            ("TrentService.ListKeys", "{} ", nil), ("TrentService.ListKeys", "{}{}", "SerializationException"),
            ("TrentService.ListKeys", "{\"Limit\":\"1\"}", "SerializationException"),
            ("TrentService.ListKeys", "{\"Limit\":0}", "ValidationException"),
            ("TrentService.ListKeys", "{\"Limit\":null,\"Unknown\":[1]}", nil),
            ("TrentService.DescribeKey", "{\"KeyId\":\"alias/none\"}", "NotFoundException"),
        ] as [(String?, String, String?)]
    )
    func `an error has its name in the body and in the header`(
        target: String?,
        body: String,
        name: String?
    ) async throws {
        try await TestService.with { service in
            let response = try await service.send(
                target: target,
                body: [UInt8](body.utf8),
                credentials: service.root
            )
            #expect(response.status == (name == nil ? 200 : 400))
            #expect(response.errorName == name)
            #expect(response.headers.first(name: "x-amzn-ErrorType") == name)
        }
    }

    @Test func `only POST to the root is an operation`() async throws {
        try await TestService.with { service in
            for (method, path) in [(HTTPMethod.GET, "/"), (.POST, "/keys"), (.PUT, "/"), (.POST, "/?x=1")] {
                let response = try await service.send(
                    target: "TrentService.ListKeys",
                    body: [UInt8]("{}".utf8),
                    credentials: service.root,
                    method: method,
                    path: path
                )
                #expect(response.errorName == "UnknownOperationException")
            }
        }
    }

    @Test func `a request that is not signed by somebody known is refused by AWS's names`() async throws {
        try await TestService.with { service in
            let body = [UInt8]("{}".utf8)
            let target = "TrentService.ListKeys"
            func name(_ credentials: AWSCredentials?, region: String = TestService.region) async throws -> String? {
                let response = try await service.send(
                    target: target,
                    body: body,
                    credentials: credentials,
                    region: region
                )
                #expect(response.headers.first(name: "x-amzn-ErrorType") == response.errorName)
                return response.errorName
            }
            let unknown = try TestService.credentials("AKNOBODY", secret: "x")
            let wrong = try TestService.credentials("AKROOT", secret: "x")
            #expect(try await name(nil) == "MissingAuthenticationTokenException")
            #expect(try await name(unknown) == "UnrecognizedClientException")
            #expect(try await name(wrong) == "InvalidSignatureException")
            #expect(try await name(service.root, region: "us-east-1") != nil)
            #expect(try await name(service.root) == nil)
        }
    }

    @Test func `a session token must be the one that goes with the access key`() async throws {
        try await TestService.with { service in
            #expect(try await service.call("ListKeys", [:], as: service.bob).status == 200)
            for (name, secret, token) in [
                ("AKBOB", "secret of bob", nil), ("AKBOB", "secret of bob", "another token"),
                ("AKROOT", "secret of the root", "token of bob"),
            ] {
                let credentials = try TestService.credentials(name, secret: secret, token: token)
                #expect(try await service.call("ListKeys", [:], as: credentials).status == 400)
            }
        }
    }

    @Test func `a principal may what its IAM policies allow, and no more`() async throws {
        try await TestService.with { service in
            let allowed = try await service.call("ListKeys", [:], as: service.bob)
            #expect(allowed.status == 200)
            for (operation, credentials) in [("ListAliases", service.bob), ("ListKeys", service.alice)] {
                let denied = try await service.call(operation, [:], as: credentials)
                #expect(denied.errorName == "AccessDeniedException")
            }
        }
    }

    @Test func `each request leaves one line, and no payload, in the log`() async throws {
        try await TestService.with { service in
            let arn = try await service.makeKey()
            let plaintext = "AAAAc2VjcmV0c2VjcmV0AAAA"
            let encrypted = try await service.output(
                "Encrypt",
                ["KeyId": "alias/k", "Plaintext": .string(plaintext), "EncryptionContext": ["a": "visible"]]
            )
            _ = try await service.call("Decrypt", ["CiphertextBlob": try #require(encrypted["CiphertextBlob"])])
            _ = try await service.call("DescribeKey", ["KeyId": "alias/x\nforged outcome=ok"])
            _ = try await service.send(target: nil, body: [], credentials: nil)
            let lines = service.log.lines
            let caller = "caller=arn:aws:iam::111122223333:root"
            #expect(lines.count == 6)
            #expect(lines[2].hasPrefix("Encrypt \(caller) key=\(arn) outcome=ok request="))
            #expect(lines[3].hasPrefix("Decrypt \(caller) outcome=InvalidCiphertextException request="))
            #expect(
                lines[4].hasPrefix(
                    "DescribeKey \(caller) key=alias/x?forged?outcome=ok outcome=NotFoundException request="
                )
            )
            #expect(lines[5].hasPrefix("request outcome=MissingAuthenticationTokenException request="))
            #expect(!lines.contains { $0.contains("c2VjcmV0") || $0.contains("visible") || $0.contains("\n") })
        }
    }

    @Test func `changes made side by side are all there`() async throws {
        try await TestService.with { service in
            let arn = try await service.makeKey()
            try await withThrowingTaskGroup { group in
                for number in 0..<40 {
                    group.addTask {
                        let input: JSON = ["AliasName": .string("alias/n\(number)"), "TargetKeyId": .string(arn)]
                        let response = try await service.call("CreateAlias", input)
                        #expect(response.status == 200)
                    }
                }
                try await group.waitForAll()
            }
            let aliases = try await service.output("ListAliases", [:])["Aliases"]?.array
            #expect(aliases?.count == 41)
        }
    }
}

struct HostileInputTests {
    @Test(arguments: [
        "\0\0\0\0\r\n\r\n", "POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 99999999999\r\nHost: x\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n", "\u{16}\u{3}\u{1}\u{2}\0",
        "POST / HTTP/1.1\r\nHost: x\r\nAuthorization: AWS4-HMAC-SHA256 \r\nContent-Length: 2\r\n\r\n{}",
        "POST / HTTP/1.1\r\nHost: x\r\nAuthorization: AWS4-HMAC-SHA256 Credential=/////,SignedHeaders=;,Signature="
            + "\r\nX-Amz-Date: 20251124T000000Z\r\nContent-Length: 0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{}",
    ])
    func `what is no request leaves the service serving`(text: String) async throws {
        try await TestService.with { service in
            let connection = try RawConnection(port: service.port)
            try connection.send(text)
            connection.finishSending()
            _ = await connection.receive(milliseconds: 2000)
            #expect(try await service.call("ListKeys", [:]).status == 200)
        }
    }

    @Test func `random JSON in every member leaves the service serving`() async throws {
        let values: [JSON] = [
            nil, true, -1, "", "AAAA", "alias/k", [], [:], [[[]]], ["a": ["b": nil]], .string("\u{0}\u{FFFF}"),
            .string(String(repeating: "A", count: 70_000)), 9_223_372_036_854_775_807,
            ["KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": "hEShATgioFkAAA=="],
        ]
        let members = [
            "KeyId", "Message", "Signature", "SigningAlgorithm", "MessageType", "MacAlgorithm", "Mac", "Plaintext",
            "CiphertextBlob", "EncryptionContext", "EncryptionAlgorithm", "NumberOfBytes", "KeySpec", "KeyUsage",
            "Recipient", "GrantTokens", "Policy", "AliasName", "TargetKeyId", "Limit", "Marker", "DryRun", "Tags",
        ]
        let operations = [
            "Sign", "Verify", "GenerateMac", "VerifyMac", "GetPublicKey", "DescribeKey", "ListAliases", "ListKeys",
            "GetKeyPolicy", "Encrypt", "Decrypt", "GenerateDataKey", "GenerateRandom", "CreateAlias",
            "PutKeyPolicy",
        ]
        try await TestService.with { service in
            try await service.makeKey()
            var random = FixedRandom(seed: 7)
            for _ in 0..<300 {
                var input = JSONObject()
                for _ in 0..<Int.random(in: 0...6, using: &random) {
                    input[members[Int.random(in: 0..<members.count, using: &random)]] =
                        values[Int.random(in: 0..<values.count, using: &random)]
                }
                let operation = operations[Int.random(in: 0..<operations.count, using: &random)]
                let response = try await service.call(operation, .object(input))
                #expect(response.status == 200 || response.status == 400)
            }
            #expect(try await service.call("DescribeKey", ["KeyId": "alias/k"]).status == 200)
        }
    }
}

/// SplitMix64: the same numbers each time.
struct FixedRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
