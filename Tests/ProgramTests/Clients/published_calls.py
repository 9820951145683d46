# SPDX-License-Identifier: Apache-2.0
"""Calls of KMS as they are commonly published, through boto3: as printed, KMS's outcome; as corrected, success.

KMS_URL: a development KMS, whose key test:test is the account's root and host:host-secret a role (ROLE). BROKER_URL: a
broker with keys alias/audit-{ed25519,p256,rsa,hmac}, and AWS_SHARED_CREDENTIALS_FILE for it. POLICIES: docs/policies.
Prints a line for each row; ends with `ok` and status 0, or with the rows that are wrong.
"""

import base64
import hashlib
import json
import os
import pathlib
import urllib.error
import urllib.request

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.exceptions
from botocore.config import Config
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import load_der_public_key

NO_RETRIES = Config(retries={"max_attempts": 0})


def client(url, key=None, secret=None):
    return boto3.client(
        "kms", endpoint_url=url, region_name="us-east-1", aws_access_key_id=key, aws_secret_access_key=secret,
        config=NO_RETRIES,
    )


root = client(os.environ["KMS_URL"], "test", "test")
role = client(os.environ["KMS_URL"], "host", "host-secret")
broker = client(os.environ["BROKER_URL"])
digest = hashlib.sha256(b"an audit event").digest()
PKCS1 = {"MessageType": "DIGEST", "SigningAlgorithm": "RSASSA_PKCS1_V1_5_SHA_256", "Message": digest}
ECDSA = {"MessageType": "DIGEST", "SigningAlgorithm": "ECDSA_SHA_256", "Message": digest}
EDDSA = {"MessageType": "RAW", "SigningAlgorithm": "ED25519_SHA_512", "Message": digest}
prehashed = utils.Prehashed(hashes.SHA256())


# Keys of the table, each made once. In the broker they have the names on the right.
class Keys:
    def __init__(self, kms, ids=None):
        self.kms, self.ids = kms, dict(ids or {})

    def __getitem__(self, spec):
        if spec not in self.ids:
            usage = "GENERATE_VERIFY_MAC" if spec.startswith("HMAC") else (
                "ENCRYPT_DECRYPT" if spec == "SYMMETRIC_DEFAULT" else "SIGN_VERIFY"
            )
            self.ids[spec] = self.kms.create_key(KeySpec=spec, KeyUsage=usage)["KeyMetadata"]["KeyId"]
        return self.ids[spec]


kms_keys = Keys(root)
broker_keys = Keys(
    broker,
    {
        "ECC_NIST_EDWARDS25519": "alias/audit-ed25519", "ECC_NIST_P256": "alias/audit-p256",
        "RSA_2048": "alias/audit-rsa", "HMAC_256": "alias/audit-hmac",
    },
)


# --- Outcomes

CLIENT = "refused by boto3 before it asks"


def outcome(call):
    """(name, message) of an error; None if there is none."""
    try:
        call()
        return None
    except botocore.exceptions.ParamValidationError as error:
        return CLIENT, str(error)
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"].get("Message", "")


def public(kms, key_id):
    return load_der_public_key(kms.get_public_key(KeyId=key_id)["PublicKey"])


def rsa_signs(kms, keys):
    signature = kms.sign(KeyId=keys["RSA_2048"], **PKCS1)["Signature"]
    public(kms, keys["RSA_2048"]).verify(signature, digest, padding.PKCS1v15(), prehashed)


def ecdsa_signs(kms, key_id):
    key = public(kms, key_id)
    assert isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == "secp256r1", key
    key.verify(kms.sign(KeyId=key_id, **ECDSA)["Signature"], digest, ec.ECDSA(prehashed))


def eddsa_signs(kms, key_id):
    key = public(kms, key_id)
    assert isinstance(key, ed25519.Ed25519PublicKey), key
    key.verify(kms.sign(KeyId=key_id, **EDDSA)["Signature"], digest)


def macs(kms, keys):
    mac = kms.generate_mac(KeyId=keys["HMAC_256"], Message=digest, MacAlgorithm="HMAC_SHA_256")["Mac"]
    assert len(mac) == 32
    assert kms.verify_mac(KeyId=keys["HMAC_256"], Message=digest, MacAlgorithm="HMAC_SHA_256", Mac=mac)["MacValid"]


def create(**arguments):
    return root.create_key(**arguments)["KeyMetadata"]


def policy(name, **names):
    text = (pathlib.Path(os.environ["POLICIES"]) / name).read_text().replace("111122223333", "000000000000")
    for old, new in names.items():
        text = text.replace("role/" + old.replace("_", "-"), "role/" + new)
    return text


def under(text, **arguments):
    """A new key with this policy."""
    key_id = create(**arguments)["KeyId"]
    root.put_key_policy(KeyId=key_id, PolicyName="default", Policy=text)
    return key_id


def send(url, target, body, key, secret):
    """A request as bytes, signed by botocore. (status, JSON)"""
    request = botocore.awsrequest.AWSRequest(
        "POST", url + "/", data=body,
        headers={"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target},
    )
    credentials = botocore.credentials.Credentials(key, secret)
    botocore.auth.SigV4Auth(credentials, "kms", "us-east-1").add_auth(request)
    prepared = request.prepare()
    try:
        with urllib.request.urlopen(
            urllib.request.Request(prepared.url, prepared.body, dict(prepared.headers), method="POST")
        ) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


# --- The table: name; as printed: call, error (None: it succeeds); as corrected: a call that asserts its result

HOST = os.environ["ROLE"].split("role/")[1]
ENUM = "failed to satisfy constraint: Member must satisfy enum value set: ["
DENIED = "User: {} is not authorized to perform: kms:{}"
rows = []


def row(name, printed, error, text="", corrected=None):
    rows.append((name, printed, error, text, corrected))


def signing_rows(where, kms, keys):
    """What a key service of either kind answers."""
    ed, p256, rsa_key, mac = (
        lambda: keys["ECC_NIST_EDWARDS25519"], lambda: keys["ECC_NIST_P256"], lambda: keys["RSA_2048"],
        lambda: keys["HMAC_256"],
    )
    row(f"{where}: sign a digest with RSA", lambda: rsa_signs(kms, keys), None)
    row(
        f"{where}: the digest as a message, which is hashed again",
        lambda: kms.sign(KeyId=rsa_key(), **{**PKCS1, "MessageType": "RAW"}), None,
        corrected=lambda: rsa_signs(kms, keys),
    )
    row(
        f"{where}: 64 hex digits for a digest", lambda: kms.sign(
            KeyId=p256(), **{**ECDSA, "Message": digest.hex().encode()}),
        "ValidationException", "Digest is invalid length for algorithm ECDSA_SHA_256.",
        lambda: ecdsa_signs(kms, p256()),
    )
    for name in "ED25519", "Ed25519", "EdDSA":
        row(
            f"{where}: SigningAlgorithm {name}", lambda name=name: kms.sign(
                KeyId=ed(), Message=digest, SigningAlgorithm=name),
            "ValidationException", f"1 validation error detected: Value '{name}' at 'signingAlgorithm' {ENUM}",
            lambda: eddsa_signs(kms, ed()),
        )
    row(
        f"{where}: MessageFormat", lambda: kms.sign(
            KeyId=ed(), Message=digest, SigningAlgorithm="ED25519_SHA_512", MessageFormat="RAW"),
        CLIENT, 'Unknown parameter in input: "MessageFormat"', lambda: eddsa_signs(kms, ed()),
    )
    row(
        f"{where}: Ed25519 over a DIGEST", lambda: kms.sign(KeyId=ed(), **{**EDDSA, "MessageType": "DIGEST"}),
        "ValidationException", "Message type DIGEST is incompatible with algorithm ED25519_SHA_512.",
        lambda: eddsa_signs(kms, ed()),
    )
    row(
        f"{where}: an RSA algorithm on a curve", lambda: kms.sign(KeyId=p256(), **PKCS1), "InvalidKeyUsageException",
        "Algorithm RSASSA_PKCS1_V1_5_SHA_256 is incompatible with key spec ECC_NIST_P256.",
        lambda: ecdsa_signs(kms, p256()),
    )
    row(
        f"{where}: SignatureAlgorithm in Verify", lambda: kms.verify(
            KeyId=p256(), Message=digest, Signature=b"x", SignatureAlgorithm="ECDSA_SHA_256"),
        CLIENT, "SigningAlgorithm", lambda: kms.verify(
            KeyId=p256(), Signature=kms.sign(KeyId=p256(), **ECDSA)["Signature"], **ECDSA),
    )
    row(
        f"{where}: a wrong signature is false", lambda: kms.verify(KeyId=p256(), Signature=b"\x30\x00", **ECDSA),
        "KMSInvalidSignatureException",
        corrected=lambda: kms.verify(KeyId=p256(), Signature=kms.sign(KeyId=p256(), **ECDSA)["Signature"], **ECDSA),
    )
    row(f"{where}: MACs", lambda: macs(kms, keys), None)
    row(
        f"{where}: a wrong MAC is false", lambda: kms.verify_mac(
            KeyId=mac(), Message=digest, MacAlgorithm="HMAC_SHA_256", Mac=bytes(32)),
        "KMSInvalidMacException", corrected=lambda: macs(kms, keys),
    )
    row(
        f"{where}: Verify for a MAC", lambda: kms.verify(KeyId=mac(), Signature=bytes(32), **ECDSA),
        "InvalidKeyUsageException", "key usage is GENERATE_VERIFY_MAC which is not valid for Verify.",
        lambda: macs(kms, keys),
    )
    row(
        f"{where}: the public key of a MAC key", lambda: kms.get_public_key(KeyId=mac()),
        "UnsupportedOperationException", corrected=lambda: public(kms, p256()),
    )
    row(
        f"{where}: GenerateMac on a signing key", lambda: kms.generate_mac(
            KeyId=p256(), Message=digest, MacAlgorithm="HMAC_SHA_256"),
        "InvalidKeyUsageException", "key usage is SIGN_VERIFY which is not valid for GenerateMac.",
        lambda: macs(kms, keys),
    )
    row(
        f"{where}: a key that is not there", lambda: kms.describe_key(KeyId="alias/dossier-official-prod"),
        "NotFoundException", "alias/dossier-official-prod is not found.",
        lambda: kms.describe_key(KeyId=p256())["KeyMetadata"]["Arn"].index("arn:aws:kms:"),
    )


signing_rows("kms", root, kms_keys)
signing_rows("broker", broker, broker_keys)

# Making keys.
row(
    "create-key RSA_2048 with the old parameter", lambda: create(
        KeyUsage="SIGN_VERIFY", CustomerMasterKeySpec="RSA_2048", Origin="AWS_KMS", Description="audit signing"), None,
    corrected=lambda: rsa_signs(root, {"RSA_2048": create(KeyUsage="SIGN_VERIFY", KeySpec="RSA_2048")["KeyId"]}),
)
for member, value in [
    ("CustomerMasterKeySpec", "ED25519"), ("CustomerMasterKeySpec", "ECC_NIST_EDWARDS25519"), ("KeySpec", "ED25519"),
    ("KeySpec", "ECC_ED25519"),
]:
    row(
        f"create-key {member} {value}",
        lambda member=member, value=value: create(KeyUsage="SIGN_VERIFY", **{member: value}), "ValidationException",
        f"1 validation error detected: Value '{value}' at '{member[0].lower()}{member[1:]}' {ENUM}",
        lambda: eddsa_signs(root, create(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_EDWARDS25519")["KeyId"]),
    )
row(
    "create-key for MACs without a spec", lambda: create(KeyUsage="GENERATE_VERIFY_MAC", Origin="AWS_KMS"),
    "ValidationException", corrected=lambda: macs(
        root, {"HMAC_256": create(KeyUsage="GENERATE_VERIFY_MAC", KeySpec="HMAC_256")["KeyId"]}),
)
row(
    "create-key for signatures without a usage", lambda: create(KeySpec="ECC_NIST_P256"), "ValidationException",
    "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.",
    lambda: ecdsa_signs(root, create(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyId"]),
)


def secp256k1():
    key_id = create(KeyUsage="SIGN_VERIFY", CustomerMasterKeySpec="ECC_SECG_P256K1")["KeyId"]
    assert public(root, key_id).curve.name == "secp256k1"
    root.sign(KeyId=key_id, **ECDSA)


# Verifiers that expect P-256 cannot use it; KMS does not mind.
row("create-key ECC_SECG_P256K1 for P-256 verifiers", secp256k1, None,
    corrected=lambda: ecdsa_signs(root, create(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")["KeyId"]))
row("create-key for a session key", lambda: create(KeyUsage="ENCRYPT_DECRYPT", KeySpec="SYMMETRIC_DEFAULT"), None)


def revoked():
    key_id = create(KeyUsage="SIGN_VERIFY", KeySpec="ECC_NIST_P256")
    arn, key_id = key_id["Arn"], key_id["KeyId"]
    root.disable_key(KeyId=key_id)
    assert outcome(lambda: root.sign(KeyId=key_id, **ECDSA)) == ("DisabledException", f"{arn} is disabled.")
    root.enable_key(KeyId=key_id)
    ecdsa_signs(root, key_id)


row("disable-key revokes at once", revoked, None)

# The literal request.
def literal(body):
    status, answer = send(os.environ["KMS_URL"], "TrentService.Sign", body, "test", "test")
    if status != 200:
        raise botocore.exceptions.ClientError(
            {"Error": {"Code": answer["__type"], "Message": answer.get("message", answer.get("Message", ""))}}, "Sign")
    return answer


def literal_body(**members):
    return json.dumps(
        {"KeyId": kms_keys["ECC_NIST_EDWARDS25519"], "Message": base64.b64encode(digest).decode(), **members}).encode()


def literal_signs():
    answer = literal(literal_body(SigningAlgorithm="ED25519_SHA_512", MessageType="RAW"))
    public(root, answer["KeyId"]).verify(base64.b64decode(answer["Signature"]), digest)
    assert answer["SigningAlgorithm"] == "ED25519_SHA_512"


row("literal Sign with raw bytes for a Message",
    lambda: literal(b'{"KeyId":"k","SigningAlgorithm":"Ed25519","Message":' + digest + b"}"),
    "SerializationException", corrected=literal_signs)
row("literal Sign with Ed25519 and MessageFormat",
    lambda: literal(literal_body(SigningAlgorithm="Ed25519", MessageFormat="RAW")), "ValidationException",
    f"1 validation error detected: Value 'Ed25519' at 'signingAlgorithm' {ENUM}", literal_signs)
# KMS ignores members that it does not know, and RAW is the default.
row("literal Sign with MessageFormat beside a right algorithm",
    lambda: literal(literal_body(SigningAlgorithm="ED25519_SHA_512", MessageFormat="RAW")), None,
    corrected=literal_signs)

# Policies.
SIGNER = {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}


def statement(action, principal=None, **condition):
    statement = {"Effect": "Allow", "Principal": {"AWS": principal or os.environ["ROLE"]}, "Action": action,
                 "Resource": "*"}
    return {**statement, "Condition": {"StringEquals": condition}} if condition else statement


def key_policy(*statements):
    account = statement("kms:*", "arn:aws:iam::000000000000:root")
    return json.dumps({"Version": "2012-10-17", "Statement": [account, *statements]})


def release_key():
    return under(policy("release-signing.key.json", release_signing=HOST), **SIGNER)


def digest_only():
    return under(key_policy(statement(
        ["kms:Sign", "kms:GetPublicKey", "kms:DescribeKey"], **{"kms:MessageType": "DIGEST"})), **SIGNER)


for operation, call in [
    ("GetPublicKey", lambda key: role.get_public_key(KeyId=key)), ("DescribeKey", lambda key: role.describe_key(KeyId=key)),
]:
    row(f"{operation} under a condition on the message type", lambda call=call: call(digest_only()),
        "AccessDeniedException", DENIED.format(os.environ["ROLE"], operation),
        lambda: ecdsa_signs(role, release_key()))


def ed25519_condition(name):
    key_id = under(
        key_policy(statement("kms:Sign", **{"kms:SigningAlgorithm": name}), statement("kms:GetPublicKey")),
        KeySpec="ECC_NIST_EDWARDS25519", KeyUsage="SIGN_VERIFY")
    eddsa_signs(role, key_id)


row("Sign under kms:SigningAlgorithm Ed25519", lambda: ed25519_condition("Ed25519"), "AccessDeniedException",
    DENIED.format(os.environ["ROLE"], "Sign"), lambda: ed25519_condition("ED25519_SHA_512"))
row("Sign under aws:sourceVpc", lambda: role.sign(KeyId=under(key_policy(
    statement("kms:Sign", **{"aws:sourceVpc": "vpc-0abcd1234"})), **SIGNER), **ECDSA), "AccessDeniedException",
    DENIED.format(os.environ["ROLE"], "Sign"), lambda: ecdsa_signs(role, release_key()))
row("put-key-policy with an account still to be filled in", lambda: under(
    key_policy().replace("000000000000", "ACCOUNT_ID"), **SIGNER), "MalformedPolicyDocumentException",
    corrected=lambda: under(key_policy(), **SIGNER))

# The session key.
PCR0 = "kms:RecipientAttestation:ImageSha384"


def gate_by_allow():
    allow = statement("kms:Decrypt")
    allow["Condition"] = {"StringEqualsIgnoreCase": {PCR0: "ab" * 48}}
    return key_policy(allow)


def session_key(text):
    """A key whose policy is set once its data key is made, as an operator does. The key, the blob."""
    key_id = create(KeyUsage="ENCRYPT_DECRYPT", KeySpec="SYMMETRIC_DEFAULT")["KeyId"]
    blob = root.generate_data_key_without_plaintext(KeyId=key_id, KeySpec="AES_256")["CiphertextBlob"]
    root.put_key_policy(KeyId=key_id, PolicyName="default", Policy=text)
    return key_id, blob


def decrypt(kms, text):
    key_id, blob = session_key(text)
    return kms.decrypt(KeyId=key_id, CiphertextBlob=blob)


def refused(kms, arn, text):
    code, message = outcome(lambda: decrypt(kms, text))
    assert code == "AccessDeniedException" and message.startswith(DENIED.format(arn, "Decrypt")), message
    assert message.endswith("with an explicit deny in a resource-based policy"), message


gate = policy("enclave-session-key.key.json", enclave_instance=HOST)
# Published as "this should fail": it does for the role, as long as no IAM policy grants it; it does not for the account.
row("decrypt without attestation beside a conditioned Allow, by the account", lambda: decrypt(root, gate_by_allow()),
    None, corrected=lambda: refused(root, "arn:aws:iam::000000000000:root", gate))
row("decrypt without attestation beside a conditioned Allow, by the role", lambda: decrypt(role, gate_by_allow()),
    "AccessDeniedException", "because no", lambda: refused(role, os.environ["ROLE"], gate))


def aliased():
    key_id = create(KeyUsage="ENCRYPT_DECRYPT", KeySpec="SYMMETRIC_DEFAULT")["KeyId"]
    root.create_alias(AliasName="alias/confidential-workflow-tsk", TargetKeyId=key_id)
    return key_id


row("create-alias", aliased, None)
row("put-key-policy by alias", lambda: root.put_key_policy(
    KeyId="alias/confidential-workflow-tsk", PolicyName="default", Policy=gate_by_allow()), "NotFoundException",
    "Invalid keyId 'alias/confidential-workflow-tsk'", lambda: root.put_key_policy(
        KeyId=root.describe_key(KeyId="alias/confidential-workflow-tsk")["KeyMetadata"]["KeyId"],
        PolicyName="default", Policy=gate_by_allow()))


def data_key():
    answer = root.generate_data_key(KeyId="alias/confidential-workflow-tsk", KeySpec="AES_256")
    # Whoever makes it so has the session key in clear.
    assert len(answer["Plaintext"]) == 32
    assert root.decrypt(CiphertextBlob=answer["CiphertextBlob"])["Plaintext"] == answer["Plaintext"]


def wrapped_key():
    answer = root.generate_data_key_without_plaintext(KeyId="alias/confidential-workflow-tsk", KeySpec="AES_256")
    assert "Plaintext" not in answer and answer["CiphertextBlob"]


row("generate-data-key for a session key", data_key, None, corrected=wrapped_key)
row("decrypt with a recipient that is no attestation document", lambda: root.decrypt(
    CiphertextBlob=root.encrypt(KeyId="alias/confidential-workflow-tsk", Plaintext=b"x")["CiphertextBlob"],
    Recipient={"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": b"\x84"}), "ValidationException",
    corrected=data_key)

# ---

wrong = 0
for name, printed, error, text, corrected in rows:
    problem = None
    found = outcome(printed)
    if (found[0] if found else None) != error or (found and text not in found[1]):
        problem = f"as printed: {found}, expected {error}: {text}"
    elif corrected:
        try:
            corrected()
        except Exception as exception:
            problem = f"as corrected: {type(exception).__name__}: {exception}"
    wrong += problem is not None
    print(f"{'WRONG' if problem else 'right'}  {name}{': ' + problem if problem else ''}")
assert len(rows) > 50
print(f"{wrong} of {len(rows)} rows are wrong" if wrong else "ok")
raise SystemExit(1 if wrong else 0)
