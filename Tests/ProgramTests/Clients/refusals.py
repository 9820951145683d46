# SPDX-License-Identifier: Apache-2.0
"""What an AWS SDK is told when a request is not in order: each request is one that is answered, with one thing wrong.

Reads AWS_ENDPOINT_URL_KMS, AWS_DEFAULT_REGION and AWS_SHARED_CREDENTIALS_FILE. Ends with a line `ok` and status 0;
otherwise the assertion that failed.
"""

import datetime
import json
import os
import urllib.error
import urllib.request

import boto3
import botocore.auth
import botocore.exceptions
from botocore.config import Config

MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and "
    "signing method. Consult the service documentation for details."
)
UNKNOWN = "The security token included in the request is invalid."
once = Config(retries={"max_attempts": 0})
own = boto3.Session().get_credentials()


def sign(client):
    return client.sign(KeyId="alias/audit-ed25519", Message=b"record", SigningAlgorithm="ED25519_SHA_512")


def refused(client, code, message):
    try:
        sign(client)
    except botocore.exceptions.ClientError as error:
        answer = error.response
        assert answer["Error"]["Code"] == code, answer
        assert answer["Error"]["Message"].startswith(message), answer
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400, answer
        return
    raise AssertionError(f"no error: {code} {message}")


def client(event=None, change=None, **options):
    made = boto3.client("kms", config=once, **options)
    if event:
        made.meta.events.register(f"{event}.kms.Sign", lambda request, **_: change(request))
    return made


def change_body(request):
    request.body = request.body.replace(b"cmVjb3Jk", b"cmVjb3Jl")


def set_header(name, value):
    def change(request):
        del request.headers[name]
        request.headers[name] = value

    return change


def remove_header(name):
    def change(request):
        del request.headers[name]

    return change


sign(client())

refused(
    client("before-send", remove_header("Authorization")),
    "MissingAuthenticationTokenException",
    "Request is missing Authentication Token",
)
refused(client("before-send", change_body), "InvalidSignatureException", MISMATCH)
refused(
    client("before-send", set_header("X-Amz-Target", "TrentService.Verify")), "InvalidSignatureException", MISMATCH
)
refused(
    client("before-send", set_header("Content-Type", "application/json")), "InvalidSignatureException", MISMATCH
)
refused(
    client("before-send", remove_header("X-Amz-Target")),
    "IncompleteSignatureException",
    "SignedHeaders names a header that the request does not have.",
)
refused(
    client("before-sign", set_header("Host", "attacker.test")),
    "InvalidSignatureException",
    "The signed 'Host' is not a name of this service.",
)
refused(
    client(aws_access_key_id=own.access_key, aws_secret_access_key="not the secret"),
    "InvalidSignatureException",
    MISMATCH,
)
refused(
    client(aws_access_key_id="KBAKAAAAAAAAAAAAAAAA", aws_secret_access_key=own.secret_key),
    "UnrecognizedClientException",
    UNKNOWN,
)
refused(
    client(
        aws_access_key_id=own.access_key, aws_secret_access_key=own.secret_key, aws_session_token="FwoGZXIvYXdzEBYaDH"
    ),
    "UnrecognizedClientException",
    UNKNOWN,
)
refused(
    client(region_name="eu-west-1"),
    "InvalidSignatureException",
    "Credential should be scoped to a valid region, not 'eu-west-1'.",
)

honest = botocore.auth.get_current_datetime
for minutes, message in [(-6, "Signature expired: "), (6, "Signature not yet current: ")]:
    botocore.auth.get_current_datetime = lambda *a, **k: honest(*a, **k) + datetime.timedelta(minutes=minutes)
    refused(client(), "InvalidSignatureException", message)
botocore.auth.get_current_datetime = honest

# A presigned URL, as `generate_presigned_url` makes it.
url = client().generate_presigned_url(
    "sign",
    Params={"KeyId": "alias/audit-ed25519", "Message": b"record", "SigningAlgorithm": "ED25519_SHA_512"},
    HttpMethod="POST",
)
request = urllib.request.Request(url, data=b"{}", headers={"Content-Type": "application/x-amz-json-1.1"})
context = None
if os.environ.get("AWS_CA_BUNDLE"):
    import ssl

    context = ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"])
try:
    urllib.request.urlopen(request, context=context)
    raise AssertionError("a presigned URL was answered")
except urllib.error.HTTPError as error:
    assert error.code == 400, error
    assert json.load(error)["__type"] == "MissingAuthenticationTokenException"

sign(client())
print("ok")
