# SPDX-License-Identifier: Apache-2.0
"""ILLUVRSE's programs over an AWS SDK: the calls of its agent manager, memory layer, kernel and registry builder, and their
verifiers' rules, written anew from what those do.

Reads the AWS variables, IMPORTED_HMAC_KEY (hex), and GENERATED, the folder of the chains that the agent manager itself
made, if there is one. Writes the chains and registries that it made into the folder OUT. Ends with a line `ok`.
"""

import base64
import hmac
import json
import os
import pathlib
import time

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ed25519, padding
from cryptography.hazmat.primitives.serialization import load_pem_public_key

import systems
from systems import ecmascript, error_of, go, kms, refuses, sha256

out = pathlib.Path(os.environ["OUT"])
keys = {"rsa-sha256": "alias/audit-rsa", "ed25519": "alias/audit-ed25519", "hmac-sha256": "alias/audit-hmac"}
PKCS1 = "RSASSA_PKCS1_V1_5_SHA_256"


# --- Signing: agent-manager/server/signAuditHash.js and key_store_kms_adapter.js, memory-layer/…/kmsAdapter.ts

def sign_audit_hash(digest, algorithm, key_id, ed25519_name="ED25519_SHA_512"):
    if algorithm == "hmac-sha256":
        return kms.generate_mac(KeyId=key_id, Message=digest, MacAlgorithm="HMAC_SHA_256")["Mac"]
    if algorithm == "rsa-sha256":
        return kms.sign(KeyId=key_id, Message=digest, SigningAlgorithm=PKCS1, MessageType="DIGEST")["Signature"]
    # MessageType is left out, which is RAW.
    return kms.sign(KeyId=key_id, Message=digest, SigningAlgorithm=ed25519_name)["Signature"]


def verify_signature(digest, signature, algorithm, key_id):
    """memory-layer's verifySignature, and verify_last_audit_event_kms_verify.js."""
    if algorithm == "hmac-sha256":
        return kms.verify_mac(KeyId=key_id, Message=digest, Mac=signature, MacAlgorithm="HMAC_SHA_256")["MacValid"]
    more = {"SigningAlgorithm": PKCS1, "MessageType": "DIGEST"} if algorithm == "rsa-sha256" else {
        "SigningAlgorithm": "ED25519_SHA_512"}
    return kms.verify(KeyId=key_id, Message=digest, Signature=signature, **more)["SignatureValid"]


# The name that its code has for Ed25519 is none of KMS's: KMS's error, and what would do.
code, message = error_of(sign_audit_hash, digest=sha256(b"x"), algorithm="ed25519", key_id=keys["ed25519"],
                         ed25519_name="ED25519")
assert code == "ValidationException", code
assert "Value 'ED25519' at 'signingAlgorithm' failed to satisfy constraint" in message, message
assert "ED25519_SHA_512" in message, message


# --- Chains: agent-manager/server/audit_signer.js

def digest_of(payload, previous):
    return sha256(ecmascript(payload).encode() + (bytes.fromhex(previous) if previous else b""))


def own_events():
    return [
        {"actor_id": "agent-manager", "event_type": "agent_spawned", "payload": {"agent_id": "a", "n": [1, 1e21, -0.0]}},
        {"actor_id": "eval-engine", "event_type": "eval_ingested", "payload": {"score": 0.91, "u": "é<&>\u2028\u20ac"}},
        {"actor_id": "reasoning-graph", "event_type": "agent_promoted", "payload": {"\U0001f600": None, "\ufb33": True}},
    ]


def events(algorithm):
    """Those that the agent manager's own code chained, and its digests; or our own."""
    folder = os.environ.get("GENERATED")
    if not folder:
        return own_events()
    return json.loads((pathlib.Path(folder) / f"chain_{algorithm}.json").read_text())["events"]


def create_chain(algorithm):
    rows, previous = [], None
    for number, event in enumerate(events(algorithm)):
        digest = digest_of(event["payload"], previous)
        assert event.get("_digest_hex", digest.hex()) == digest.hex()
        rows.append({
            "id": f"00000000-0000-4000-8000-{number:012}", "actor_id": event["actor_id"],
            "event_type": event["event_type"], "payload": event["payload"],
            "signature": base64.b64encode(sign_audit_hash(digest, algorithm, keys[algorithm])).decode(),
            "signer_kid": keys[algorithm], "prev_hash": previous,
            "created_at": time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime()),
        })
        previous = digest.hex()
    return rows


# --- Registry: agent-manager/scripts/build_signers_from_db_kms_pubkeys.js

def build_registry(kids):
    signers = []
    for kid in kids:
        try:
            key, pem, _ = systems.public_key(kid)
        except kms.exceptions.UnsupportedOperationException:
            continue  # an HMAC key has none: the builder warns, and goes on
        name = "Ed25519" if isinstance(key, ed25519.Ed25519PublicKey) else "rsa-sha256"
        signers.append({"signerId": kid, "publicKey": pem, "algorithm": name})
    return {"signers": signers}


# --- Verification: kernel/tools/audit-verify.js

def verify_events(rows, registry):
    signers = {entry["signerId"]: entry for entry in registry["signers"]}
    expected = ""
    for row in rows:
        signer = signers[row["signer_kid"]]
        key = load_pem_public_key(signer["publicKey"].encode())
        previous = row["prev_hash"] or ""
        assert not expected or previous == expected, "prev_hash mismatch"
        message = ecmascript(row["payload"]).encode() + bytes.fromhex(previous)
        signature = base64.b64decode(row["signature"])
        if "ed25519" in signer["algorithm"].lower():
            key.verify(signature, sha256(message))
        else:
            key.verify(signature, message, padding.PKCS1v15(), hashes.SHA256())
        expected = sha256(message).hex()
    return expected


registry = build_registry(sorted(set(keys.values())))
assert [entry["signerId"] for entry in registry["signers"]] == ["alias/audit-ed25519", "alias/audit-rsa"]
(out / "signers.json").write_text(json.dumps(registry))

for algorithm, key_id in keys.items():
    rows = create_chain(algorithm)
    (out / f"chain-{algorithm}.json").write_text(json.dumps(rows))
    if algorithm != "hmac-sha256":
        head = verify_events(rows, registry)
        (out / f"head-{algorithm}").write_text(head)
        forged = json.loads(json.dumps(rows))
        forged[1]["payload"]["score"] = 0.99
        refuses(verify_events, forged, registry)
        refuses(verify_events, [rows[0], rows[2], rows[1]], registry)
    previous = None
    for row in rows:
        digest = digest_of(row["payload"], previous)
        signature = base64.b64decode(row["signature"])
        # By KMS, which says no by an exception and never by `false`.
        assert verify_signature(digest, signature, algorithm, key_id) is True
        code, _ = error_of(verify_signature, digest=sha256(digest), signature=signature, algorithm=algorithm, key_id=key_id)
        assert code == ("KMSInvalidMacException" if algorithm == "hmac-sha256" else "KMSInvalidSignatureException"), code
        if algorithm == "hmac-sha256":
            key = bytes.fromhex(os.environ["IMPORTED_HMAC_KEY"])
            assert hmac.compare_digest(signature, hmac.new(key, digest, "sha256").digest())
        previous = digest.hex()

# --- agent-manager/scripts/verify_event_with_kms.js names the algorithm wrongly, and so asks nothing.

row = json.loads((out / "chain-rsa-sha256.json").read_text())[0]
request = {
    "KeyId": keys["rsa-sha256"], "Signature": base64.b64decode(row["signature"]), "MessageType": "DIGEST",
    "Message": digest_of(row["payload"], None),
}
status, answer = systems.post("Verify", SignatureAlgorithm=PKCS1, **request)
assert status == 400 and answer["__type"] == "ValidationException", answer
assert "signingAlgorithm" in answer["message"] and "must not be null" in answer["message"], answer
status, answer = systems.post("Verify", SigningAlgorithm=PKCS1, **request)
assert status == 200 and answer["SignatureValid"] is True, answer


# --- The Go kernel: kernel/internal/{audit,canonical}, rows with hash and signer_id, a registry of raw Ed25519 keys

def go_chain():
    texts = ['{"b":1.0,"a":"é <&>"}', '{"n":1e3,"\U0001f600":[],"\ufb33":null}', '{"amount":100}']
    rows, previous = [], None
    for number, text in enumerate(texts):
        payload = json.loads(text, parse_int=systems.Number, parse_float=systems.Number)
        digest = sha256(go(payload).encode() + (bytes.fromhex(previous) if previous else b""))
        row = {
            "id": f"g{number}", "eventType": "t", "hash": digest.hex(), "signerId": "kernel-signer-kms",
            "signature": base64.b64encode(sign_audit_hash(digest, "ed25519", keys["ed25519"])).decode(),
            "ts": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        }
        if previous:
            row["prevHash"] = previous
        # The payload as its text has it: Go keeps the text of numbers.
        rows.append(json.dumps(row, ensure_ascii=False)[:-1] + f', "payload": {text}}}')
        previous = digest.hex()
    return rows


def verify_go_chain(lines, raw_key):
    for line in lines:
        row = json.loads(line, parse_int=systems.Number, parse_float=systems.Number)
        digest = sha256(go(row["payload"]).encode() + bytes.fromhex(row.get("prevHash", "")))
        assert digest.hex() == row["hash"], "hash mismatch"
        ed25519.Ed25519PublicKey.from_public_bytes(raw_key).verify(base64.b64decode(row["signature"]), digest)


raw_key = systems.raw_ed25519(systems.public_key(keys["ed25519"])[0])
lines = go_chain()
verify_go_chain(lines, raw_key)
refuses(verify_go_chain, [lines[0].replace("1.0", "1")], raw_key)
(out / "chain-go.jsonl").write_text("\n".join(lines) + "\n")
(out / "go-signers.json").write_text(json.dumps({"kernel-signer-kms": base64.b64encode(raw_key).decode()}))

print("ok")
