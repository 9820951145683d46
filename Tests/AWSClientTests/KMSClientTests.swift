// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Cryptography
import Encoding
import KMSProtocol
import NIOCore
import NIOHTTP1
import SigV4
import Testing
import Transport

struct KMSClientTests {
    private let now = Timestamp(seconds: 1_795_000_000)

    private func client(_ url: String, token: String? = nil) throws -> KMSClient {
        KMSClient(
            endpoint: url,
            region: "eu-west-1",
            credentials: try testCredentials(token: token),
            transport: WebTransport(),
            clock: { [now] in now }
        )
    }

    /// Answers as KMS does only if the signature is right.
    private func verifying(_ body: String) throws
        -> HTTPServer.Handler
    {
        let secret = SharedSecret(try SecretBytes(copying: Array("wJalrXUtnFEMI".utf8)))
        let verifier = SigV4Verifier<String>(
            scope: SigV4Scope(region: "eu-west-1", service: "kms"),
            hosts: nil
        ) { $0 == "AKIDEXAMPLE" ? (secret, $0) : nil }
        return { [now] request, loop in
            do throws(SigV4Error) {
                _ = try verifier.verify(SigV4Request(request), at: now)
            } catch {
                return answer(
                    loop,
                    .badRequest,
                    String(decoding: KMSError(error.name, error.message).body, as: UTF8.self)
                )
            }
            return answer(loop, .ok, body)
        }
    }

    @Test func `signs what it sends`() async throws {
        try await withWebServer(try verifying(#"{"KeyId":"k"}"#)) { _, url in
            let object = try await client(url).call("TrentService.Decrypt", ["CiphertextBlob": "AQ=="])
            #expect(object["KeyId"]?.string == "k")
        }
    }

    @Test func `a session token is sent and signed`() async throws {
        try await withWebServer({ request, loop in
            let token = request.headers["x-amz-security-token"].joined()
            let signed = request.headers["authorization"].joined().contains(
                "x-amz-date;x-amz-security-token;x-amz-target"
            )
            return answer(loop, .ok, #"{"token":"\#(token)","signed":\#(signed)}"#)
        }) { _, url in
            let object = try await client(url, token: "a-session/token==").call("TrentService.Decrypt", [:])
            #expect(object["token"]?.string == "a-session/token==" && object["signed"]?.bool == true)
        }
    }

    @Test func `an empty answer is an empty object`() async throws {
        try await withWebServer(try verifying("")) { _, url in
            let object = try await client(url).call("TrentService.PutKeyPolicy", [:])
            #expect(object == JSONObject())
        }
    }

    @Test func `an error of the service keeps its name, message and status`() async throws {
        try await withWebServer({ request, loop in
            answer(loop, .badRequest, #"{"__type":"com.amazonaws.kms#NotFoundException","message":"no such key"}"#)
        }) { _, url in
            let error = await #expect(throws: KMSClient.Failure.self) {
                try await client(url).call("TrentService.Sign", [:])
            }
            guard case .service(let service, status: 400) = error else { throw error ?? .malformedResponse }
            #expect(service == KMSError("NotFoundException", "no such key"))
        }
    }

    @Test(arguments: [(200, "not json"), (200, "[]"), (200, "{} {}"), (502, "<html>"), (500, "")])
    func `what is not AWS JSON is malformed`(status: Int, body: String) async throws {
        try await withWebServer({ _, loop in answer(loop, HTTPResponseStatus(statusCode: status), body) }) { _, url in
            let error = await #expect(throws: KMSClient.Failure.self) {
                try await client(url).call("TrentService.Sign", [:])
            }
            guard case .malformedResponse = error else { throw error ?? .malformedResponse }
        }
    }

    @Test func `forwards bytes as they are, and the answer as it came`() async throws {
        let odd = Array(#"{"b":1.0,  "a":"\u00e9"}"#.utf8)
        try await withWebServer({ request, loop in
            loop.makeSucceededFuture(
                HTTPResponse(status: .badRequest, headers: ["X-Amzn-RequestId": "r"], body: request.body)
            )
        }) { _, url in
            let response = try await client(url).forward("TrentService.Decrypt", odd)
            #expect(response.status == 400 && response.body == odd && response.header("x-amzn-requestid") == "r")
        }
    }

    @Test(arguments: [
        "", "127.0.0.1:4599", "ftp://h", "unix:///a", "http://", "http://a@b", "http://a b", "https://:443",
    ])
    func `an endpoint that is no web address fails without a connection`(url: String) async throws {
        let error = await #expect(throws: KMSClient.Failure.self) {
            try await client(url).call("TrentService.Sign", [:])
        }
        guard case .transport(.unreachable) = error else { throw error ?? .malformedResponse }
    }

    @Test(arguments: [
        ("https://kms.us-east-1.amazonaws.com", "kms.us-east-1.amazonaws.com", "/"),
        ("https://kms.us-east-1.amazonaws.com:443/", "kms.us-east-1.amazonaws.com", "/"),
        ("http://127.0.0.1:4599", "127.0.0.1:4599", "/"), ("http://h:80/a/b", "h", "/a/b"),
        ("https://h:80", "h:80", "/"), ("http://[::1]:4599/", "[::1]:4599", "/"),
    ])
    func `the signed host leaves out the scheme's own port`(url: String, host: String, path: String) throws {
        let parsed = try ServiceURL(url)
        #expect(parsed.host == host && parsed.path == path)
    }
}

struct BrokerEndpointTests {
    @Test func `asks for health and attestation`() async throws {
        try await withWebServer({ request, loop in
            switch request.target {
            case "/health": answer(loop, .ok, #"{"state":"unlocked"}"#)
            case "/attestation?nonce=00ff": answer(loop, .ok, "document")
            default: answer(loop, .badRequest, #"{"__type":"ValidationException","message":"no"}"#)
            }
        }) { _, url in
            let broker = BrokerEndpoint(url, transport: WebTransport())
            let health = try await broker.health()
            #expect(health["state"]?.string == "unlocked")
            let document = try await broker.attestation(nonce: [0, 255])
            #expect(document == Array("document".utf8))
            await #expect(throws: BrokerEndpoint.Failure.refused(status: 400, message: "no")) {
                try await broker.attestation(nonce: [1])
            }
        }
    }
}
