# SPDX-License-Identifier: Apache-2.0
"""Encrypts and decrypts payloads of a workflow inside the enclave, by operations of the broker's own.

    eval "$(keybroker trust --endpoint https://… --pcr 0=… --pcr 16=…)"
    export AWS_SHARED_CREDENTIALS_FILE=credentials
    python3 envelopes.py alias/workflow

boto3 has no names for the broker's operations. What it has beneath them, credentials, Signature Version 4 and
connections, serves them as well: `Broker.call` is all that it takes.
"""

import base64
import json
import os
import sys

import boto3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.httpsession import URLLib3Session


class BrokerError(Exception):
    """An error of the broker: its name, KMS's where KMS has one, and what it says."""

    def __init__(self, name, message):
        super().__init__(f"{name}: {message}" if message else name)
        self.name = name


class Broker:
    """One broker, as `keybroker trust` made the environment say. One object serves many calls on its connections."""

    def __init__(self, **session):
        found = boto3.Session(**session)
        self.credentials, self.region = found.get_credentials(), found.region_name
        self.url = os.environ["AWS_ENDPOINT_URL_KMS"]
        # Whoever carries plain HTTP reads payloads.
        if not self.url.startswith("https://"):
            raise ValueError("AWS_ENDPOINT_URL_KMS is no https")
        self.connections = URLLib3Session(verify=os.environ["AWS_CA_BUNDLE"])

    def call(self, operation, **members):
        request = AWSRequest(
            "POST", self.url + "/", data=json.dumps(members).encode(),
            headers={"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"KeyBroker.{operation}"},
        )
        SigV4Auth(self.credentials, "kms", self.region).add_auth(request)
        response = self.connections.send(request.prepare())
        answer = json.loads(response.content or b"{}")
        if response.status_code != 200:
            raise BrokerError(answer["__type"], answer.get("message", answer.get("Message")))
        return answer

    def encrypt(self, key, payload, bound_to="", **members):
        """The envelope of a payload, bound to a text: the workflow and its step, for instance."""
        return self.call(
            "Encrypt", KeyId=key, Plaintext=base64.b64encode(payload).decode(), **binding(bound_to), **members
        )["Envelope"]

    def decrypt(self, key, envelope, bound_to="", **members):
        answer = self.call("Decrypt", KeyId=key, Envelope=envelope, **binding(bound_to), **members)
        return base64.b64decode(answer["Plaintext"])


def binding(text):
    return {"AdditionalData": base64.b64encode(text.encode()).decode()} if text else {}


if __name__ == "__main__":
    broker, key = Broker(), sys.argv[1]
    envelope = broker.encrypt(key, b'{"agent": "A"}', bound_to="order-17/step-1")
    print(envelope)
    assert broker.decrypt(key, envelope, bound_to="order-17/step-1") == b'{"agent": "A"}'
