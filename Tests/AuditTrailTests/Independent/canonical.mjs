// SPDX-License-Identifier: Apache-2.0
// Canonical JSON and a chain of digests with nothing but what Node has.
//
// node canonical.mjs FORM < lines: for each line of JSON its SHA-256 and its canonical form; at last the head of a chain of
// SHA-256(canonical || digest before).

import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

const byUTF16 = (a, b) => (a < b ? -1 : a > b ? 1 : 0);

// RFC 8785: strings and numbers as JSON.stringify has them, names in the order of their UTF-16 code units.
const rfc8785 = (value) => {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(rfc8785)}]`;
  return `{${Object.keys(value).sort(byUTF16).map((name) => `${JSON.stringify(name)}:${rfc8785(value[name])}`)}}`;
};

// As ILLUVRSE's TypeScript services do it: objects rebuilt in order, then written. Array indices come first.
const rebuilt = (value) => {
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(rebuilt);
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => byUTF16(a, b)).map(([name, inner]) => [name, rebuilt(inner)]));
};

const normalized = (value) => {
  if (typeof value === "string") return value.normalize("NFC");
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(normalized);
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name.normalize("NFC"), normalized(inner)]));
};

const forms = {
  rfc8785,
  "illuvrse-ts": (value) => JSON.stringify(rebuilt(value)),
  glassbox: (value) => rfc8785(normalized(value)),
};

const encode = forms[process.argv[2]];
const sha256 = (...parts) => parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest();
let head = Buffer.alloc(0);
const lines = [];
for (const line of readFileSync(0, "utf8").split("\n")) {
  if (!line) continue;
  const text = encode(JSON.parse(line));
  head = sha256(text, head);
  lines.push(`${sha256(text).toString("hex")} ${text}\n`);
}
process.stdout.write(lines.join("") + head.toString("hex") + "\n");
