# SPDX-License-Identifier: Apache-2.0
"""Reads an enclave image file by AWS's specification, with nothing of this project, and prints what it found as JSON.

    read_eif.py FILE          header, sections, checksum and PCRs; of a signed image certificate and verified signature
    read_eif.py FILE --data   the bytes of each section too, in hex
"""
import hashlib
import json
import ssl
import struct
import sys
import zlib

HEADER = ">4sHHQQHH32Q32QII"


def cbor(data, at=0):
    """One item of the few kinds that stand in a signature: its value, and where the next one begins."""
    major, info = data[at] >> 5, data[at] & 31
    at += 1
    if info < 24:
        argument = info
    else:
        length = {24: 1, 25: 2, 26: 4, 27: 8}[info]
        argument = int.from_bytes(data[at:at + length], "big")
        at += length
    if major == 0:
        return argument, at
    if major == 1:
        return -1 - argument, at
    if major in (2, 3):
        text = data[at:at + argument]
        assert len(text) == argument
        return (text if major == 2 else text.decode()), at + argument
    if major == 4:
        items = []
        for _ in range(argument):
            item, at = cbor(data, at)
            items.append(item)
        return items, at
    assert major == 5, major
    entries = {}
    for _ in range(argument):
        key, at = cbor(data, at)
        entries[key], at = cbor(data, at)
    return entries, at


def whole(data):
    value, end = cbor(data)
    assert end == len(data)
    return value


def head(major, count):
    if count < 24:
        return bytes([major << 5 | count])
    return bytes([major << 5 | 24, count]) if count < 256 else bytes([major << 5 | 25]) + count.to_bytes(2, "big")


def register(*parts):
    return hashlib.sha384(bytes(48) + hashlib.sha384(b"".join(parts)).digest()).hexdigest()


def signature(section, pcr0):
    """What is signed, and whether the signature is right by the key of the certificate."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, utils
    from cryptography.exceptions import InvalidSignature

    (entry,) = whole(section)
    assert list(entry) == ["signing_certificate", "signature"]
    pem = bytes(entry["signing_certificate"])
    protected, unprotected, payload, signed = whole(bytes(entry["signature"]))
    information = whole(payload)
    certificate = x509.load_pem_x509_certificate(pem)
    structure = (
        head(4, 4) + head(3, 10) + b"Signature1" + head(2, len(protected)) + protected + head(2, 0)
        + head(2, len(payload)) + payload
    )
    half = len(signed) // 2
    numbers = [int.from_bytes(part, "big") for part in (signed[:half], signed[half:])]
    try:
        certificate.public_key().verify(
            utils.encode_dss_signature(*numbers), structure, ec.ECDSA(hashes.SHA384())
        )
        verified = True
    except InvalidSignature:
        verified = False
    return {
        "algorithm": whole(protected),
        "unprotected": unprotected,
        "index": information["register_index"],
        "isPCR0": bytes(information["register_value"]).hex() == pcr0,
        "members": list(information),
        "length": len(signed),
        "verified": verified,
    }


def read(path):
    data = open(path, "rb").read()
    magic, version, flags, memory, cpus, reserved, count, *rest = struct.unpack(HEADER, data[:548])
    offsets, sizes, (unused, crc) = rest[:32], rest[32:64], rest[64:]
    assert magic == b".eif" and reserved == 0 and unused == 0
    assert not any(offsets[count:]) and not any(sizes[count:])
    at, sections = 548, []
    for offset, size in zip(offsets[:count], sizes[:count]):
        kind, section_flags, section_size = struct.unpack(">HHQ", data[at:at + 12])
        assert at == offset and size == section_size and section_flags == 0
        sections.append((kind, data[at + 12:at + 12 + size]))
        assert len(sections[-1][1]) == size
        at += 12 + size
    assert at == len(data)
    of = {kind: [content for found, content in sections if found == kind] for kind in range(1, 6)}
    ordered = [content for kind, content in sections if kind in (1, 2, 3)]
    boot = [content for kind, content in sections if kind in (1, 2) or (kind == 3 and content is of[3][0])]
    pcrs = {"0": register(*ordered), "1": register(*boot), "2": register(*of[3][1:])}
    result = {
        "version": version,
        "flags": flags,
        "defaultMemory": memory,
        "defaultCPUs": cpus,
        "kinds": [kind for kind, _ in sections],
        "sizes": [len(content) for _, content in sections],
        "isChecksumRight": zlib.crc32(data[548:], zlib.crc32(data[:544])) == crc,
        "pcrs": pcrs,
    }
    if of[4]:
        pem = bytes(whole(of[4][0])[0]["signing_certificate"]).decode()
        pcrs["8"] = register(ssl.PEM_cert_to_DER_cert(pem))
        result["signature"] = signature(of[4][0], pcrs["0"])
    if "--data" in sys.argv:
        result["sections"] = [content.hex() for _, content in sections]
    return result


print(json.dumps(read(sys.argv[1])))
