# SPDX-License-Identifier: Apache-2.0
"""An unmodified AWS SDK, as it comes, changes keys: every operation of KMS that the broker has for it.

Reads AWS_ENDPOINT_URL_KMS, AWS_DEFAULT_REGION and AWS_SHARED_CREDENTIALS_FILE.
Ends with a line `ok` and status 0; otherwise the assertion that failed.
"""

import datetime
import time

import boto3
import botocore
from botocore.config import Config

kms = boto3.client("kms")


def error_of(call, **arguments):
    try:
        call(**arguments)
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
    raise AssertionError("no error")


# The same request twice within one second: they are signed alike, and the SDK's own retries tell them apart.
for client in (kms, boto3.client("kms", config=Config(retries={"mode": "standard"}))):
    client.list_keys()
    time.sleep(1.01 - time.time() % 1)
    answers = [client.create_key(KeySpec="HMAC_256", KeyUsage="GENERATE_VERIFY_MAC") for _ in range(2)]
    assert len({answer["KeyMetadata"]["KeyId"] for answer in answers}) == 2
    assert sum(answer["ResponseMetadata"]["RetryAttempts"] for answer in answers) >= 1

made = kms.create_key(
    KeySpec="RSA_2048",
    KeyUsage="SIGN_VERIFY",
    Description="made by boto3",
    Tags=[{"TagKey": "team", "TagValue": "audit"}],
)["KeyMetadata"]
key = made["KeyId"]
assert made["KeyState"] == "Enabled" and made["Origin"] == "AWS_KMS" and made["KeySpec"] == "RSA_2048", made
signature = kms.sign(KeyId=key, Message=b"event", SigningAlgorithm="RSASSA_PSS_SHA_256")["Signature"]
assert kms.verify(KeyId=key, Message=b"event", SigningAlgorithm="RSASSA_PSS_SHA_256", Signature=signature)["SignatureValid"]

kms.create_alias(AliasName="alias/boto3", TargetKeyId=key)
assert error_of(kms.create_alias, AliasName="alias/boto3", TargetKeyId=key) == "AlreadyExistsException"
kms.update_alias(AliasName="alias/boto3", TargetKeyId=made["Arn"])
assert kms.describe_key(KeyId="alias/boto3")["KeyMetadata"]["KeyId"] == key

kms.disable_key(KeyId=key)
assert error_of(kms.sign, KeyId=key, Message=b"event", SigningAlgorithm="RSASSA_PSS_SHA_256") == "DisabledException"
kms.enable_key(KeyId=key)
kms.update_key_description(KeyId=key, Description="another")
assert kms.describe_key(KeyId=key)["KeyMetadata"]["Description"] == "another"

kms.tag_resource(KeyId=key, Tags=[{"TagKey": "cost", "TagValue": "1"}])
kms.untag_resource(KeyId=key, TagKeys=["team"])
assert kms.list_resource_tags(KeyId=key)["Tags"] == [{"TagKey": "cost", "TagValue": "1"}]
assert error_of(kms.tag_resource, KeyId=key, Tags=[{"TagKey": "aws:x", "TagValue": ""}]) == "TagException"

policy = kms.get_key_policy(KeyId=key)["Policy"]
assert kms.list_key_policies(KeyId=key)["PolicyNames"] == ["default"]
kms.put_key_policy(KeyId=key, Policy=policy + " ")
assert kms.get_key_policy(KeyId=key)["Policy"] == policy + " "
nobody = policy.replace("kms:*", "kms:Sign")
assert error_of(kms.put_key_policy, KeyId=key, Policy=nobody) == "MalformedPolicyDocumentException"

kms.delete_alias(AliasName="alias/boto3")
assert error_of(kms.describe_key, KeyId="alias/boto3") == "NotFoundException"
scheduled = kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=7)
days = scheduled["DeletionDate"] - datetime.datetime.now(datetime.timezone.utc)
assert 6 < days / datetime.timedelta(days=1) <= 7.1, days
assert error_of(kms.enable_key, KeyId=key) == "KMSInvalidStateException"
kms.cancel_key_deletion(KeyId=key)
assert kms.describe_key(KeyId=key)["KeyMetadata"]["KeyState"] == "Disabled"

print("ok")
