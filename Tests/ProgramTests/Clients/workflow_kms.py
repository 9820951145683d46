# SPDX-License-Identifier: Apache-2.0
"""A confidential workflow (CSE-MAW) at KMS: the calls of its guide and of kmstool, through boto3, with attestation
documents that a security module signed; under the key policy of its guide, and under the corrected one.

KMS_URL: a development KMS, whose key test:test is the account's root and host:host-secret the role ROLE. KEYBROKER: the
command line. POLICIES: docs/policies. FOLDER: recipient.pem, and documents with its key: right, other-image,
other-configuration. PCR0, PCR16: of the right one. Ends with a line `ok` and status 0; otherwise the assertion that failed.
"""

import base64
import json
import os
import pathlib
import subprocess

import boto3
import botocore.exceptions
from botocore.config import Config
from cryptography.hazmat.primitives import hashes, padding as block_padding
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.serialization import load_pem_private_key

folder = pathlib.Path(os.environ["FOLDER"])
role_arn = os.environ["ROLE"]
recipient_key = load_pem_private_key((folder / "recipient.pem").read_bytes(), None)


def client(key, secret):
    return boto3.client(
        "kms", endpoint_url=os.environ["KMS_URL"], region_name="us-east-1", aws_access_key_id=key,
        aws_secret_access_key=secret, config=Config(retries={"max_attempts": 0}),
    )


admin, instance = client("test", "test"), client("host", "host-secret")


def recipient(name):
    return {"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": (folder / name).read_bytes()}


def refused(call, text):
    try:
        call()
    except botocore.exceptions.ClientError as error:
        found = error.response["Error"]
        assert found["Code"] == "AccessDeniedException" and text in found["Message"], found
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400
        return
    raise AssertionError("not refused: " + text)


# --- What kmstool does with an answer: BER, then RSA-OAEP, then AES-CBC


def elements(data):
    """Tag and content of each element, definite length or not."""
    found = []
    while data and data[:2] != b"\0\0":
        tag, length, data = data[0], data[1], data[2:]
        if length == 0x80:
            inner, data = indefinite(data)
        else:
            if length > 0x80:
                size = length & 0x7F
                length, data = int.from_bytes(data[:size], "big"), data[size:]
            inner, data = data[:length], data[length:]
        found.append((tag, inner))
    return found


def indefinite(data):
    """Content up to its end-of-contents, and what follows."""
    rest = data
    while rest[:2] != b"\0\0":
        length, rest = rest[1], rest[2:]
        if length == 0x80:
            _, rest = indefinite(rest)
        else:
            if length > 0x80:
                size = length & 0x7F
                length, rest = int.from_bytes(rest[:size], "big"), rest[size:]
            rest = rest[length:]
    return data[: len(data) - len(rest)], rest[2:]


def octets(tag, content):
    return b"".join(octets(*part) for part in elements(content)) if tag & 0x20 else content


def unwrap(envelope):
    (_, info), = elements(envelope)
    (_, name), (_, wrapped) = elements(info)
    assert name == bytes.fromhex("2a864886f70d010703"), "no EnvelopedData"
    (_, enveloped), = elements(wrapped)
    _, (_, recipients), (_, content) = elements(enveloped)[:3]
    (_, transport), = elements(recipients)
    encrypted_key = octets(*elements(transport)[3])
    _, (_, algorithm), (tag, ciphertext) = elements(content)
    (_, cipher), (_, initial) = elements(algorithm)
    assert cipher == bytes.fromhex("60864801650304012a"), "no AES-256-CBC"
    oaep = padding.OAEP(padding.MGF1(hashes.SHA256()), hashes.SHA256(), None)
    key = recipient_key.decrypt(encrypted_key, oaep)
    decryptor = Cipher(algorithms.AES(key), modes.CBC(initial)).decryptor()
    padded = decryptor.update(octets(tag, ciphertext)) + decryptor.finalize()
    unpadder = block_padding.PKCS7(128).unpadder()
    return unpadder.update(padded) + unpadder.finalize()


def kmstool(kms, blob, document="right"):
    """`kmstool_enclave_cli decrypt --ciphertext BASE64`: no key id, no encryption context. What it prints."""
    answer = kms.decrypt(CiphertextBlob=base64.b64decode(blob), Recipient=recipient(document))
    # The guide's `response['Plaintext']` is not there: whoever reads it has nothing, and no error either.
    assert not answer.get("Plaintext"), "the secret is there in clear"
    return "PLAINTEXT: " + base64.b64encode(unwrap(answer["CiphertextForRecipient"])).decode()


# --- The guide, step by step

created = admin.create_key(
    Description="Trusted Session Key for Confidential Multi-Agent Workflow", KeyUsage="ENCRYPT_DECRYPT",
    KeySpec="SYMMETRIC_DEFAULT",
)["KeyMetadata"]
key_id, arn = created["KeyId"], created["Arn"]
alias = "alias/confidential-workflow-tsk"
admin.create_alias(AliasName=alias, TargetKeyId=key_id)
data_key = admin.generate_data_key(KeyId=alias, KeySpec="AES_256")
tsk, blob = data_key["Plaintext"], base64.b64encode(data_key["CiphertextBlob"])  # encrypted-tsk.b64
assert len(tsk) == 32

account = arn.split(":")[4]
allow = lambda sid, principal, action, **more: {
    "Sid": sid, "Effect": "Allow", "Principal": {"AWS": principal}, "Action": action, "Resource": "*", **more}
theirs = {
    "Version": "2012-10-17",
    "Id": "confidential-workflow-key-policy",
    "Statement": [
        allow("Enable IAM User Permissions", f"arn:aws:iam::{account}:root", "kms:*"),
        allow("Allow Enclave Decrypt", role_arn, "kms:Decrypt", Condition={
            "StringEqualsIgnoreCase": {"kms:RecipientAttestation:ImageSha384": os.environ["PCR0"]}}),
        allow("Allow Key Administrators", f"arn:aws:iam::{account}:user/admin", [
            "kms:Create*", "kms:Describe*", "kms:Enable*", "kms:List*", "kms:Put*", "kms:Update*", "kms:Revoke*",
            "kms:Disable*", "kms:Get*", "kms:Delete*", "kms:TagResource", "kms:UntagResource",
            "kms:ScheduleKeyDeletion", "kms:CancelKeyDeletion"]),
    ],
}
of_the_role = {
    "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["kms:Decrypt"], "Resource": arn}]}
corrected = (pathlib.Path(os.environ["POLICIES"]) / "enclave-session-key.key.json").read_text()
for old, new in [
    ("111122223333", account), ("role/enclave-instance", role_arn.split(":")[5]), ("5d1f0a3c" * 12, os.environ["PCR0"]),
    ("c4e87b29" * 12, os.environ["PCR16"]),
]:
    assert old in corrected
    corrected = corrected.replace(old, new)
(folder / "theirs.json").write_text(json.dumps(theirs))
(folder / "corrected.json").write_text(corrected)
(folder / "role.json").write_text(json.dumps(of_the_role))


def put(name):
    admin.put_key_policy(KeyId=key_id, PolicyName="default", Policy=(folder / name).read_text())


def simulate(policy):
    """What the instance's role gets without attestation, with the IAM policy that the guide gives it."""
    return subprocess.run(
        [os.environ["KEYBROKER"], "policy", "simulate", "--key-policy", folder / policy, "--identity-policy",
         folder / "role.json", "--principal", role_arn, "--action", "kms:Decrypt", "--resource", arn, "--json"],
        capture_output=True, text=True)


def lint(policy):
    done = subprocess.run(
        [os.environ["KEYBROKER"], "policy", "lint", "--json", folder / policy], capture_output=True, text=True)
    codes = {finding["code"] for finding in json.loads(done.stdout)["files"][0]["findings"]}
    return done.returncode, codes


# Under the guide's policy kmstool gets its key …
put("theirs.json")
assert kmstool(instance, blob) == "PLAINTEXT: " + base64.b64encode(tsk).decode()
assert kmstool(instance, blob, "other-configuration") == "PLAINTEXT: " + base64.b64encode(tsk).decode()
# … and so does everybody else: "This should FAIL if policy is correctly configured".
assert admin.decrypt(KeyId=alias, CiphertextBlob=base64.b64decode(blob))["Plaintext"] == tsk
bypassed = simulate("theirs.json")
assert bypassed.returncode == 0 and json.loads(bypassed.stdout)["decision"] == "allowed", bypassed
status, codes = lint("theirs.json")
assert status == 1 and "attestation-not-enforced" in codes, codes
assert "attestation-not-enforced" not in lint("corrected.json")[1] and lint("corrected.json")[0] == 0

# Under the corrected one kmstool does, and nobody else, by whatever way.
put("corrected.json")
assert kmstool(instance, blob) == "PLAINTEXT: " + base64.b64encode(tsk).decode()
denied = "with an explicit deny in a resource-based policy"
for kms in admin, instance:
    refused(lambda: kms.decrypt(KeyId=alias, CiphertextBlob=base64.b64decode(blob)), denied)
    refused(lambda: kms.decrypt(CiphertextBlob=base64.b64decode(blob)), denied)
    for document in "other-image", "other-configuration":
        refused(lambda: kmstool(kms, blob, document), denied)
refused(lambda: admin.re_encrypt(CiphertextBlob=base64.b64decode(blob), DestinationKeyId=key_id), denied)
refused(lambda: admin.generate_data_key(KeyId=alias, KeySpec="AES_256"), denied)
refused(lambda: admin.encrypt(KeyId=alias, Plaintext=b"a key that I know"), denied)
closed = simulate("corrected.json")
assert closed.returncode == 1 and json.loads(closed.stdout)["decision"] == "explicitDeny", closed

# GenerateDataKey for an attested recipient, so that no operator sees a key: under a policy of its own.
fresh = admin.create_key()["KeyMetadata"]["KeyId"]
made = admin.generate_data_key(KeyId=fresh, KeySpec="AES_256", Recipient=recipient("right"))
assert not made.get("Plaintext")
assert unwrap(made["CiphertextForRecipient"]) == admin.decrypt(CiphertextBlob=made["CiphertextBlob"])["Plaintext"]

print("ok")
