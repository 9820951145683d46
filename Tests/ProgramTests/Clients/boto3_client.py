# SPDX-License-Identifier: Apache-2.0
"""An unmodified AWS SDK against the broker: every operation, and the errors as boto3 surfaces them.

Reads AWS_ENDPOINT_URL_KMS, AWS_DEFAULT_REGION and AWS_SHARED_CREDENTIALS_FILE. Judges signatures with `cryptography`.
Ends with a line `ok` and status 0; otherwise the assertion that failed.
"""

import hashlib
import hmac
import os

import boto3
import botocore
from botocore.config import Config
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils
from cryptography.hazmat.primitives.serialization import load_der_public_key

kms = boto3.client("kms", config=Config(retries={"max_attempts": 0}))
digest = hashlib.sha256(b"an audit event").digest()


def error_of(call, **arguments):
    try:
        call(**arguments)
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"]
    raise AssertionError("no error")


def public_key(key_id, spec):
    answer = kms.get_public_key(KeyId=key_id)
    assert answer["KeySpec"] == spec and answer["KeyUsage"] == "SIGN_VERIFY", answer
    return load_der_public_key(answer["PublicKey"])


def sign(key_id, algorithm, message_type):
    answer = kms.sign(KeyId=key_id, Message=digest, MessageType=message_type, SigningAlgorithm=algorithm)
    assert answer["SigningAlgorithm"] == algorithm and answer["KeyId"].startswith("arn:aws:kms:"), answer
    verified = kms.verify(
        KeyId=key_id,
        Message=digest,
        MessageType=message_type,
        SigningAlgorithm=algorithm,
        Signature=answer["Signature"],
    )
    assert verified["SignatureValid"] is True
    forged = bytes([answer["Signature"][0] ^ 1]) + answer["Signature"][1:]
    code = error_of(
        kms.verify,
        KeyId=key_id,
        Message=digest,
        MessageType=message_type,
        SigningAlgorithm=algorithm,
        Signature=forged,
    )
    assert code == "KMSInvalidSignatureException", code
    return answer["Signature"]


# Ed25519: the digest is the message.
key = public_key("alias/audit-ed25519", "ECC_NIST_EDWARDS25519")
assert isinstance(key, ed25519.Ed25519PublicKey)
key.verify(sign("alias/audit-ed25519", "ED25519_SHA_512", "RAW"), digest)
assert error_of(
    kms.sign, KeyId="alias/audit-ed25519", Message=digest, MessageType="DIGEST", SigningAlgorithm="ED25519_SHA_512"
) == "ValidationException"

# ECDSA P-256, over the digest and over a message.
key = public_key("alias/audit-p256", "ECC_NIST_P256")
assert isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name == "secp256r1"
key.verify(
    sign("alias/audit-p256", "ECDSA_SHA_256", "DIGEST"), digest, ec.ECDSA(utils.Prehashed(hashes.SHA256()))
)
key.verify(sign("alias/audit-p256", "ECDSA_SHA_256", "RAW"), digest, ec.ECDSA(hashes.SHA256()))

# RSA 2048, PKCS#1 v1.5 and PSS.
key = public_key("alias/audit-rsa", "RSA_2048")
assert isinstance(key, rsa.RSAPublicKey) and key.key_size == 2048
prehashed = utils.Prehashed(hashes.SHA256())
key.verify(sign("alias/audit-rsa", "RSASSA_PKCS1_V1_5_SHA_256", "DIGEST"), digest, padding.PKCS1v15(), prehashed)
pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
key.verify(sign("alias/audit-rsa", "RSASSA_PSS_SHA_256", "DIGEST"), digest, pss, prehashed)

# HMAC, with a key that this script knows because it was imported.
mac = kms.generate_mac(KeyId="alias/audit-hmac", Message=digest, MacAlgorithm="HMAC_SHA_256")["Mac"]
assert len(mac) == 32
if "IMPORTED_HMAC_KEY" in os.environ:
    expected = hmac.new(bytes.fromhex(os.environ["IMPORTED_HMAC_KEY"]), digest, hashlib.sha256).digest()
    assert hmac.compare_digest(mac, expected)
assert kms.verify_mac(KeyId="alias/audit-hmac", Message=digest, MacAlgorithm="HMAC_SHA_256", Mac=mac)["MacValid"]
code = error_of(
    kms.verify_mac, KeyId="alias/audit-hmac", Message=b"other", MacAlgorithm="HMAC_SHA_256", Mac=mac
)
assert code == "KMSInvalidMacException", code

# Names, metadata, errors.
metadata = kms.describe_key(KeyId="alias/audit-p256")["KeyMetadata"]
assert metadata["KeyState"] == "Enabled" and metadata["SigningAlgorithms"] == ["ECDSA_SHA_256"], metadata
by_arn = kms.sign(
    KeyId=metadata["Arn"], Message=digest, MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256"
)
assert by_arn["KeyId"] == metadata["Arn"]
assert error_of(kms.describe_key, KeyId="alias/none") == "NotFoundException"
assert error_of(
    kms.sign, KeyId="alias/audit-p256", Message=digest, SigningAlgorithm="RSASSA_PSS_SHA_256"
) == "InvalidKeyUsageException"
assert error_of(
    kms.sign, KeyId="alias/audit-p256", Message=b"short", MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256"
) == "ValidationException"
assert error_of(
    kms.sign, KeyId="alias/audit-hmac", Message=digest, SigningAlgorithm="ECDSA_SHA_256"
) == "InvalidKeyUsageException"

stranger = boto3.client(
    "kms", aws_access_key_id="KBAKNOBODY0000000000", aws_secret_access_key="x", config=Config(retries={"max_attempts": 0})
)
assert error_of(stranger.describe_key, KeyId="alias/audit-p256") == "UnrecognizedClientException"

print("ok")
