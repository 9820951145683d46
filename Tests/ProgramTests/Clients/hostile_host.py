# SPDX-License-Identifier: Apache-2.0
"""A host that tampers with TLS between an AWS SDK and the enclave: every tampered connection ends in an error, and no
result is wrong.

Reads AWS_ENDPOINT_URL_KMS (the broker's, https), AWS_CA_BUNDLE, AWS_DEFAULT_REGION, AWS_SHARED_CREDENTIALS_FILE and
SESSIONS. Ends with a line of JSON and status 0; otherwise the assertion that failed.
"""

import json
import os
import random
import select
import socket
import ssl
import subprocess
import tempfile
import threading
import urllib.parse

import boto3
import botocore.exceptions
from botocore.config import Config
from cryptography.hazmat.primitives.serialization import load_der_public_key

broker = urllib.parse.urlsplit(os.environ["AWS_ENDPOINT_URL_KMS"])
upstream = (broker.hostname, broker.port)
generator = random.Random(20261121)
FORGED = json.dumps({"KeyId": "arn:aws:kms:us-east-1:000000000000:key/x", "Signature": "A" * 86 + "==",
                     "SigningAlgorithm": "ED25519_SHA_512"}).encode()
ANSWER = (b"HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.1\r\nContent-Length: %d\r\n\r\n" % len(FORGED)
          + FORGED)


class Tampering:
    """One change at one offset of one direction; what came before it passes."""

    def __init__(self, kind, direction, offset):
        self.kind, self.direction, self.offset = kind, direction, offset
        self.seen, self.done, self.noise = 0, False, bytes(generator.randrange(256) for _ in range(40))
        self.flip, self.length = 1 << generator.randrange(8), generator.randrange(1, 60)

    def change(self, direction, data, recorded):
        if direction != self.direction or self.done:
            return data
        at, self.seen = self.offset - self.seen, self.seen + len(data)
        if at >= len(data):
            return data
        changed = self.changed(max(at, 0), data, recorded)
        # Some bytes are like their neighbours: then the next ones are changed.
        self.done = changed != data
        return changed

    def changed(self, at, data, recorded):
        end = at + self.length
        match self.kind:
            case "flip":
                return data[:at] + bytes([data[at] ^ self.flip]) + data[at + 1:]
            case "drop":
                return data[:at] + data[end:]
            case "duplicate":
                return data[:end] + data[at:]
            case "noise":
                return data[:at] + self.noise + data[at:]
            case "record":
                # A record of application data, of an alert, or a plain answer where one is due.
                forged = generator.choice([b"\x17\x03\x03\x00\x20" + self.noise[:32], b"\x15\x03\x03\x00\x02\x01\x00",
                                           ANSWER])
                return data[:at] + forged + data[at:]
            case "reorder":
                middle = (at + len(data)) // 2
                return data[:at] + data[middle:] + data[at:middle]
            case "splice":
                # The rest of this direction out of another session.
                other = recorded.get(self.direction, b"")
                return data[:at] + other[self.offset:] + data[at:]
            case "end":
                return None
        return data


class Host(threading.Thread):
    """Accepts one connection after the other; each gets the tampering of its session."""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.tampering, self.recorded = None, {}

    def run(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(client, self.tampering), daemon=True).start()

    def serve(self, client, tampering):
        with client:
            if tampering and tampering.kind == "plain":
                tampering.done = True
                client.recv(4096)
                client.sendall(ANSWER)
                return
            if tampering and tampering.kind == "own":
                tampering.done = True
                return self.answer_itself(client)
            with socket.create_connection(upstream) as enclave:
                self.splice(client, enclave, tampering)

    def answer_itself(self, client):
        """In the enclave's place, with a certificate for the same name."""
        try:
            with own.wrap_socket(client, server_side=True) as secured:
                secured.recv(4096)
                secured.sendall(ANSWER)
        except OSError:
            pass

    def splice(self, client, enclave, tampering):
        traffic = {"in": b"", "out": b""}
        try:
            while True:
                # A host that has tampered waits no longer than it must: the test is to end.
                wait = 0.15 if tampering and tampering.done else 10
                ready, _, _ = select.select([client, enclave], [], [], wait)
                if not ready:
                    return
                for source in ready:
                    direction, sink = ("in", enclave) if source is client else ("out", client)
                    data = source.recv(65536)
                    if not data:
                        return
                    traffic[direction] += data
                    if tampering:
                        data = tampering.change(direction, data, self.recorded)
                        if data is None:
                            return
                    sink.sendall(data)
        except OSError:
            return
        finally:
            if not tampering:
                self.recorded = traffic


def own_context():
    with tempfile.TemporaryDirectory() as folder:
        key, certificate = f"{folder}/key.pem", f"{folder}/certificate.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", key,
             "-out", certificate, "-days", "2", "-subj", "/CN=127.0.0.1", "-addext",
             f"subjectAltName=IP:127.0.0.1,DNS:localhost"],
            check=True, capture_output=True)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        return context


own = own_context()
host = Host()
host.start()
kms = boto3.client("kms", endpoint_url=f"https://{broker.hostname}:{host.port}",
                   config=Config(retries={"max_attempts": 0}, connect_timeout=10, read_timeout=10))
direct = boto3.client("kms", config=Config(retries={"max_attempts": 0}))
public = load_der_public_key(direct.get_public_key(KeyId="alias/audit-ed25519")["PublicKey"])
KINDS = ["flip", "flip", "flip", "drop", "duplicate", "reorder", "noise", "record", "splice", "end", "plain", "own"]
sessions = int(os.environ.get("SESSIONS", "300"))
outcomes = {"asked": 0, "errors": 0, "answers": 0, "ignored": 0, "kinds": {}}


def session(tampering):
    """One request over one connection: its signature, or None for an error."""
    host.tampering = tampering
    message = b"record %d" % outcomes["asked"]
    outcomes["asked"] += 1
    try:
        answer = kms.sign(KeyId="alias/audit-ed25519", Message=message, SigningAlgorithm="ED25519_SHA_512")
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
        return error
    finally:
        kms.close()
    public.verify(answer["Signature"], message)
    return answer["Signature"]


for number in range(sessions):
    if number % 25 == 0:
        # The same path without tampering works, and gives the next sessions something to splice in.
        result = session(None)
        assert isinstance(result, bytes), result
        outcomes["answers"] += 1
    kind = KINDS[number % len(KINDS)]
    # Handshake and request, or handshake and answer: both are longer than this.
    tampering = Tampering(kind, generator.choice(["in", "out"]), generator.randrange(0, 1100))
    result = session(tampering)
    if tampering.done and kind == "flip" and isinstance(result, bytes):
        # The right answer: the version in the head of a record in clear is ignored (RFC 8446 section 5.1).
        outcomes["ignored"] += 1
        assert outcomes["ignored"] <= sessions // 100, outcomes
    elif tampering.done:
        assert not isinstance(result, bytes), f"session {number}: {kind} {tampering.direction} {tampering.offset} passed"
        # What the client is told comes from its own side: never an answer that only the host can have made.
        assert not isinstance(result, botocore.exceptions.ClientError), f"session {number}: {kind}: {result}"
        outcomes["errors"] += 1
        outcomes["kinds"][kind] = outcomes["kinds"].get(kind, 0) + 1
    else:
        assert isinstance(result, bytes), f"session {number}: {kind}: {result}"
        outcomes["answers"] += 1

print(json.dumps(outcomes))
