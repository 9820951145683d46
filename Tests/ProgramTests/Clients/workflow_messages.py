# SPDX-License-Identifier: Apache-2.0
"""The messages of a confidential workflow (CSE-MAW), answered by a stand-in for its enclave that has a broker and no key.

Reads one JSON object from standard input: the recorded shapes. EXAMPLES: docs/examples. Ends with a line `ok`.
"""

import base64
import json
import os
import sys

sys.path.insert(0, os.environ["EXAMPLES"])
from envelopes import Broker, BrokerError  # noqa: E402

shapes = json.load(sys.stdin)
broker = Broker()
KEY = "alias/imported"


def agent(text):
    return json.dumps({"agent": "B", "input": text}).encode()


def process_base64(message):
    """`process` of the service that encrypted."""
    try:
        plaintext = broker.decrypt(KEY, message["payload"])
        return {"status": "ok", "result": broker.encrypt(KEY, agent(plaintext.decode()))}
    except BrokerError as error:
        return {"status": "error", "msg": error.name}


def process_hex(message):
    """The documented protocol: A begins with a payload in clear, B goes on with what A sealed."""
    try:
        if message["mode"] == "B":
            message = {"payload": broker.decrypt(KEY, message["payload"], Format="hex").decode()}
        sealed = broker.encrypt(KEY, agent(message["payload"]), Format="hex")
        return {"status": "success", "ciphertext": sealed}
    except BrokerError as error:
        return {"error": str(error)}


def shaped(message, shape):
    """Whether a message has the members of a recorded shape, texts where it has texts."""
    return set(message) == set(shape) and all(type(message[name]) is type(shape[name]) for name in shape)


recorded = shapes["v1_encrypting_adb8702"]
question = {"type": "process", "payload": broker.encrypt(KEY, b"Hello from the host!")}
assert shaped(question, recorded["process_request"])
answer = process_base64(question)
assert shaped(answer, recorded["process_response"]) and answer["status"] == "ok"
assert b"Hello" not in base64.b64decode(answer["result"])
assert json.loads(broker.decrypt(KEY, answer["result"]))["input"] == "Hello from the host!"

first, second = shapes["v0_docs_ff3c302"]["requests"]
begun = process_hex(dict(first, payload="Hello from the host!"))
assert shaped(begun, shapes["v0_docs_ff3c302"]["responses"][0]) and begun["status"] == "success"
went_on = process_hex(dict(second, payload=begun["ciphertext"]))
assert shaped(went_on, shapes["v0_docs_ff3c302"]["responses"][0])
inner = json.loads(broker.decrypt(KEY, went_on["ciphertext"], Format="hex"))["input"]
assert json.loads(inner)["input"] == "Hello from the host!"

# A failure is told as one in both: never an `ok`, never what was sent back.
for wrong in "", "AAAA", begun["ciphertext"], answer["result"][:-4] + "AAA=":
    told = process_base64({"type": "process", "payload": wrong})
    assert told == {"status": "error", "msg": "InvalidCiphertextException"}, told
assert any(shaped(told, shape) for shape in shapes["v1_head_6e5c758"]["responses"] if shape["status"] == "error")
told = process_hex({"mode": "B", "payload": answer["result"]})
assert shaped(told, shapes["v0_docs_ff3c302"]["responses"][1]) and told["error"] == "InvalidCiphertextException"
print("ok")
