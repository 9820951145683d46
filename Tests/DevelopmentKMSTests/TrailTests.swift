// SPDX-License-Identifier: Apache-2.0

import DevelopmentKMS
import Encoding
import KMSProtocol
import NIOHTTP1
import Synchronization
import TestSupport
import Testing

/// `--log`: requests as CloudTrail records.
struct TrailTests {
    private final class Lines: Sendable {
        private let lines = Mutex<[[UInt8]]>([])

        func append(_ line: [UInt8]) { lines.withLock { $0.append(line) } }

        func events() throws -> [JSONObject] {
            try lines.withLock { $0 }.map { line in
                #expect(!line.contains(0x0A))
                return try #require(try JSON.parse(line).object)
            }
        }

        var text: String { lines.withLock { $0.map { String(decoding: $0, as: UTF8.self) }.joined(separator: "\n") } }
    }

    private static func object(_ event: JSONObject, _ path: String...) -> JSONObject? {
        path.reduce(event as JSONObject?) { $0?[$1]?.object }
    }

    @Test func `a request is an event with who, what, on which key and under which context`() async throws {
        let lines = Lines()
        try await TestService.with(options: { $0.trail = lines.append }) { service in
            let arn = try await service.makeKey()
            let response = try await service.call(
                "Encrypt",
                ["KeyId": "alias/k", "Plaintext": "AAAA", "EncryptionContext": ["a": "visible"]]
            )
            let events = try lines.events()
            #expect(events.map { $0["eventName"] } == ["CreateKey", "CreateAlias", "Encrypt"])
            let event = events[2]
            #expect(event["eventTime"] == "2025-11-24T16:00:00Z")
            #expect(event["eventSource"] == "kms.amazonaws.com" && event["awsRegion"] == "eu-central-1")
            #expect(event["eventType"] == "AwsApiCall" && event["readOnly"] == true)
            #expect(event["requestID"]?.string == response.headers.first(name: "x-amzn-RequestId"))
            #expect(
                event["userIdentity"] == [
                    "type": "Root", "arn": "arn:aws:iam::111122223333:root", "accountId": "111122223333",
                    "accessKeyId": "AKROOT",
                ]
            )
            #expect(event["requestParameters"] == ["keyId": "alias/k", "encryptionContext": ["a": "visible"]])
            #expect(event["responseElements"] == .null && event["errorCode"] == nil)
            #expect(
                event["resources"] == [
                    ["accountId": "111122223333", "type": "AWS::KMS::Key", "ARN": .string(arn)]
                ]
            )
            #expect(events[0]["readOnly"] == false)
            #expect(Self.object(events[0], "responseElements", "keyMetadata")?["arn"]?.string == arn)
            let alias: JSON = [
                "accountId": "111122223333", "type": "AWS::KMS::Alias",
                "ARN": "arn:aws:kms:eu-central-1:111122223333:alias/k",
            ]
            #expect(events[1]["resources"]?.array?.first == alias && events[1]["resources"]?.array?.count == 2)
        }
    }

    @Test func `refusals have CloudTrail's code, KMS's message, and the key`() async throws {
        let lines = Lines()
        try await TestService.with(options: { $0.trail = lines.append }) { service in
            let arn = try await service.makeKey()
            let denied = try await service.call(
                "Encrypt",
                ["KeyId": "alias/k", "Plaintext": "AAAA"],
                as: service.alice
            )
            _ = try await service.call("Decrypt", ["CiphertextBlob": "AAAA"])
            _ = try await service.send(target: "TrentService.ListKeys", body: [], credentials: nil)
            _ = try await service.send(target: "TrentService.Sign", body: [0x7B], credentials: service.root)
            let events = try lines.events().dropFirst(2)
            #expect(
                events.map { $0["errorCode"] } == [
                    "AccessDenied", "InvalidCiphertextException", "MissingAuthenticationTokenException",
                    "SerializationException",
                ]
            )
            #expect(events.map { $0["eventName"] } == ["Encrypt", "Decrypt", "Unknown", "Sign"])
            let first = try #require(events.first)
            #expect(first["errorMessage"]?.string == denied.errorMessage)
            #expect(Self.object(first, "userIdentity")?["type"] == "IAMUser")
            #expect(Self.object(first, "userIdentity")?["userName"] == "alice")
            #expect(first["resources"]?.array?.first?.object?["ARN"]?.string == arn)
            #expect(events.map { $0["userIdentity"]?.object?["type"] }[2] == "Unknown")
        }
    }

    @Test func `a verified recipient is shown by module and registers in base64, a refused document is not`()
        async throws
    {
        let clock = TestClock()
        let enclave = try await TestEnclave(clock: clock)
        let lines = Lines()
        try await TestService.with(roots: enclave.roots, clock: clock, options: { $0.trail = lines.append }) {
            service in
            try await service.makeKey()
            let document = try enclave.document()
            let recipient = TestEnclave.recipient(document)
            _ = try await service.output(
                "GenerateDataKey",
                ["KeyId": "alias/k", "KeySpec": "AES_256", "Recipient": recipient]
            )
            // Denied, but the document was genuine.
            _ = try await service.call(
                "GenerateDataKey",
                ["KeyId": "alias/k", "KeySpec": "AES_256", "Recipient": recipient],
                as: service.alice
            )
            _ = try await service.call(
                "GenerateDataKey",
                ["KeyId": "alias/k", "KeySpec": "AES_256", "Recipient": TestEnclave.recipient([1, 2, 3])]
            )
            let events = try lines.events().dropFirst(2)
            let image = JSON.blob(TestEnclave.image)
            for event in events.prefix(2) {
                let shown = try #require(Self.object(event, "additionalEventData", "recipient"))
                #expect(shown["attestationDocumentEnclaveImageDigest"] == image)
                #expect(shown["attestationDocumentEnclavePCR1"] == image)
                #expect(shown["attestationDocumentEnclavePCR2"] == image)
                for index in [3, 4, 8] {
                    #expect(shown["attestationDocumentEnclavePCR\(index)"]?.string?.utf8.count == 64)
                }
                #expect(shown["attestationDocumentModuleId"]?.string?.hasPrefix("i-") == true)
                #expect(shown.members.count == 7)
            }
            #expect(events.last?["additionalEventData"] == nil)
            #expect(events.last?["errorCode"] == "ValidationException")
            #expect(!lines.text.contains(Base64.encode(document.prefix(30))))
        }
    }

    @Test func `nothing that was or becomes secret is in it`() async throws {
        let lines = Lines()
        try await TestService.with(options: { $0.trail = lines.append }) { service in
            try await service.makeKey()
            let plaintext = "c2VjcmV0c2VjcmV0c2VjcmV0"
            let sealed = try await service.output("Encrypt", ["KeyId": "alias/k", "Plaintext": .string(plaintext)])
            let blob = try #require(sealed["CiphertextBlob"])
            _ = try await service.output("Decrypt", ["CiphertextBlob": blob])
            let again = try await service.output("ReEncrypt", ["CiphertextBlob": blob, "DestinationKeyId": "alias/k"])
            let data = try await service.output("GenerateDataKey", ["KeyId": "alias/k", "KeySpec": "AES_256"])
            let random = try await service.output("GenerateRandom", ["NumberOfBytes": 24])
            let metadata = try await service.output(
                "CreateKey",
                ["KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"]
            )["KeyMetadata"]?.object
            let mac = try await service.output(
                "GenerateMac",
                [
                    "KeyId": try #require(metadata?["KeyId"]), "Message": .string(plaintext),
                    "MacAlgorithm": "HMAC_SHA_256",
                ]
            )
            let secrets = [
                plaintext, blob.string, again["CiphertextBlob"]?.string, data["Plaintext"]?.string,
                data["CiphertextBlob"]?.string, random["Plaintext"]?.string, mac["Mac"]?.string, "secret of the root",
            ]
            let text = lines.text
            for secret in secrets { #expect(!text.contains(try #require(secret))) }
            #expect(try lines.events().count == 9)
        }
    }

    @Test func `what was made to fail says so, and silence leaves a line`() async throws {
        let lines = Lines()
        let rules = ["ListKeys=throttle:1", "ListKeys=delay:1:1", "ListAliases=silence"]
        try await TestService.with(
            options: { options in
                options.trail = lines.append
                options.failures = try rules.map { try FailureRule($0) }
            }
        ) { service in
            _ = try await service.call("ListKeys", [:])
            _ = try await service.call("ListKeys", [:])
            _ = try await service.call("ListKeys", [:])
            let silenced = Task { try await service.call("ListAliases", [:]) }
            for _ in 0..<500 where try lines.events().count < 4 { try await Task.sleep(for: .milliseconds(10)) }
            let injected = try lines.events().map { Self.object($0, "additionalEventData")?["injectedFailure"]?.string }
            #expect(injected == ["throttle", "delay", nil, "silence"])
            #expect(try lines.events()[0]["errorCode"] == "ThrottlingException")
            silenced.cancel()
        }
    }

    @Test func `members of wrong types and sizes leave a well-formed line`() async throws {
        let lines = Lines()
        try await TestService.with(options: { $0.trail = lines.append }) { service in
            let long = String(repeating: "x", count: 200_000)
            for input in [
                ["KeyId": [1, 2]], ["KeyId": ["a": ["b": "c"]]], ["KeyId": .string(long)],
                ["EncryptionContext": ["a": 1]], ["KeyId": "a\nb\u{0}\"}"],
            ] as [JSON] {
                _ = try await service.call("Encrypt", input)
            }
            let events = try lines.events()
            #expect(events.map { $0["requestParameters"] }[0] == .null && events.count == 5)
            #expect(Self.object(events[2], "requestParameters")?["omitted"] == true)
            #expect(Self.object(events[4], "requestParameters")?["keyId"] == "a\nb\u{0}\"}")
        }
    }
}

struct WebPageTests {
    @Test(arguments: ["http://localhost:4599", "null", "https://example.com"])
    func `a request of a web page is refused, signed or not, and no response allows another origin`(
        origin: String
    ) async throws {
        try await TestService.with { service in
            for credentials in [service.root, nil] {
                let response = try await service.send(
                    target: "TrentService.ListKeys",
                    body: [],
                    credentials: credentials,
                    unsignedHeaders: [("Origin", origin)]
                )
                #expect(response.status == 403 && response.errorName == "AccessDeniedException")
                #expect(!response.headers.contains { $0.name.lowercased().hasPrefix("access-control") })
            }
        }
    }

    @Test func `a preflight is refused without a word about origins`() async throws {
        try await TestService.with { service in
            for headers in [
                [
                    (name: "Origin", value: "https://example.com"),
                    (name: "Access-Control-Request-Method", value: "POST"),
                    (name: "Access-Control-Request-Headers", value: "x-amz-target,authorization"),
                ], [],
            ] {
                let response = try await service.send(
                    target: nil,
                    body: [],
                    credentials: nil,
                    method: .OPTIONS,
                    unsignedHeaders: headers
                )
                #expect(response.status == (headers.isEmpty ? 400 : 403))
                #expect(!response.headers.contains { $0.name.lowercased().hasPrefix("access-control") })
                #expect(!response.headers.contains(name: "Allow"))
            }
            let normal = try await service.call("ListKeys", [:])
            #expect(normal.status == 200)
            #expect(!normal.headers.contains { $0.name.lowercased().hasPrefix("access-control") })
        }
    }
}
