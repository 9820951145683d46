// SPDX-License-Identifier: Apache-2.0

import DevelopmentKMS
import Encoding
import Foundation
import TestSupport
import Testing

/// What a program that uses AWS's SDK for Python sees.
@Suite(.enabled(if: Tool.pythonHas("boto3", "cryptography"), "python3 has no boto3 and cryptography"))
struct Boto3Tests {
    /// Runs a script against a service at the real time, which is what boto3 signs with.
    private static func run(_ script: String, failures: [String] = []) async throws {
        let now = Timestamp(seconds: Int64(Date().timeIntervalSince1970))
        try await TestService.with(
            clock: TestClock(now),
            options: { $0.failures = try failures.map { try FailureRule($0) } }
        ) { service in
            let result = try await Tool.run(
                "python3",
                ["-c", prelude + script + "\nprint('done')\n"],
                environment: [
                    "AWS_ENDPOINT_URL_KMS": "http://127.0.0.1:\(service.port)", "AWS_DEFAULT_REGION": "eu-central-1",
                    "AWS_ACCESS_KEY_ID": "AKROOT", "AWS_SECRET_ACCESS_KEY": "secret of the root",
                    "AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": "/dev/null",
                    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null", "NO_PROXY": "127.0.0.1",
                ]
            )
            #expect(result.status == 0 && result.text.hasSuffix("done\n"), "\(result.text)\(result.errors)")
        }
    }

    private static let prelude = """
        import boto3, json
        from botocore.exceptions import ClientError
        kms = boto3.client("kms")
        alice = boto3.client("kms", aws_access_key_id="AKALICE", aws_secret_access_key="secret of alice")
        arn = "arn:aws:kms:eu-central-1:111122223333:"

        def refused(expected, call, *, message=None, typed=True, **arguments):
            try:
                call(**arguments)
            except ClientError as error:
                found = error.response["Error"]
                assert found["Code"] == expected, found
                assert message is None or found["Message"] == message, found
                if typed: assert type(error).__name__ == expected, type(error)
                assert error.response["ResponseMetadata"]["RequestId"]
            else:
                raise AssertionError("not refused: " + expected)

        """

    @Test func `keys are made, named, described and listed`() async throws {
        try await Self.run(
            """
            key = kms.create_key(Description="for audit", KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]
            assert key["Arn"] == arn + "key/" + key["KeyId"] and key["Enabled"] and key["KeyState"] == "Enabled"
            kms.create_alias(AliasName="alias/audit", TargetKeyId=key["KeyId"])
            for name in [key["KeyId"], key["Arn"], "alias/audit", arn + "alias/audit"]:
                assert kms.describe_key(KeyId=name)["KeyMetadata"] == key
            aliases = kms.list_aliases()["Aliases"]
            assert [(a["AliasName"], a["TargetKeyId"]) for a in aliases] == [("alias/audit", key["KeyId"])]
            assert aliases[0]["CreationDate"] == key["CreationDate"] or aliases[0]["CreationDate"] > key["CreationDate"]
            for n in range(5): kms.create_alias(AliasName=f"alias/n{n}", TargetKeyId=key["Arn"])
            pages = kms.get_paginator("list_aliases").paginate(PaginationConfig={"PageSize": 2})
            assert len([a for page in pages for a in page["Aliases"]]) == 6
            assert kms.list_keys()["Keys"] == [{"KeyId": key["KeyId"], "KeyArn": key["Arn"]}]
            policy = json.loads(kms.get_key_policy(KeyId=key["KeyId"], PolicyName="default")["Policy"])
            assert policy["Statement"][0]["Principal"] == {"AWS": "arn:aws:iam::111122223333:root"}
            refused("AlreadyExistsException", kms.create_alias, AliasName="alias/audit", TargetKeyId=key["KeyId"])
            refused("NotFoundException", kms.describe_key, KeyId="alias/none",
                    message="Alias " + arn + "alias/none is not found.")
            """
        )
    }

    @Test func `Encrypt, Decrypt and GenerateDataKey keep their encryption context`() async throws {
        try await Self.run(
            """
            key = kms.create_key()["KeyMetadata"]
            kms.create_alias(AliasName="alias/k", TargetKeyId=key["KeyId"])
            context = {"keybroker:purpose": "tsk", "keybroker:broker": "b\u{E9}"}
            sealed = kms.encrypt(KeyId="alias/k", Plaintext=b"secret", EncryptionContext=context)
            assert sealed["KeyId"] == key["Arn"] and sealed["EncryptionAlgorithm"] == "SYMMETRIC_DEFAULT"
            blob = sealed["CiphertextBlob"]
            opened = kms.decrypt(CiphertextBlob=blob, EncryptionContext=dict(reversed(context.items())))
            assert opened["Plaintext"] == b"secret" and opened["KeyId"] == key["Arn"]
            for wrong in [{}, {"keybroker:purpose": "tsk"}, dict(context, more="x")]:
                refused("InvalidCiphertextException", kms.decrypt, CiphertextBlob=blob, EncryptionContext=wrong)
            other = kms.create_key()["KeyMetadata"]["KeyId"]
            refused("IncorrectKeyException", kms.decrypt, CiphertextBlob=blob, EncryptionContext=context, KeyId=other)
            refused("InvalidCiphertextException", kms.decrypt, CiphertextBlob=b"x" * 200)
            data = kms.generate_data_key(KeyId="alias/k", KeySpec="AES_256", EncryptionContext=context)
            assert len(data["Plaintext"]) == 32
            assert kms.decrypt(CiphertextBlob=data["CiphertextBlob"], EncryptionContext=context)["Plaintext"] == data["Plaintext"]
            refused("ValidationException", kms.generate_data_key, KeyId="alias/k", typed=False,
                    message="Please specify either number of bytes or key spec.")
            refused("ValidationException", kms.decrypt, CiphertextBlob=blob, EncryptionContext=context, typed=False,
                    Recipient={"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": b"nonsense"})
            """
        )
    }

    @Test func `signatures and MACs are made and refused`() async throws {
        try await Self.run(
            """
            from cryptography.hazmat.primitives import hashes, serialization
            from cryptography.hazmat.primitives.asymmetric import ec
            key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["KeyId"]
            signed = kms.sign(KeyId=key, Message=b"event", SigningAlgorithm="ECDSA_SHA_256")
            public = serialization.load_der_public_key(kms.get_public_key(KeyId=key)["PublicKey"])
            public.verify(signed["Signature"], b"event", ec.ECDSA(hashes.SHA256()))
            good = dict(KeyId=key, Message=b"event", SigningAlgorithm="ECDSA_SHA_256")
            assert kms.verify(Signature=signed["Signature"], **good)["SignatureValid"] is True
            refused("KMSInvalidSignatureException", kms.verify, Signature=b"x", **good)
            refused("InvalidKeyUsageException", kms.sign, **dict(good, SigningAlgorithm="RSASSA_PSS_SHA_256"))
            refused("DryRunOperationException", kms.sign, DryRun=True, **good)
            refused("ValidationException", kms.sign, typed=False, **dict(good, Message=b""))
            mac = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
            made = kms.generate_mac(KeyId=mac, Message=b"event", MacAlgorithm="HMAC_SHA_256")["Mac"]
            assert kms.verify_mac(KeyId=mac, Message=b"event", MacAlgorithm="HMAC_SHA_256", Mac=made)["MacValid"]
            refused("KMSInvalidMacException", kms.verify_mac, KeyId=mac, Message=b"other", MacAlgorithm="HMAC_SHA_256", Mac=made)
            refused("UnsupportedOperationException", kms.get_public_key, KeyId=mac)
            """
        )
    }

    @Test func `key policies count, and strangers are told their name`() async throws {
        try await Self.run(
            """
            key = kms.create_key()["KeyMetadata"]
            user = "arn:aws:iam::111122223333:user/alice"
            refused("AccessDeniedException", alice.encrypt, typed=False, KeyId=key["Arn"], Plaintext=b"x",
                    message=f"User: {user} is not authorized to perform: kms:Encrypt on resource: {key['Arn']} "
                            "because no identity-based policy allows the kms:Encrypt action")
            def policy(actions):
                allow = lambda who, what: {"Effect": "Allow", "Principal": {"AWS": who}, "Action": what, "Resource": "*"}
                return json.dumps({"Version": "2012-10-17", "Statement": [
                    allow("arn:aws:iam::111122223333:root", "kms:*"), allow(user, actions)]})
            kms.put_key_policy(KeyId=key["KeyId"], PolicyName="default", Policy=policy(["kms:Encrypt"]))
            blob = alice.encrypt(KeyId=key["Arn"], Plaintext=b"x")["CiphertextBlob"]
            refused("AccessDeniedException", alice.decrypt, typed=False, CiphertextBlob=blob)
            refused("MalformedPolicyDocumentException", kms.put_key_policy, KeyId=key["KeyId"], Policy="{")
            stranger = boto3.client("kms", aws_access_key_id="AKNOBODY", aws_secret_access_key="x")
            refused("UnrecognizedClientException", stranger.list_keys, typed=False)
            liar = boto3.client("kms", aws_access_key_id="AKROOT", aws_secret_access_key="x")
            refused("InvalidSignatureException", liar.list_keys, typed=False)
            """
        )
    }

    @Test func `the states of a key are changed and respected`() async throws {
        try await Self.run(
            """
            import datetime
            key = kms.create_key()["KeyMetadata"]
            id, key_arn = key["KeyId"], key["Arn"]
            kms.disable_key(KeyId=id)
            assert kms.describe_key(KeyId=id)["KeyMetadata"]["Enabled"] is False
            refused("DisabledException", kms.encrypt, KeyId=id, Plaintext=b"x", message=key_arn + " is disabled.")
            kms.enable_key(KeyId=key_arn)
            kms.encrypt(KeyId=id, Plaintext=b"x")
            kms.update_key_description(KeyId=id, Description="for tests")
            assert kms.describe_key(KeyId=id)["KeyMetadata"]["Description"] == "for tests"
            refused("KMSInvalidStateException", kms.cancel_key_deletion, KeyId=id,
                    message=key_arn + " is not pending deletion.")
            scheduled = kms.schedule_key_deletion(KeyId=id, PendingWindowInDays=7)
            assert scheduled["KeyId"] == key_arn and scheduled["KeyState"] == "PendingDeletion"
            assert scheduled["PendingWindowInDays"] == 7
            wait = scheduled["DeletionDate"] - datetime.datetime.now(datetime.timezone.utc)
            assert datetime.timedelta(days=6) < wait <= datetime.timedelta(days=7, minutes=5)
            assert kms.describe_key(KeyId=id)["KeyMetadata"]["DeletionDate"] == scheduled["DeletionDate"]
            refused("KMSInvalidStateException", kms.encrypt, KeyId=id, Plaintext=b"x",
                    message=key_arn + " is pending deletion.")
            refused("KMSInvalidStateException", kms.enable_key, KeyId=id)
            assert kms.cancel_key_deletion(KeyId=id)["KeyId"] == key_arn
            assert kms.describe_key(KeyId=id)["KeyMetadata"]["KeyState"] == "Disabled"
            """
        )
    }

    @Test func `aliases move and go, and lists page`() async throws {
        try await Self.run(
            """
            first, second = (kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(2))
            kms.create_alias(AliasName="alias/app", TargetKeyId=first)
            kms.update_alias(AliasName="alias/app", TargetKeyId=second)
            assert kms.describe_key(KeyId="alias/app")["KeyMetadata"]["KeyId"] == second
            mac = kms.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC")["KeyMetadata"]["KeyId"]
            refused("ValidationException", kms.update_alias, typed=False, AliasName="alias/app", TargetKeyId=mac)
            kms.delete_alias(AliasName="alias/app")
            assert kms.list_aliases()["Aliases"] == []
            refused("NotFoundException", kms.delete_alias, AliasName="alias/app",
                    message="Alias " + arn + "alias/app is not found.")
            pages = list(kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 2}))
            assert len(pages) == 2 and {k["KeyId"] for p in pages for k in p["Keys"]} == {first, second, mac}
            assert kms.list_key_policies(KeyId=first)["PolicyNames"] == ["default"]
            names = [n for p in kms.get_paginator("list_key_policies").paginate(KeyId=first) for n in p["PolicyNames"]]
            assert names == ["default"]
            """
        )
    }

    @Test func `ciphertexts are encrypted again, and data keys made for later`() async throws {
        try await Self.run(
            """
            first, second = (kms.create_key()["KeyMetadata"] for _ in range(2))
            blob = kms.encrypt(KeyId=first["Arn"], Plaintext=b"secret", EncryptionContext={"a": "b"})["CiphertextBlob"]
            moved = kms.re_encrypt(CiphertextBlob=blob, SourceEncryptionContext={"a": "b"},
                                   DestinationKeyId=second["KeyId"], DestinationEncryptionContext={"c": "d"})
            assert moved["SourceKeyId"] == first["Arn"] and moved["KeyId"] == second["Arn"]
            again = kms.decrypt(CiphertextBlob=moved["CiphertextBlob"], EncryptionContext={"c": "d"})
            assert again["Plaintext"] == b"secret" and again["KeyId"] == second["Arn"]
            refused("InvalidCiphertextException", kms.re_encrypt, CiphertextBlob=blob, DestinationKeyId=second["KeyId"])
            later = kms.generate_data_key_without_plaintext(KeyId=first["KeyId"], NumberOfBytes=48)
            assert "Plaintext" not in later
            assert len(kms.decrypt(CiphertextBlob=later["CiphertextBlob"])["Plaintext"]) == 48
            assert len(kms.generate_random(NumberOfBytes=24)["Plaintext"]) == 24
            refused("UnknownOperationException", kms.list_grants, typed=False, KeyId=first["KeyId"])
            """
        )
    }

    @Test func `the client of AWS tries again where it is throttled, and gives up as it does with AWS`() async throws {
        try await Self.run(
            """
            # How long it waits is its own affair, and up to eight seconds at a time.
            import time
            time.sleep = lambda seconds: None
            assert kms.list_keys()["ResponseMetadata"]["RetryAttempts"] == 2
            refused("ThrottlingException", kms.list_aliases, typed=False)
            """,
            failures: ["ListKeys=throttle:2", "ListAliases=throttle"]
        )
    }
}
