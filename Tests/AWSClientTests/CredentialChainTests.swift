// SPDX-License-Identifier: Apache-2.0

import AWSClient
import SigV4
import TestSupport
import Testing

struct CredentialChainTests {
    private let file = """
        # a comment
        [default]
        aws_access_key_id = AKIDDEFAULT
        aws_secret_access_key = c2VjcmV0/default+1=

        ; another
        [temporary]
        aws_access_key_id=AKIDTEMPORARY
        aws_secret_access_key=secret-temporary
          aws_session_token = indented lines are nested
        aws_session_token=token==
        [half]
        aws_access_key_id = AKIDHALF
        [evil]
        aws_access_key_id = AKID
        aws_secret_access_key = a\u{1}b

        """

    private func resolve(_ environment: [String: String], _ profile: String? = nil) async throws -> AWSCredentials {
        let folder = try TemporaryDirectory()
        var environment = environment
        environment["AWS_SHARED_CREDENTIALS_FILE"] = try folder.write("credentials", file)
        return try await testChain(environment, profile: profile).resolve().credentials
    }

    @Test func `the environment comes first`() async throws {
        let credentials = try await resolve([
            "AWS_ACCESS_KEY_ID": "AKIDENV", "AWS_SECRET_ACCESS_KEY": "s", "AWS_PROFILE": "temporary",
        ])
        #expect(credentials.accessKeyID == "AKIDENV")
        #expect(secretText(credentials) == "s")
        #expect(credentials.sessionToken == nil)
    }

    @Test func `a session token of the environment belongs to its keys`() async throws {
        let credentials = try await resolve([
            "AWS_ACCESS_KEY_ID": "AKIDENV", "AWS_SECRET_ACCESS_KEY": "s", "AWS_SESSION_TOKEN": "t",
        ])
        #expect(credentials.sessionToken == "t")
    }

    @Test func `a profile that is named in the configuration comes before the environment`() async throws {
        let credentials = try await resolve(
            ["AWS_ACCESS_KEY_ID": "AKIDENV", "AWS_SECRET_ACCESS_KEY": "s"],
            "temporary"
        )
        #expect(credentials.accessKeyID == "AKIDTEMPORARY")
        #expect(credentials.sessionToken == "token==")
    }

    @Test func `without a name the default profile counts`() async throws {
        let credentials = try await resolve([:])
        #expect(credentials.accessKeyID == "AKIDDEFAULT")
        #expect(secretText(credentials) == "c2VjcmV0/default+1=")
    }

    @Test func `AWS_PROFILE names another, and empty variables do not count`() async throws {
        #expect(
            try await resolve(["AWS_ACCESS_KEY_ID": "", "AWS_PROFILE": "temporary"]).accessKeyID == "AKIDTEMPORARY"
        )
        #expect(try await resolve(["AWS_PROFILE": ""]).accessKeyID == "AKIDDEFAULT")
    }

    @Test(
        arguments: [
            (["AWS_ACCESS_KEY_ID": "AKIDENV"], nil),
            (["AWS_ACCESS_KEY_ID": "AKIDENV", "AWS_SECRET_ACCESS_KEY": "a\nb"], nil),
            ([:], "absent"), ([:], "half"), ([:], "evil"),
        ] as [([String: String], String?)]
    )
    func `what is not whole is an error that says where and nothing secret`(
        environment: [String: String],
        profile: String?
    ) async throws {
        let error = await #expect(throws: CredentialError.self) { try await resolve(environment, profile) }
        let text = try #require(error?.description)
        #expect(!text.contains("secret-") && !text.contains("a\u{1}b") && !text.contains("\n"))
        if let profile, profile != "evil" { #expect(text.contains("profile \(profile)")) }
    }

    @Test func `no file and no environment is an error that says what to do`() async throws {
        let nowhere = await #expect(throws: CredentialError.self) { try await testChain([:]).resolve() }
        #expect(nowhere?.description.contains("AWS_ACCESS_KEY_ID") == true)
        let missing = await #expect(throws: CredentialError.self) {
            try await testChain(["HOME": "/nowhere"]).resolve()
        }
        #expect(missing?.description.contains("/nowhere/.aws/credentials") == true)
    }
}
