// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import SigV4
import TestSupport
import Testing

/// AWS's own suite of header-signed requests.
struct SuiteTests {
    private static let folder = "suites/aws-sigv4/v4"

    static let cases: [String] =
        (try? FileManager.default.contentsOfDirectory(atPath: SharedData.root.appendingPathComponent(folder).path)
            .sorted()) ?? []

    struct Context {
        let credentials: AWSCredentials
        let scope: SigV4Scope
        let time: Timestamp
        let normalizesPath: Bool
        let signsBody: Bool
        let omitsToken: Bool

        init(_ name: String) throws {
            let json = try #require(try JSON.parse(SharedData.bytes("\(folder)/\(name)/context.json")).object)
            let object = try #require(json["credentials"]?.object)
            credentials = try SigV4Tests.credentials(
                #require(object["access_key_id"]?.string),
                #require(object["secret_access_key"]?.string),
                token: object["token"]?.string
            )
            scope = SigV4Scope(
                region: try #require(json["region"]?.string),
                service: try #require(json["service"]?.string)
            )
            time = try #require(json["timestamp"]?.string.flatMap(Timestamp.init(rfc3339:)))
            normalizesPath = json["normalize"] == true
            signsBody = json["sign_body"] == true
            omitsToken = json["omit_session_token"] == true
        }
    }

    /// Reads a request as it stands in the suite: folded lines, raw spaces and all.
    static func request(_ name: String, _ file: String) throws -> SigV4Request {
        let text = String(decoding: try SharedData.bytes("\(folder)/\(name)/\(file)"), as: UTF8.self)
        let parts = text.components(separatedBy: "\n\n")
        let lines = parts[0].split(separator: "\n").map(String.init)
        let first = try #require(lines.first)
        let methodEnd = try #require(first.firstIndex(of: " "))
        let targetEnd = try #require(first.lastIndex(of: " "))
        var headers: [(name: String, value: String)] = []
        for line in lines.dropFirst() {
            if line.hasPrefix(" "), let last = headers.popLast() {
                headers.append((last.name, "\(last.value)\n\(line)"))
            } else {
                let colon = try #require(line.firstIndex(of: ":"))
                headers.append((String(line[..<colon]), String(line[line.index(after: colon)...])))
            }
        }
        return SigV4Request(
            method: String(first[..<methodEnd]),
            target: String(first[first.index(after: methodEnd)..<targetEnd]),
            headers: headers,
            body: parts.count > 1 ? Array(parts[1].utf8) : []
        )
    }

    @Test(.enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)))
    func `the suite has 38 cases`() { #expect(Self.cases.count == 38) }

    @Test(.enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)), arguments: cases)
    func `the signer makes the suite's signatures`(_ name: String) throws {
        let context = try Context(name)
        var request = try Self.request(name, "request.txt")
        if context.signsBody {
            let hash = try Self.request(name, "header-signed-request.txt").header("x-amz-content-sha256")
            request.setHeader("x-amz-content-sha256", try #require(hash))
        }
        let credentials =
            context.omitsToken
            ? AWSCredentials(
                accessKeyID: context.credentials.accessKeyID,
                secretAccessKey: context.credentials.secretAccessKey
            )
            : context.credentials
        let signed = request.signed(
            by: credentials,
            scope: context.scope,
            at: context.time,
            normalizesPath: context.normalizesPath
        ) { _ in true }
        let expected = try Self.request(name, "header-signed-request.txt")
        #expect(signed.header("Authorization") == expected.header("Authorization"))
        #expect(signed.header("X-Amz-Date") == expected.header("X-Amz-Date"))
    }

    @Test(.enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)), arguments: cases)
    func `the verifier accepts the suite's signed requests`(_ name: String) throws {
        let context = try Context(name)
        var request = try Self.request(name, "header-signed-request.txt")
        // This one adds the token after signing; here every x-amz header must be signed.
        if context.omitsToken { request.removeHeader("X-Amz-Security-Token") }
        let token = context.omitsToken ? nil : context.credentials.sessionToken
        let verifier = SigV4Verifier(
            scope: context.scope,
            hosts: ["example.amazonaws.com"],
            normalizesPath: context.normalizesPath,
            acceptsToken: { $1 == token }
        ) { keyID in
            keyID == context.credentials.accessKeyID ? (context.credentials.secretAccessKey, "alice") : nil
        }
        let verified = try verifier.verify(request, at: context.time)
        #expect(verified.principal == "alice")
        #expect(verified.signedAt == context.time)
    }

    @Test(.enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)), arguments: cases)
    func `the verifier refuses the suite's requests with another secret`(_ name: String) throws {
        let context = try Context(name)
        var request = try Self.request(name, "header-signed-request.txt")
        if context.omitsToken { request.removeHeader("X-Amz-Security-Token") }
        let wrong = try secret(exampleSecret + "x")
        let verifier = SigV4Verifier(
            scope: context.scope,
            hosts: nil,
            normalizesPath: context.normalizesPath,
            acceptsToken: { _, _ in true }
        ) { _ in (wrong, "alice") }
        let error = #expect(throws: SigV4Error.self) { try verifier.verify(request, at: context.time) }
        #expect(error?.name == "InvalidSignatureException")
    }

    @Test(.enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)))
    func `a token that was added after signing is refused`() throws {
        let context = try Context("post-sts-header-after")
        let request = try Self.request("post-sts-header-after", "header-signed-request.txt")
        let secret = context.credentials.secretAccessKey
        let verifier = SigV4Verifier(scope: context.scope, hosts: nil, acceptsToken: { _, _ in true }) { _ in
            (secret, "alice")
        }
        let error = #expect(throws: SigV4Error.self) { try verifier.verify(request, at: context.time) }
        #expect(error?.name == "IncompleteSignatureException")
        #expect(
            error?.message == "'x-amz-security-token' must be a 'SignedHeader' in the AWS Authorization."
        )
    }
}
