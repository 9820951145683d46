# SPDX-License-Identifier: Apache-2.0
"""ERST's signers over an AWS SDK: the calls of its two KMS signers as they are and as they would have to be, and its
verifier's rules, written anew from what those do.

Reads the AWS variables. Writes the bundles that it made, and the keys, into the folder OUT. Ends with a line `ok`.
"""

import json
import os
import pathlib

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding
from cryptography.hazmat.primitives.serialization import load_pem_public_key

import systems
from systems import ecmascript, error_of, kms, refuses, sha256

out = pathlib.Path(os.environ["OUT"])
ED25519, P256, RSA = "alias/audit-ed25519", "alias/audit-p256", "alias/audit-rsa"
trace = {
    "timestamp": "2026-01-01T00:00:00.000Z", "input": {"b": 2, "a": 1, "amount": 100}, "events": ["E1", {"z": 1, "a": "é<&>"}],
    "state": {"y": 9, "x": 8, "big": 1e21},
}


def hash_of(trace, version):
    """64 hexadecimal digits: of the trace, or of {trace}."""
    return sha256(ecmascript(trace if version == 1 else {"trace": trace}).encode()).hex()


# --- The published request: a digest as bytes, an algorithm and a member that KMS does not have

digest = bytes.fromhex(hash_of(trace, 1))
status, answer = systems.post("Sign", KeyId=ED25519, Message=digest, SigningAlgorithm="Ed25519", MessageFormat="RAW")
assert status == 400 and answer["__type"] == "ValidationException", answer
assert "Value 'Ed25519' at 'signingAlgorithm' failed to satisfy constraint" in answer["message"], answer
assert "ED25519_SHA_512" in answer["message"], answer
# The SDK does not send the member at all.
try:
    kms.sign(KeyId=ED25519, Message=digest, SigningAlgorithm="Ed25519", MessageFormat="RAW")
    raise AssertionError("no error")
except systems.botocore.exceptions.ParamValidationError as error:
    assert "MessageFormat" in str(error)


# --- src/audit/signing/kmsSigner.ts, both: what the logger hands them is the 64 characters of the hash

def sign_ed25519(payload):
    return kms.sign(KeyId=ED25519, Message=payload, SigningAlgorithm="ED25519_SHA_512", MessageType="RAW")["Signature"]


def sign_as_upstream(payload, key_id=P256, algorithm="ECDSA_SHA_256"):
    return kms.sign(KeyId=key_id, Message=payload, MessageType="DIGEST", SigningAlgorithm=algorithm)["Signature"]


def sign_raw(key_id, algorithm):
    return lambda payload: kms.sign(
        KeyId=key_id, Message=payload, MessageType="RAW", SigningAlgorithm=algorithm)["Signature"]


payload = hash_of(trace, 1).encode()
code, message = error_of(sign_as_upstream, payload=payload)
assert (code, message) == ("ValidationException", "Digest is invalid length for algorithm ECDSA_SHA_256."), message


def generate_log(trace, version, key_id, sign):
    """AuditLogger.generateLog; every key is called Ed25519+SHA256."""
    value = hash_of(trace, version)
    return {
        "trace": trace, "hash": value, "signature": sign(value.encode()).hex(), "algorithm": "Ed25519+SHA256",
        "publicKey": systems.public_key(key_id)[1], "signer": {"provider": "kms"},
    }


# --- AuditVerifier.verifyAuditLog: crypto.verify(null, Buffer.from(hash), key, signature) of Node

def verify_audit_log(log, version, pem):
    assert hash_of(log["trace"], version) == log["hash"], "hash mismatch"
    key, message, signature = load_pem_public_key(pem.encode()), log["hash"].encode(), bytes.fromhex(log["signature"])
    if isinstance(key, ed25519.Ed25519PublicKey):
        key.verify(signature, message)
    elif isinstance(key, ec.EllipticCurvePublicKey):
        key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
    else:
        key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())


signers = {
    "ed25519": (ED25519, sign_ed25519),
    "p256": (P256, sign_raw(P256, "ECDSA_SHA_256")),
    "rsa": (RSA, sign_raw(RSA, "RSASSA_PKCS1_V1_5_SHA_256")),
}
other = systems.public_key(P256)[1], systems.public_key(ED25519)[1]
for name, (key_id, sign) in signers.items():
    pem = systems.public_key(key_id)[1]
    (out / f"{name}.pem").write_text(pem)
    for version in 1, 2:
        log = generate_log(trace, version, key_id, sign)
        verify_audit_log(log, version, pem)
        refuses(verify_audit_log, {**log, "trace": {**trace, "amount": 101}}, version, pem)
        refuses(verify_audit_log, log, version, other[1] if pem == other[0] else other[0])
        (out / f"{name}-v{version}.json").write_text(json.dumps(log))

# Over the 32 bytes of the digest, as the published design says, nothing verifies.
raw = generate_log(trace, 1, ED25519, lambda payload: sign_ed25519(bytes.fromhex(payload.decode())))
refuses(verify_audit_log, raw, 1, systems.public_key(ED25519)[1])
(out / "raw-digest.json").write_text(json.dumps(raw))

# --- The published names of a key spec: KMS's error, which has the right one.

for spec in "ECC_ED25519", "ED25519":
    code, message = error_of(kms.create_key, KeyUsage="SIGN_VERIFY", KeySpec=spec)
    assert code == "ValidationException" and "ECC_NIST_EDWARDS25519" in message, message

print("ok")
