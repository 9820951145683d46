# SPDX-License-Identifier: Apache-2.0
"""Canonical JSON and a chain of digests with nothing but Python's standard library.

python3 canonical.py FORM < lines: for each line of JSON its SHA-256 and its canonical form; at last the head of a chain of
SHA-256(canonical || digest before).
"""

import hashlib
import json
import sys
import unicodedata


def number(value):
    """ECMA-262 section 6.1.6.1.20, from the shortest digits, which repr has too."""
    mantissa, _, power = repr(abs(value)).partition("e")
    whole, _, part = mantissa.partition(".")
    digits = (whole + part).lstrip("0")
    point = len(whole) + int(power or 0) - (len(whole + part) - len(digits))
    digits = digits.rstrip("0")
    if not digits:
        return "0"
    sign, count = "-" if value < 0 else "", len(digits)
    if count <= point <= 21:
        return sign + digits + "0" * (point - count)
    if 0 < point <= 21:
        return sign + digits[:point] + "." + digits[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + digits
    rest = "." + digits[1:] if count > 1 else ""
    return f"{sign}{digits[0]}{rest}e{'+' if point > 0 else '-'}{abs(point - 1)}"


def encode(value, text):
    if isinstance(value, dict):
        members = {text(name): inner for name, inner in value.items()}
        names = sorted(members, key=lambda name: name.encode("utf-16-be"))
        return "{" + ",".join(quoted(name) + ":" + encode(members[name], text) for name in names) + "}"
    if isinstance(value, list):
        return "[" + ",".join(encode(inner, text) for inner in value) + "]"
    if isinstance(value, float):
        return number(value)
    return quoted(text(value)) if isinstance(value, str) else json.dumps(value)


def quoted(text):
    return json.dumps(text, ensure_ascii=False)


forms = {"rfc8785": lambda text: text, "glassbox": lambda text: unicodedata.normalize("NFC", text)}
head, output = b"", sys.stdout.buffer
for line in sys.stdin.buffer.read().decode().split("\n"):
    if not line:
        continue
    text = encode(json.loads(line), forms[sys.argv[1]]).encode()
    head = hashlib.sha256(text + head).digest()
    output.write(hashlib.sha256(text).hexdigest().encode() + b" " + text + b"\n")
output.write(head.hex().encode() + b"\n")
