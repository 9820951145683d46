# SPDX-License-Identifier: Apache-2.0
"""Signs an enclave image as nitro-cli does, with Python's cryptography and nothing of this project.

    sign_eif.py IMAGE KEY CERTIFICATE OUTPUT [NAME=VALUE…]

What may be made wrong: index=N, value=HEX (of the register), algorithm=N (COSE), unprotected=1, tag=1, members=swapped,
payload=detached, curve hashes by the key. CERTIFICATE goes into the image as it stands, text around it included.
"""
import hashlib
import struct
import sys
import zlib

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils


def head(major, count):
    if count < 24:
        return bytes([major << 5 | count])
    for info, length in ((24, 1), (25, 2), (26, 4)):
        if count < 256 ** length:
            return bytes([major << 5 | info]) + count.to_bytes(length, "big")


def integers(data):
    return head(4, len(data)) + b"".join(head(0, byte) for byte in data)


def text(value):
    return head(3, len(value)) + value.encode()


def octets(value):
    return head(2, len(value)) + value


def main(image, key, certificate, output, *wrong):
    wrong = dict(option.split("=") for option in wrong)
    data = open(image, "rb").read()
    key = serialization.load_pem_private_key(open(key, "rb").read(), None)
    certificate = open(certificate, "rb").read()

    version, flags, memory, cpus, reserved, count = struct.unpack(">HHQQHH", data[4:28])
    sizes = struct.unpack(">32Q", data[284:540])[:count]
    at, measured = 548, b""
    for size in sizes:
        if struct.unpack(">H", data[at:at + 2])[0] in (1, 2, 3):
            measured += data[at + 12:at + 12 + size]
        at += 12 + size
    value = hashlib.sha384(bytes(48) + hashlib.sha384(measured).digest()).digest()
    value = bytes.fromhex(wrong.get("value", value.hex()))

    index = text("register_index") + head(0, int(wrong.get("index", 0)))
    register = text("register_value") + integers(value)
    payload = head(5, 2) + (register + index if wrong.get("members") == "swapped" else index + register)
    bits = getattr(getattr(key, "curve", None), "key_size", 384)
    algorithm = int(wrong.get("algorithm", {256: -7, 384: -35, 521: -36}[bits]))
    protected = head(5, 1) + head(0, 1) + head(1, -1 - algorithm)
    structure = head(4, 4) + text("Signature1") + octets(protected) + octets(b"") + octets(payload)
    if isinstance(key, ec.EllipticCurvePrivateKey):
        hashing = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}[bits]
        numbers = utils.decode_dss_signature(key.sign(structure, ec.ECDSA(hashing)))
        signature = b"".join(number.to_bytes((bits + 7) // 8, "big") for number in numbers)
    else:
        signature = bytes(96)
    unprotected = head(5, 1) + head(0, 4) + octets(b"k") if "unprotected" in wrong else head(5, 0)
    body = b"\xf6" if wrong.get("payload") == "detached" else octets(payload)
    message = head(4, 4) + octets(protected) + unprotected + body + octets(signature)
    if "tag" in wrong:
        message = head(6, 18) + message
    section = (
        head(4, 1) + head(5, 2) + text("signing_certificate") + integers(certificate) + text("signature")
        + integers(message)
    )

    header = bytearray(data[:548])
    struct.pack_into(">H", header, 26, count + 1)
    struct.pack_into(">Q", header, 28 + 8 * count, len(data))
    struct.pack_into(">Q", header, 284 + 8 * count, len(section))
    body = data[548:] + struct.pack(">HHQ", 4, 0, len(section)) + section
    struct.pack_into(">I", header, 544, zlib.crc32(body, zlib.crc32(bytes(header[:544]))))
    open(output, "wb").write(bytes(header) + body)


main(*sys.argv[1:])
