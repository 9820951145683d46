// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Encoding
import Foundation
import SigV4
import TestSupport
import Testing

/// The same files, variables and endpoints, looked through by botocore and by this chain.
struct BotocoreChainTests {
    private struct Case {
        let name: String
        var variables: [String: String] = [:]
        var profile: String?
    }

    private static let config = """
        [default]
        region = eu-west-1

        [profile in-config]
        aws_access_key_id = AKIDINCONFIGFILE
        aws_secret_access_key = secret-config
        aws_session_token = token-config

        [profile "two words"]
        aws_access_key_id = AKIDTWOWORDSPROFILE
        aws_secret_access_key = secret-two

        # not a profile of the config file
        [bare]
        aws_access_key_id = AKIDBARESECTION
        aws_secret_access_key = secret-bare

        [profile both]
        aws_access_key_id = AKIDBOTHCONFIG
        aws_secret_access_key = secret-both-config
        role_session_name = of-config

        [profile role]
        role_arn = arn:aws:iam::111122223333:role/first
        source_profile = keys
        external_id = shared-id
        duration_seconds = 1800
        role_session_name = the-session

        [profile role-of-role]
        role_arn = arn:aws:iam::111122223333:role/second
        source_profile = role

        [profile role-of-both]
        role_arn = arn:aws:iam::111122223333:role/third
        source_profile = both
        role_session_name = third

        [profile role-of-itself]
        role_arn = arn:aws:iam::111122223333:role/self
        source_profile = role-of-itself
        aws_access_key_id = AKIDITSOWNSOURCE
        aws_secret_access_key = secret-own

        [profile role-of-environment]
        role_arn = arn:aws:iam::111122223333:role/environment
        credential_source = Environment

        [profile role-of-instance]
        role_arn = arn:aws:iam::111122223333:role/instance
        credential_source = Ec2InstanceMetadata
        region = ap-south-1

        [profile role-of-container]
        role_arn = arn:aws:iam::111122223333:role/container
        credential_source = EcsContainer

        [profile role-without-source]
        role_arn = arn:aws:iam::111122223333:role/alone

        [profile role-with-both-sources]
        role_arn = arn:aws:iam::111122223333:role/two
        source_profile = keys
        credential_source = Environment

        [profile role-of-nobody]
        role_arn = arn:aws:iam::111122223333:role/nobody
        source_profile = no-such-profile

        [profile role-of-empty]
        role_arn = arn:aws:iam::111122223333:role/empty
        source_profile = empty

        [profile circle-a]
        role_arn = arn:aws:iam::111122223333:role/a
        source_profile = circle-b

        [profile circle-b]
        role_arn = arn:aws:iam::111122223333:role/b
        source_profile = circle-a

        [profile strange-source]
        role_arn = arn:aws:iam::111122223333:role/strange
        credential_source = Elsewhere

        [profile empty]
        region = us-west-2

        [profile web]
        role_arn = arn:aws:iam::111122223333:role/web
        web_identity_token_file = FOLDER/token
        role_session_name = web-session

        [profile role-of-web]
        role_arn = arn:aws:iam::111122223333:role/after-web
        source_profile = web
        role_session_name = after

        [profile program]
        credential_process = FOLDER/program --with "two words"

        [profile program-and-config-keys]
        credential_process = FOLDER/program
        aws_access_key_id = AKIDAFTERTHEPROGRAM
        aws_secret_access_key = secret-after

        [profile program-that-fails]
        credential_process = FOLDER/fails
        """

    private static let credentials = """
        [default]
        aws_access_key_id = AKIDDEFAULTPROFILE
        aws_secret_access_key = secret-default

        [keys]
        aws_access_key_id = AKIDKEYSPROFILE
        aws_secret_access_key = secret-keys

        [both]
        aws_access_key_id = AKIDBOTHCREDENTIALS
        aws_secret_access_key = secret-both
        aws_session_token = token-both

        [half]
        aws_access_key_id = AKIDHALFPROFILE
        """

    private static let environmentKeys = [
        "AWS_ACCESS_KEY_ID": "AKIDENVIRONMENT", "AWS_SECRET_ACCESS_KEY": "secret-env",
    ]

    private static var cases: [Case] {
        var cases: [Case] = []
        for profile in [
            "in-config", "two words", "bare", "both", "role", "role-of-role", "role-of-both", "role-of-itself",
            "role-of-instance", "role-of-environment", "role-without-source", "role-with-both-sources",
            "role-of-nobody", "role-of-empty", "circle-a", "strange-source", "empty", "web", "role-of-web", "program",
            "program-and-config-keys", "program-that-fails", "half", "no-such-profile",
        ] {
            cases.append(Case(name: "named \(profile)", profile: profile))
            cases.append(Case(name: "AWS_PROFILE=\(profile)", variables: ["AWS_PROFILE": profile]))
        }
        cases += [
            Case(name: "default"),
            Case(name: "environment", variables: environmentKeys),
            Case(
                name: "environment with a token and an end",
                variables: environmentKeys.merging([
                    "AWS_SESSION_TOKEN": "t", "AWS_CREDENTIAL_EXPIRATION": "2099-01-01T00:00:00Z",
                ]) { $1 }
            ),
            Case(name: "environment without its secret", variables: ["AWS_ACCESS_KEY_ID": "AKIDENVIRONMENT"]),
            Case(
                name: "environment before AWS_PROFILE",
                variables: environmentKeys.merging(["AWS_PROFILE": "both"]) { $1 }
            ),
            Case(name: "a named profile before the environment", variables: environmentKeys, profile: "both"),
            Case(
                name: "role of the environment's keys",
                variables: environmentKeys,
                profile: "role-of-environment"
            ),
            Case(
                name: "role of the container's",
                variables: ["AWS_CONTAINER_CREDENTIALS_FULL_URI": "URL/container"],
                profile: "role-of-container"
            ),
            Case(
                name: "web identity of the environment",
                variables: [
                    "AWS_WEB_IDENTITY_TOKEN_FILE": "FOLDER/token",
                    "AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/pod", "AWS_ROLE_SESSION_NAME": "pod",
                ]
            ),
            Case(
                name: "web identity of the environment, and a named profile",
                variables: [
                    "AWS_WEB_IDENTITY_TOKEN_FILE": "FOLDER/token",
                    "AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/pod",
                ],
                profile: "keys"
            ),
            Case(name: "web identity without a role", variables: ["AWS_WEB_IDENTITY_TOKEN_FILE": "FOLDER/token"]),
            Case(
                name: "web identity without its file",
                variables: [
                    "AWS_WEB_IDENTITY_TOKEN_FILE": "FOLDER/none",
                    "AWS_ROLE_ARN": "arn:aws:iam::111122223333:role/pod",
                ]
            ),
            Case(
                name: "the default profile before a container",
                variables: ["AWS_CONTAINER_CREDENTIALS_FULL_URI": "URL/container"]
            ),
            Case(
                name: "a container before the instance",
                variables: [
                    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "URL/container", "AWS_PROFILE": "empty",
                ]
            ),
            Case(
                name: "a container elsewhere in clear",
                variables: [
                    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://192.0.2.1/container", "AWS_PROFILE": "empty",
                ]
            ),
            Case(
                name: "the instance where there are no files",
                variables: ["AWS_SHARED_CREDENTIALS_FILE": "FOLDER/none", "AWS_CONFIG_FILE": "FOLDER/none"]
            ),
            Case(
                name: "nothing",
                variables: [
                    "AWS_SHARED_CREDENTIALS_FILE": "FOLDER/none", "AWS_CONFIG_FILE": "FOLDER/none",
                    "AWS_EC2_METADATA_DISABLED": "true",
                ]
            ),
        ]
        return cases
    }

    /// For each case: access key, secret and token; or null where botocore has an error or nothing.
    private static let judge = """
        import json, os, sys
        import botocore.session
        base = dict(os.environ)
        results = []
        for case in json.load(sys.stdin):
            os.environ.clear()
            os.environ.update(base)
            os.environ.update(case["variables"])
            try:
                found = botocore.session.Session(profile=case["profile"]).get_credentials()
                frozen = found.get_frozen_credentials() if found else None
                results.append(list(frozen[:3]) if frozen else None)
            except Exception as error:
                results.append(None)
        print(json.dumps(results))
        """

    @Test(.enabled(if: Tool.pythonHas("botocore")))
    func `botocore finds the same credentials, or like us none`() async throws {
        let folder = try TemporaryDirectory()
        try folder.write("config", Self.config.replacing("FOLDER", with: folder.path))
        try folder.write("credentials", Self.credentials)
        try folder.write("token", "eyJhbGciOiJSUzI1NiJ9.e30.signature")
        let printed = #"{"Version": 1, "AccessKeyId": "AKIDOFTHEPROGRAM", "SecretAccessKey": "'"$#${#2}"'"}"#
        try folder.write("program", "#!/bin/sh\nprintf '%s' '\(printed)'\n", mode: 0o700)
        try folder.write("fails", "#!/bin/sh\necho 'a secret' >&2; exit 3\n", mode: 0o700)
        // Which numbers it has given is not what is compared.
        let aws = StandInAWS()
        try await withWebServer(aws.handle) { _, url in
            let cases = Self.cases.map { given in
                var variables = [
                    "AWS_CONFIG_FILE": folder.file("config"), "AWS_SHARED_CREDENTIALS_FILE": folder.file("credentials"),
                    "AWS_DEFAULT_REGION": "us-east-1", "AWS_ENDPOINT_URL_STS": url,
                    "AWS_EC2_METADATA_SERVICE_ENDPOINT": url, "PATH": "/usr/bin:/bin",
                ]
                if given.profile == "role-of-instance" { variables["AWS_DEFAULT_REGION"] = nil }
                for (name, value) in given.variables {
                    variables[name] = value.replacing("FOLDER", with: folder.path).replacing("URL", with: url)
                }
                return Case(name: given.name, variables: variables, profile: given.profile)
            }
            let input = JSON.array(
                cases.map { given in
                    [
                        "variables": .object(JSONObject(given.variables.map { ($0.key, .string($0.value)) })),
                        "profile": given.profile.map { .string($0) } ?? .null,
                    ]
                }
            )
            let clean = ["AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]
            let answer = try await Tool.succeed(
                "python3",
                ["-c", Self.judge],
                input: input.serialized(),
                environment: Dictionary(uniqueKeysWithValues: clean.map { ($0, String?.none) })
            ).output
            let expected = try #require(try JSON.parse(answer).array)
            #expect(expected.count == cases.count && expected.count { $0 != .null } > 25)
            for (given, theirs) in zip(cases, expected) {
                let ours = try? await testChain(given.variables, profile: given.profile, aws: url).resolve().credentials
                let parts = theirs.array?.map { $0.string }
                #expect(
                    ours.map { Self.plain($0.accessKeyID) } == parts.map { Self.plain($0[0] ?? "") },
                    "\(given.name)"
                )
                #expect(ours.map(secretText) == parts.map { $0[1] ?? "" }, "\(given.name)")
                #expect(
                    ours.map { Self.plain($0.sessionToken ?? "") } == parts.map { Self.plain($0[2] ?? "") },
                    "\(given.name)"
                )
            }
        }
    }

    /// Without the number that each answer of a metadata service has of its own.
    private static func plain(_ text: String) -> String {
        text.replacing(/(ASIAINSTANCE|ASIACONTAINER)[0-9]+/) { String($0.1) }
    }
}
