// SPDX-License-Identifier: Apache-2.0

import CBOR
import Encoding
import NitroAttestation

extension FixtureCollection {
    /// What is wrong in the payload's form. Every one is signed as it stands.
    mutating func addPayloads() throws {
        try addMalformedPayloads()
        try addFieldNames()
        try addFieldValues()
        try addPCRs()
        try addCertificateFields()
        try addOptionalFields()
    }

    private mutating func addMalformedPayloads() throws {
        let reason = Rejection.Reason.malformedPayload
        let good = AttestationDocumentEncoder.payload(base.claims)
        reject(reason, "not-a-map", "The payload is an empty array.", try signed([0x80]))
        reject(reason, "trailing-byte", "A byte follows the map.", try signed(good + [0x00]))
        reject(reason, "no-break", "The indefinite-length map does not end.", try signed(Array(good.dropLast())))
        reject(
            reason,
            "odd-items",
            "The indefinite-length map ends after a key.",
            try signed(Array(good.dropLast()) + [0x61, 0x78, 0xff])
        )
        reject(
            reason,
            "duplicate-field",
            "module_id stands twice.",
            try document { (fields: inout CBORMap) in fields.append(.text("module_id"), .text("i-1-enc1")) }
        )
        reject(
            reason,
            "duplicate-pcr",
            "PCR0 stands twice.",
            try document { (fields: inout CBORMap) in
                var pcrs = CBORMap(
                    base.claims.pcrs.sorted { $0.key < $1.key }.map { (.integer(Int64($0.key)), .bytes($0.value)) }
                )
                pcrs.append(.unsigned(0), .bytes(TestDocument.pcr(9)))
                fields.set("pcrs", .map(pcrs))
            }
        )
        // The first key's head 0x69 (text of nine bytes) with its length in a byte of its own.
        reject(
            reason,
            "length-not-shortest",
            "The length of the first key takes a byte more than it needs.",
            try signed([good[0], 0x78, 0x09] + good.dropFirst(2))
        )
        reject(
            reason,
            "key-in-chunks",
            "The first key is an indefinite-length text of one chunk.",
            try signed([good[0], 0x7f] + good[1...9] + [0xff] + good.dropFirst(10))
        )
        reject(
            reason,
            "tagged-value",
            "The nonce has a tag.",
            try document { (fields: inout CBORMap) in fields.set("nonce", .tagged(24, .bytes([1]))) }
        )
        reject(
            reason,
            "undefined-value",
            "The nonce is undefined rather than null.",
            try document { (fields: inout CBORMap) in fields.set("nonce", .undefined) }
        )
        reject(
            reason,
            "float",
            "The timestamp is a floating-point number.",
            try document { (fields: inout CBORMap) in
                fields.set("timestamp", .double(Double(TestChain.documentTime.milliseconds)))
            }
        )
        reject(
            reason,
            "invalid-utf8",
            "The digest is text that is not UTF-8.",
            try signed(Self.replacing(Array("SHA384".utf8), with: [0x53, 0x48, 0x41, 0xff, 0x38, 0x34], in: good))
        )
        reject(
            reason,
            "deep-nesting",
            "The nonce is an array in an array in an array.",
            try document { (fields: inout CBORMap) in fields.set("nonce", .array([.array([.array([])])])) }
        )
    }

    private mutating func addFieldNames() throws {
        reject(
            .nitroTPMDocument,
            "in-place-of-pcrs",
            "The measurements are a NitroTPM's.",
            try document { (fields: inout CBORMap) in
                guard let index = fields.entries.firstIndex(where: { $0.key == .text("pcrs") }) else { return }
                fields.entries[index].key = .text("nitrotpm_pcrs")
            }
        )
        reject(
            .unknownField,
            "text",
            "A field stands there that enclaves' documents do not have.",
            try document { (fields: inout CBORMap) in fields.append(.text("extra"), .null) }
        )
        reject(
            .unknownField,
            "number",
            "A field's name is a number.",
            try document { (fields: inout CBORMap) in fields.append(.unsigned(0), .null) }
        )
        reject(
            .unknownField,
            "byte-string",
            "The name of the nonce is a byte string rather than text.",
            try document { (fields: inout CBORMap) in
                fields.set("nonce", nil)
                fields.append(.bytes(Array("nonce".utf8)), .null)
            }
        )
        for name in ["module_id", "digest", "timestamp", "pcrs", "certificate", "cabundle"] {
            let id = name.replacing("_", with: "-")
            reject(
                .missingField,
                "\(id)-absent",
                "\(name) is absent.",
                try document { (fields: inout CBORMap) in fields.set(name, nil) }
            )
            reject(
                .missingField,
                "\(id)-null",
                "\(name) is null.",
                try document { (fields: inout CBORMap) in fields.set(name, .null) }
            )
        }
    }

    private mutating func addFieldValues() throws {
        let text = String(repeating: "i", count: 257)
        let values: [(Rejection.Reason, String, String, String, CBORValue)] = [
            (.malformedModuleID, "empty", "module_id is empty.", "module_id", .text("")),
            (.malformedModuleID, "too-long", "module_id has 257 characters.", "module_id", .text(text)),
            (
                .malformedModuleID, "control-character", "module_id has an escape in it.", "module_id",
                .text("i-\u{1b}[2J")
            ),
            (.malformedModuleID, "byte-string", "module_id is a byte string.", "module_id", .bytes([0x69])),
            (.malformedDigest, "byte-string", "digest is a byte string.", "digest", .bytes(Array("SHA384".utf8))),
            (.unsupportedDigest, "sha512", "digest is SHA512.", "digest", .text("SHA512")),
            (.unsupportedDigest, "lower-case", "digest is sha384 in lower case.", "digest", .text("sha384")),
            (.malformedTimestamp, "zero", "timestamp is zero.", "timestamp", .unsigned(0)),
            (.malformedTimestamp, "negative", "timestamp is negative.", "timestamp", .negative(0)),
            (.malformedTimestamp, "text", "timestamp is text.", "timestamp", .text("2026-06-01T12:00:00Z")),
            (.malformedTimestamp, "too-large", "timestamp is 2^64 - 1.", "timestamp", .unsigned(.max)),
        ]
        for (reason, id, summary, name, value) in values {
            reject(reason, id, summary, try document { (fields: inout CBORMap) in fields.set(name, value) })
        }
    }

    private mutating func addPCRs() throws {
        func pcr(_ index: Int) -> CBORValue { .bytes(TestDocument.pcr(index)) }
        let some: [(CBORValue, CBORValue)] = (0...2).map { (.unsigned(UInt64($0)), pcr($0)) }
        let cases: [(String, String, CBORValue)] = [
            ("empty", "There is no PCR.", .map(CBORMap())),
            ("an-array", "The PCRs are an array.", .array((0...2).map { pcr($0) })),
            ("index-32", "There is a PCR32.", .map(CBORMap(some + [(.unsigned(32), pcr(32))]))),
            ("index-negative", "There is a PCR of index -1.", .map(CBORMap(some + [(.negative(0), pcr(1))]))),
            ("index-text", "The index of PCR3 is text.", .map(CBORMap(some + [(.text("3"), pcr(3))]))),
            (
                "47-bytes", "PCR3 has 47 bytes.",
                .map(CBORMap(some + [(.unsigned(3), .bytes(Array(TestDocument.pcr(3).dropLast())))]))
            ),
            (
                "64-bytes", "PCR3 has 64 bytes, as for SHA-512.",
                .map(CBORMap(some + [(.unsigned(3), .bytes([UInt8](repeating: 3, count: 64)))]))
            ),
            ("value-null", "PCR3 is null.", .map(CBORMap(some + [(.unsigned(3), .null)]))),
            (
                "value-text", "PCR3 is text.",
                .map(CBORMap(some + [(.unsigned(3), .text(String(repeating: "3", count: 48)))]))
            ),
        ]
        for (id, summary, value) in cases {
            reject(.malformedPCRs, id, summary, try document { (fields: inout CBORMap) in fields.set("pcrs", value) })
        }
    }

    private mutating func addCertificateFields() throws {
        let bundle = base.claims.cabundle.map { CBORValue.bytes($0) }
        let long = CBORValue.bytes([UInt8](repeating: 0x30, count: 1025))
        let last = bundle[bundle.count - 1]
        let cases: [(Rejection.Reason, String, String, String, CBORValue)] = [
            (.malformedCertificate, "empty", "The certificate has no bytes.", "certificate", .bytes([])),
            (.malformedCertificate, "too-long", "The certificate has 1025 bytes.", "certificate", long),
            (.malformedCertificate, "text", "The certificate is text.", "certificate", .text("certificate")),
            (.malformedCABundle, "empty", "The bundle is empty.", "cabundle", .array([])),
            (
                .malformedCABundle, "eleven", "The bundle has eleven entries.", "cabundle",
                .array(bundle + [CBORValue](repeating: last, count: 11 - bundle.count))
            ),
            (
                .malformedCABundle, "entry-empty", "An entry of the bundle has no bytes.", "cabundle",
                .array(bundle + [.bytes([])])
            ),
            (
                .malformedCABundle, "entry-too-long", "An entry of the bundle has 1025 bytes.", "cabundle",
                .array(bundle + [long])
            ),
            (.malformedCABundle, "entry-null", "An entry of the bundle is null.", "cabundle", .array(bundle + [.null])),
            (.malformedCABundle, "byte-string", "The bundle is a byte string.", "cabundle", last),
        ]
        for (reason, id, summary, name, value) in cases {
            reject(reason, id, summary, try document { (fields: inout CBORMap) in fields.set(name, value) })
        }
    }

    private mutating func addOptionalFields() throws {
        let fields: [(Rejection.Reason, String)] = [
            (.malformedPublicKey, "public_key"), (.malformedUserData, "user_data"), (.malformedNonce, "nonce"),
        ]
        for (reason, name) in fields {
            reject(
                reason,
                "too-long",
                "\(name) has 1025 bytes.",
                try document { (fields: inout CBORMap) in
                    fields.set(name, .bytes([UInt8](repeating: 1, count: 1025)))
                }
            )
            reject(
                reason,
                "text",
                "\(name) is text.",
                try document { (fields: inout CBORMap) in fields.set(name, .text("text")) }
            )
        }
    }

    private static func replacing(_ old: [UInt8], with new: [UInt8], in bytes: [UInt8]) -> [UInt8] {
        guard let start = bytes.indices.first(where: { bytes[$0...].starts(with: old) }) else { return bytes }
        return Array(bytes[..<start]) + new + Array(bytes[(start + old.count)...])
    }
}
