# SPDX-License-Identifier: Apache-2.0
"""dossier's tools over an AWS SDK: the calls of its KMS signer and verifier, and its verification offline, written anew from
what those do.

    dossier.py sign COUNT      signs as many dossiers, by alias and by ARN, into the folder OUT, and verifies them
    dossier.py verify FILE…    verifies dossiers offline under the key in OUT/key.pem

Reads the AWS variables. Ends with a line `ok`.
"""

import base64
import datetime
import json
import os
import pathlib
import re
import sys

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.serialization import load_der_public_key, load_pem_public_key

import systems
from systems import error_of, kms, refuses, sha256

out = pathlib.Path(os.environ["OUT"])
ALIAS = "alias/audit-p256"


def parse(text):
    # JavaScript's \s has more characters than these; none of them is in a file of this test.
    match = re.match(r"^---dossier\s*\n(.*?)\n---\s*\n(.*)\Z", text, re.S)
    return json.loads(match[1]), match[2]


# --- tools/sign-dossier-kms.js, packages/core/src/signers/kms.ts

def sign(body, key_id):
    signature = kms.sign(
        KeyId=key_id, Message=sha256(body.encode()), MessageType="DIGEST", SigningAlgorithm="ECDSA_SHA_256")["Signature"]
    answer = kms.get_public_key(KeyId=key_id)
    return {
        "algorithm": "ECDSA-SHA-256", "signature": base64.b64encode(signature).decode(),
        "public_key": base64.b64encode(answer["PublicKey"]).decode(), "key_id": answer["KeyId"],
        "signed_at": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "signed_by": "Dossier Team <team@dossier.ai>",
    }


def signed(number, body, key_id):
    frontmatter = {
        "dossier_schema_version": "1.0.0", "title": f"Number {number}", "risk_level": "low", "version": "1.0.0",
        "checksum": {"algorithm": "sha256", "hash": sha256(body.encode()).hex()}, "signature": sign(body, key_id),
    }
    return f"---dossier\n{json.dumps(frontmatter, indent=2, ensure_ascii=False)}\n---\n{body}"


# --- Verification: offline by the key, and by KMS as its KmsVerifier does and as its signer's counterpart would

def verify_offline(text, key):
    frontmatter, body = parse(text)
    assert sha256(body.encode()).hex() == frontmatter["checksum"]["hash"], "checksum"
    signature = frontmatter["signature"]
    assert signature["algorithm"] == "ECDSA-SHA-256"
    embedded = load_der_public_key(base64.b64decode(signature["public_key"]))
    assert embedded == key, "another key"
    key.verify(base64.b64decode(signature["signature"]), body.encode(), ec.ECDSA(hashes.SHA256()))


def verify_by_kms(text, message_type="DIGEST"):
    frontmatter, body = parse(text)
    signature = frontmatter["signature"]
    request = {
        "KeyId": signature["key_id"], "Signature": base64.b64decode(signature["signature"]),
        "SigningAlgorithm": "ECDSA_SHA_256",
    }
    if message_type == "DIGEST":
        return kms.verify(Message=sha256(body.encode()), MessageType="DIGEST", **request)["SignatureValid"]
    # Its own verifier sends the body, and so cannot verify more than 4096 bytes.
    return kms.verify(Message=body.encode(), **request)["SignatureValid"]


def sign_all(count):
    key, pem, arn = systems.public_key(ALIAS)
    assert key.curve.name == "secp256r1" and arn.startswith("arn:aws:kms:us-east-1:000000000000:key/"), arn
    # An ARN of the alias, beside its name and the ARN of the key.
    names = [ALIAS, arn, arn.split("key/")[0] + ALIAS]
    (out / "key.pem").write_text(pem)
    high = 0
    for number in range(count):
        text = signed(number, f"# Number {number}\n\nRun it — ü.\n\n---\n", names[number % len(names)])
        verify_offline(text, key)
        frontmatter, _ = parse(text)
        assert frontmatter["signature"]["key_id"] == arn
        (out / f"{number}.ds.md").write_text(text)
        der = base64.b64decode(frontmatter["signature"]["signature"])
        high += utils.decode_dss_signature(der)[1] > ORDER // 2
        if number < 3:
            assert verify_by_kms(text) is True and verify_by_kms(text, "RAW") is True
    # As KMS does, the broker leaves s as it comes: half of them are high. All low, or all high: 2 in 2 ** 100.
    assert 0 < high < count, high

    # An edited body whose checksum was computed anew: KMS says so by an exception.
    text = signed(0, "# Do it\n", ALIAS)
    frontmatter, body = parse(text)
    edited = body + "\nrm -rf /\n"
    forged = text.replace(frontmatter["checksum"]["hash"], sha256(edited.encode()).hex()).replace(body, edited)
    code, _ = error_of(verify_by_kms, text=forged)
    assert code == "KMSInvalidSignatureException", code
    refuses(verify_offline, forged, key)
    (out / "forged.ds.md").write_text(forged)

    long = signed(0, "x" * 4097, ALIAS)
    assert verify_by_kms(long) is True
    code, message = error_of(verify_by_kms, text=long, message_type="RAW")
    assert code == "ValidationException" and "4096" in message, message


ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551

if sys.argv[1] == "sign":
    sign_all(int(sys.argv[2]))
else:
    key = load_pem_public_key((out / "key.pem").read_bytes())
    for file in sys.argv[2:]:
        verify_offline(pathlib.Path(file).read_text(), key)
print("ok")
