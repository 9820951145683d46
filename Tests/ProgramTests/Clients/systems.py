# SPDX-License-Identifier: Apache-2.0
"""What the clients of the audit systems share: an AWS SDK, the systems' canonical JSON, and requests sent as bytes."""

import base64
import hashlib
import json
import os
import ssl
import urllib.error
import urllib.request

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.exceptions
from botocore.config import Config
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_der_public_key

kms = boto3.client("kms", config=Config(retries={"max_attempts": 0}))


def sha256(data):
    return hashlib.sha256(data).digest()


def error_of(call, **arguments):
    """(name, message) of the error that KMS answers with."""
    try:
        call(**arguments)
    except botocore.exceptions.ClientError as error:
        return error.response["Error"]["Code"], error.response["Error"].get("Message", "")
    raise AssertionError("no error")


def refuses(call, *wrong):
    """A verification of Python's that has to fail."""
    try:
        call(*wrong)
    except Exception:
        return
    raise AssertionError("accepted what is wrong")


def post(operation, **members):
    """A request of these members, as they are, signed by botocore: for what the SDK would not send. Bytes become base64.
    (HTTP status, JSON)"""
    members = {name: base64.b64encode(value).decode() if isinstance(value, bytes) else value
               for name, value in members.items()}
    request = botocore.awsrequest.AWSRequest(
        "POST", os.environ["AWS_ENDPOINT_URL_KMS"] + "/", data=json.dumps(members).encode(),
        headers={"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "TrentService." + operation},
    )
    credentials = boto3.Session().get_credentials().get_frozen_credentials()
    botocore.auth.SigV4Auth(credentials, "kms", os.environ["AWS_DEFAULT_REGION"]).add_auth(request)
    prepared = request.prepare()
    bundle = os.environ.get("AWS_CA_BUNDLE")
    try:
        with urllib.request.urlopen(
            urllib.request.Request(prepared.url, prepared.body, dict(prepared.headers), method="POST"),
            context=ssl.create_default_context(cafile=bundle) if bundle else None,
        ) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def public_key(key_id):
    """(key, SPKI in PEM, ARN), by GetPublicKey."""
    answer = kms.get_public_key(KeyId=key_id)
    key = load_der_public_key(answer["PublicKey"])
    return key, key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode(), answer["KeyId"]


def raw_ed25519(key):
    assert isinstance(key, ed25519.Ed25519PublicKey), key
    return key.public_bytes(Encoding.Raw, PublicFormat.Raw)


# --- Canonical JSON


def _number(value):
    """ECMAScript's text of a double (ECMA-262, Number::toString)."""
    sign, value = ("-", -value) if value < 0 else ("", value)
    mantissa, _, exponent = repr(value).partition("e")
    whole, _, part = mantissa.partition(".")
    digits = (whole + part).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + part) - len(digits))
    digits = digits.rstrip("0")
    count = len(digits)
    if not digits:
        return "0"
    if count <= point <= 21:
        return sign + digits + "0" * (point - count)
    if 0 < point <= 21:
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    power = f"e{'+' if point > 0 else '-'}{abs(point - 1)}"
    return sign + digits[0] + ("." + digits[1:] if count > 1 else "") + power


def ecmascript(value):
    """JSON.stringify with sorted names: `canonicalize` of ILLUVRSE's agent manager, fast-json-stable-stringify of ERST's."""
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(json.dumps(n, ensure_ascii=False) + ":" + ecmascript(value[n]) for n in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(ecmascript, value)) + "]"
    return _number(value) if isinstance(value, float) else json.dumps(value, ensure_ascii=False)


class Number(str):
    """A number of JSON by its text, as Go's json.Number keeps it."""


def go(value):
    """MarshalCanonical of ILLUVRSE's Go kernel: names sorted by bytes, numbers as they stand, Go's escapes."""
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        names = sorted(value, key=lambda name: name.encode())
        return "{" + ",".join(go(name) + ":" + go(value[name]) for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(go, value)) + "]"
    text = json.dumps(value, ensure_ascii=False)
    for escaped in "<>&\u2028\u2029":
        text = text.replace(escaped, f"\\u{ord(escaped):04x}")
    return text
