# SPDX-License-Identifier: Apache-2.0
"""Envelopes of a broker and of Python's cryptography, each opened by the other; and what neither opens.

EXAMPLES: docs/examples. WORKFLOW_KEY: hex of the key that was imported as alias/imported; alias/workflow is another one
that nobody knows. Beside them the usual variables of a client over TLS. Ends with a line `ok` and status 0; otherwise
the assertion that failed.
"""

import base64
import json
import os
import secrets
import sys

import boto3
import botocore.exceptions
from botocore.config import Config
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

sys.path.insert(0, os.environ["EXAMPLES"])
from envelopes import Broker, BrokerError  # noqa: E402

broker = Broker()
known = AESGCM(bytes.fromhex(os.environ["WORKFLOW_KEY"]))
marker = os.environ["MARKER"].encode()


def refused(name, call, text=""):
    try:
        call()
    except BrokerError as error:
        assert error.name == name and text in str(error), error
        assert marker.decode() not in str(error) and base64.b64encode(marker).decode()[:20] not in str(error), error
        return str(error)
    raise AssertionError(f"not refused: {name}")


def write(form, nonce, sealed):
    return {
        "base64": lambda: base64.b64encode(nonce + sealed).decode(), "hex": lambda: (nonce + sealed).hex(),
        "object": lambda: {
            "ciphertext": base64.b64encode(sealed).decode(), "nonce": base64.b64encode(nonce).decode()},
    }[form]()


def read(form, envelope):
    if form == "object":
        assert set(envelope) == {"ciphertext", "nonce"}
        return base64.b64decode(envelope["nonce"]), base64.b64decode(envelope["ciphertext"])
    raw = base64.b64decode(envelope) if form == "base64" else bytes.fromhex(envelope)
    return raw[:12], raw[12:]


# Each way, in each form, with and without something bound, up to the longest payload.
nonces = []
for form in "base64", "hex", "object":
    # In hex an envelope is longest.
    longest = [(secrets.token_bytes(122_880), "s")] if form == "hex" else []
    for payload, step in [(b"", ""), (marker, ""), (marker, "workflow-1/step-2 – é")] + longest:
        aad = step.encode() or None
        envelope = broker.encrypt("alias/imported", payload, step, Format=form)
        nonce, sealed = read(form, envelope)
        nonces.append(nonce)
        assert known.decrypt(nonce, sealed, aad) == payload
        nonce = secrets.token_bytes(12)
        envelope = write(form, nonce, known.encrypt(nonce, payload, aad))
        assert broker.decrypt("alias/imported", envelope, step, Format=form) == payload
assert len(set(nonces)) == len(nonces)
refused("ValidationException", lambda: broker.encrypt("alias/imported", bytes(122_881)))

# The default form is base64, and an answer holds nothing beside what was asked for.
answer = broker.call("Encrypt", KeyId="alias/workflow", Plaintext=base64.b64encode(marker).decode())
assert set(answer) == {"KeyId", "Envelope", "Format"} and answer["Format"] == "base64"
assert answer["KeyId"].startswith("arn:aws:kms:us-east-1:000000000000:key/")
assert marker not in json.dumps(answer).encode() and marker not in base64.b64decode(answer["Envelope"])
assert set(broker.call("Decrypt", KeyId="alias/workflow", Envelope=answer["Envelope"])) == {"KeyId", "Plaintext"}

# One error for everything that does not open.
envelope = broker.encrypt("alias/workflow", marker, "order-17/step-2")
raw = bytearray(base64.b64decode(envelope))
told = set()
for position in range(0, len(raw), 5):
    changed = bytearray(raw)
    changed[position] ^= 1
    told.add(refused("InvalidCiphertextException", lambda: broker.decrypt(
        "alias/workflow", base64.b64encode(changed).decode(), "order-17/step-2")))
for key, text, step, form in [
    ("alias/workflow", envelope, "order-17/step-3", "base64"), ("alias/workflow", envelope, "", "base64"),
    ("alias/imported", envelope, "order-17/step-2", "base64"), ("alias/workflow", envelope, "order-17/step-2", "hex"),
    ("alias/workflow", envelope, "order-17/step-2", "object"), ("alias/workflow", "", "order-17/step-2", "base64"),
    ("alias/workflow", base64.b64encode(raw[:-1]).decode(), "order-17/step-2", "base64"),
    ("alias/workflow", raw.hex(), "order-17/step-2", "base64"), ("alias/workflow", "?", "order-17/step-2", "base64"),
    # What the key that encrypts nothing yet would take for an envelope of its own.
    ("alias/workflow", base64.b64encode(bytes(28)).decode(), "", "base64"),
]:
    told.add(refused("InvalidCiphertextException", lambda: broker.decrypt(key, text, step, Format=form)))
assert told == {"InvalidCiphertextException"}, told
assert broker.decrypt("alias/workflow", envelope, "order-17/step-2") == marker

# Who may do one may not do the other, and nobody with another kind of key.
sealer = Broker(profile_name="sealer")
sealed = sealer.encrypt("alias/workflow", marker)
refused("AccessDeniedException", lambda: sealer.decrypt("alias/workflow", sealed), "kms:Decrypt")
refused("AccessDeniedException", lambda: sealer.decrypt("alias/workflow", "nonsense"), "kms:Decrypt")
refused("InvalidKeyUsageException", lambda: broker.encrypt("alias/hmac", marker))
refused("NotFoundException", lambda: broker.encrypt("alias/none", marker))
refused("UnsupportedOperationException", lambda: broker.encrypt("alias/workflow", marker, EncryptionContext={"a": "b"}))
refused("UnsupportedOperationException", lambda: broker.decrypt("alias/workflow", envelope, Recipient={}))

# The state of the key counts, and KMS's own operations say which are meant.
kms = boto3.client("kms", config=Config(retries={"max_attempts": 0}))
made = kms.create_key(Description="for one test")["KeyMetadata"]
assert made["KeySpec"] == "SYMMETRIC_DEFAULT" and made["KeyUsage"] == "ENCRYPT_DECRYPT"
mine = broker.encrypt(made["KeyId"], marker)
kms.disable_key(KeyId=made["KeyId"])
for call in lambda: broker.encrypt(made["KeyId"], marker), lambda: broker.decrypt(made["KeyId"], mine):
    refused("DisabledException", call)
kms.schedule_key_deletion(KeyId=made["KeyId"], PendingWindowInDays=7)
for call in lambda: broker.encrypt(made["KeyId"], marker), lambda: broker.decrypt(made["KeyId"], mine):
    refused("KMSInvalidStateException", call)
for call in [
    lambda: kms.encrypt(KeyId="alias/workflow", Plaintext=b"x"), lambda: kms.decrypt(CiphertextBlob=b"x"),
    lambda: kms.generate_data_key(KeyId="alias/workflow", KeySpec="AES_256"),
    lambda: kms.generate_data_key_without_plaintext(KeyId="alias/workflow", KeySpec="AES_256"),
    lambda: kms.re_encrypt(CiphertextBlob=b"x", DestinationKeyId="alias/workflow"),
]:
    try:
        call()
        raise AssertionError("KMS's own operation was answered")
    except botocore.exceptions.ClientError as error:
        assert error.response["Error"]["Code"] == "UnsupportedOperationException", error
        assert "KeyBroker.Encrypt" in error.response["Error"]["Message"], error
        assert error.response["ResponseMetadata"]["HTTPStatusCode"] == 400, error
try:
    kms.get_public_key(KeyId="alias/workflow")
    raise AssertionError("the key was shown")
except botocore.exceptions.ClientError as error:
    assert error.response["Error"]["Code"] == "UnsupportedOperationException", error

# Counted, for whoever watches how many nonces a key has left.
status = broker.call("GetStatus")
assert status["Requests"]["Envelopes"] >= len(nonces) + 4, status["Requests"]
assert status["Limits"]["EnvelopesPerKey"] == 2**32
print("ok")
