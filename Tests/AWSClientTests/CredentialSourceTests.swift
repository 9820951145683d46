// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Encoding
import Foundation
import NIOHTTP1
import SigV4
import TestSupport
import Testing

/// Sources of credentials one by one, over the wire.
struct CredentialSourceTests {
    private static let keys = ["AWS_ACCESS_KEY_ID": "AKIDENV", "AWS_SECRET_ACCESS_KEY": "secret-env"]

    private func failure(_ chain: CredentialChain) async -> String {
        await #expect(throws: CredentialError.self) { try await chain.resolve() }?.description ?? ""
    }

    // MARK: Instance metadata

    @Test func `instance metadata is asked by version 2 alone`() async throws {
        let aws = StandInAWS()
        try await withWebServer(aws.handle) { _, url in
            let found = try await testChain([:], aws: url).resolve()
            #expect(found.credentials.accessKeyID == "ASIAINSTANCE1" && found.expiration != nil)
            #expect(found.credentials.sessionToken == "token-of-ASIAINSTANCE==")
            #expect(aws.seen.map(\.method) == ["PUT", "GET", "GET"])
            #expect(aws.seen.dropFirst().allSatisfy { $0.headers["x-aws-ec2-metadata-token"] == "imds-token==" })
        }
    }

    @Test(arguments: [404, 403, 405])
    func `where there is no token nothing is asked without one`(status: Int) async throws {
        let aws = StandInAWS()
        aws.answer("/latest/api/token", (.init(statusCode: status), ""))
        try await withWebServer(aws.handle) { _, url in
            #expect(await failure(testChain([:], aws: url)).contains("gives no token: HTTP \(status)"))
            #expect(aws.seen.map(\.method) == ["PUT"])
        }
    }

    @Test func `a token that has ended is replaced once, and a busy service asked again`() async throws {
        let aws = StandInAWS()
        aws.answer("/latest/meta-data/iam/security-credentials/", (.unauthorized, ""))
        aws.answer("/latest/api/token", (.serviceUnavailable, ""))
        try await withWebServer(aws.handle) { _, url in
            let found = try await testChain([:], aws: url).resolve()
            #expect(found.credentials.accessKeyID == "ASIAINSTANCE1")
            #expect(aws.seen.map(\.method) == ["PUT", "PUT", "GET", "PUT", "GET", "GET"])
        }
    }

    @Test func `an instance without a role is an error that says so`() async throws {
        let aws = StandInAWS()
        aws.answer("/latest/meta-data/iam/security-credentials/", (.notFound, "<html/>"))
        try await withWebServer(aws.handle) { _, url in
            #expect(await failure(testChain([:], aws: url)).hasSuffix("attach an instance profile to the instance"))
        }
    }

    @Test(arguments: [
        (#"{"Code": "AssumeRoleUnauthorizedAccess", "Message": "EC2 cannot assume"}"#, "AssumeRoleUnauthorizedAccess"),
        (#"{"Code": "Success", "AccessKeyId": "A", "SecretAccessKey": "s", "Token": "t"}"#, "no Expiration"),
        (
            #"{"Code": "Success", "AccessKeyId": "A", "Token": "t", "Expiration": "2099-01-01T00:00:00Z"}"#,
            "SecretAccessKey"
        ),
        (#"{"AccessKeyId": "A", "SecretAccessKey": "s", "Token": "t", "Expiration": "tomorrow"}"#, "RFC 3339"),
        (
            #"{"AccessKeyId": "A\n", "SecretAccessKey": "s", "Token": "t", "Expiration": "2099-01-01T00:00:00Z"}"#,
            "characters"
        ),
    ])
    func `an answer that is no credentials is an error without what is in it`(body: String, says: String) async throws {
        let aws = StandInAWS()
        aws.answer("/latest/meta-data/iam/security-credentials/host-role", (.ok, body))
        try await withWebServer(aws.handle) { _, url in
            let text = await failure(testChain([:], aws: url))
            #expect(text.contains(says) && !text.contains("EC2 cannot"), "\(text)")
        }
    }

    @Test func `metadata that is switched off is not asked, and silence is explained`() async throws {
        let aws = StandInAWS()
        try await withWebServer(aws.handle) { _, url in
            let off = testChain(["AWS_EC2_METADATA_DISABLED": "True"], aws: url)
            #expect(await failure(off).contains("AWS_EC2_METADATA_DISABLED"))
            #expect(aws.seen.isEmpty)
        }
        let silent = testChain(["AWS_METADATA_SERVICE_TIMEOUT": "1"], aws: "http://127.0.0.1:\(try FreePort.next())")
        #expect(await failure(silent).contains("--http-put-response-hop-limit 2"))
    }

    // MARK: Containers

    @Test func `the container's endpoint gets the token of a file that is read each time`() async throws {
        let folder = try TemporaryDirectory()
        let file = try folder.write("token", "Bearer first")
        let aws = StandInAWS(bearer: "Bearer second")
        try await withWebServer(aws.handle) { _, url in
            for variables in [
                ["AWS_CONTAINER_CREDENTIALS_FULL_URI": "\(url)/container"],
                ["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/container"],
            ] {
                try folder.write("token", "Bearer first")
                let chain = testChain(
                    variables.merging([
                        "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": file, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "other",
                    ]) { $1 },
                    aws: url
                )
                #expect(await failure(chain).contains("HTTP 401: the authorization token is not accepted"))
                try folder.write("token", "Bearer second")
                #expect(try await chain.resolve().credentials.accessKeyID.hasPrefix("ASIACONTAINER"))
            }
        }
    }

    @Test(arguments: [
        "http://192.0.2.1/x", "http://169.254.170.22/x", "http://example.com/x", "http://127.0.0.1.example.com/x",
        "http://localhost.example.com/x", "http://1270.0.0.1/x", "http://[fd00:ec2::24]/x", "ftp://127.0.0.1/x",
        "http://user@127.0.0.1/x",
    ])
    func `plain HTTP goes to this machine and the known hosts alone`(uri: String) async throws {
        let text = await failure(testChain(["AWS_CONTAINER_CREDENTIALS_FULL_URI": uri]))
        #expect(text.contains("in clear") || text.contains("not an http or https URL"), "\(text)")
    }

    @Test(arguments: ["a\r\nX: y", "a\nb", ""])
    func `an authorization token that would be another header is refused`(token: String) async throws {
        let folder = try TemporaryDirectory()
        let chain = testChain([
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1:9/x",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": try folder.write("token", token),
        ])
        #expect(await failure(chain).contains("authorization token is empty, or has characters"))
    }

    // MARK: STS

    /// A folder with a profile `r` that assumes a role with the keys of the environment.
    private func roleProfile(_ more: String = "") throws -> (TemporaryDirectory, [String: String]) {
        let folder = try TemporaryDirectory()
        let text =
            "[profile r]\nrole_arn = arn:aws:iam::111122223333:role/x\ncredential_source = Environment\n\(more)\n"
        let file = try folder.write("config", text)
        return (folder, Self.keys.merging(["AWS_CONFIG_FILE": file, "AWS_REGION": "eu-central-1"]) { $1 })
    }

    @Test func `a role is assumed with a signature for sts in the region`() async throws {
        let (folder, variables) = try roleProfile("external_id = a:b&c=d")
        defer { folder.remove() }
        let aws = StandInAWS()
        try await withWebServer(aws.handle) { _, url in
            let found = try await testChain(variables, profile: "r", aws: url).resolve()
            #expect(found.credentials.sessionToken?.contains("|a:b&c=d|") == true)
            let seen = try #require(aws.seen.first)
            #expect(seen.headers["authorization"]?.contains("/eu-central-1/sts/aws4_request") == true)
            #expect(seen.headers["content-type"] == "application/x-www-form-urlencoded; charset=utf-8")
            #expect(seen.form["RoleSessionName"]?.hasPrefix("keybroker-") == true)
        }
    }

    @Test func `what STS refuses is said in its words, and only what may pass is asked again`() async throws {
        let (folder, variables) = try roleProfile()
        defer { folder.remove() }
        let aws = StandInAWS()
        let denied = StandInAWS.error("AccessDenied", "User: arn:aws:iam::1:user/u is not authorized")
        let throttled = StandInAWS.error("Throttling", "Rate exceeded")
        try await withWebServer(aws.handle) { _, url in
            let chain = testChain(variables, profile: "r", aws: url)
            aws.answer("AssumeRole", (.forbidden, denied))
            #expect(await failure(chain).hasSuffix("AccessDenied: User: arn:aws:iam::1:user/u is not authorized"))
            #expect(aws.seen.count == 1)
            aws.answer("AssumeRole", (.badRequest, throttled), (.internalServerError, ""))
            let found = try await chain.resolve()
            #expect(found.credentials.accessKeyID == "ASIAASSUMEDROLEKEY")
            #expect(aws.seen.count == 4)
            aws.answer("AssumeRole", (.ok, "<html>hello</html>"))
            #expect(await failure(chain).contains("is not what it returns"))
        }
    }

    @Test(arguments: [
        ("mfa_serial = arn:aws:iam::1:mfa/u", "mfa_serial"), ("duration_seconds = 60", "duration_seconds"),
    ])
    func `what a service cannot do is an error before anybody is asked`(line: String, says: String) async throws {
        let (folder, variables) = try roleProfile(line)
        defer { folder.remove() }
        let aws = StandInAWS()
        try await withWebServer(aws.handle) { _, url in
            #expect(await failure(testChain(variables, profile: "r", aws: url)).contains(says))
            #expect(aws.seen.isEmpty)
        }
    }

    @Test func `web identity sends the file's token of the moment, and no signature`() async throws {
        let folder = try TemporaryDirectory()
        let file = try folder.write("token", "first-token")
        let aws = StandInAWS()
        try await withWebServer(aws.handle) { _, url in
            let chain = testChain(
                ["AWS_WEB_IDENTITY_TOKEN_FILE": file, "AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/pod"],
                aws: url
            )
            _ = try await chain.resolve()
            try folder.write("token", "second-token")
            _ = try await chain.resolve()
            #expect(aws.seen.map { $0.form["WebIdentityToken"] } == ["first-token", "second-token"])
            #expect(aws.seen.allSatisfy { $0.headers["authorization"] == nil })
        }
    }

    // MARK: Programs

    @Test(arguments: [
        ("#!/bin/sh\necho secret-in-error >&2; exit 3", "ends with exit code 3"),
        ("#!/bin/sh\necho '{\"Version\": 2}'", "Version 1"),
        ("#!/bin/sh\necho nonsense", "Version 1"),
        ("#!/bin/sh\necho '{\"Version\": 1, \"AccessKeyId\": \"A\"}'", "SecretAccessKey"),
        ("#!/bin/sh\nyes", "said more than is read of it"),
        ("#!/bin/sh\nkill -9 $$", "exit code 137"),
    ])
    func `a program that gives none is an error without its words`(script: String, says: String) async throws {
        let folder = try TemporaryDirectory()
        let program = try folder.write("program", script, mode: 0o700)
        let file = try folder.write("config", "[profile p]\ncredential_process = \(program)\n")
        let text = await failure(testChain(["AWS_CONFIG_FILE": file, "PATH": "/usr/bin:/bin"], profile: "p"))
        #expect(text.contains(says) && !text.contains("secret-in-error"), "\(text)")
    }

    @Test func `a program gets its words, the environment, and nothing to read`() async throws {
        let folder = try TemporaryDirectory()
        let script = """
            #!/bin/sh
            printf '%s,' "$@" "$MARK" "$(cat)" > \(folder.path)/seen
            sleep 60 &
            echo '{"Version": 1, "AccessKeyId": "A", "SecretAccessKey": "s", "Expiration": "2099-01-01T00:00:00Z"}'
            """
        let program = try folder.write("program", script, mode: 0o700)
        let file = try folder.write(
            "config",
            "[profile p]\ncredential_process = \(program) a 'b  c' \"d\\\"e\" f\\ g\n"
        )
        let variables = ["AWS_CONFIG_FILE": file, "PATH": "/usr/bin:/bin", "MARK": "m"]
        let start = ContinuousClock.now
        let found = try await testChain(variables, profile: "p").resolve()
        #expect(found.credentials.accessKeyID == "A" && found.expiration == Timestamp(rfc3339: "2099-01-01T00:00:00Z"))
        #expect(folder.read("seen") == "a,b  c,d\"e,f g,m,,")
        // What it left behind holds its output open, and nobody waits for that.
        #expect(ContinuousClock.now - start < .seconds(30))
    }

    @Test func `signing in is refused by name, with the way around it`() async throws {
        let folder = try TemporaryDirectory()
        let file = try folder.write("config", "[profile s]\nsso_session = x\n")
        let text = await failure(testChain(["AWS_CONFIG_FILE": file], profile: "s"))
        #expect(text.contains("sso_session") && text.contains("aws configure export-credentials --profile s"))
    }
}
