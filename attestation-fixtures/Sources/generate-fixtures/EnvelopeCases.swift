// SPDX-License-Identifier: Apache-2.0

import CBOR
import NitroAttestation

extension FixtureCollection {
    /// What is wrong around the payload.
    mutating func addEnvelopes() throws {
        reject(.malformedSize, "empty", "There are no bytes.", [])
        reject(
            .malformedSize,
            "too-long",
            "Zeros, one byte more than the largest document.",
            [UInt8](repeating: 0, count: 16_494)
        )
        try addMalformedCBOR()
        try addMalformedStructure()
        try addWrongHeaders()
        try addWrongLengths()
    }

    private mutating func addMalformedCBOR() throws {
        let payload = AttestationDocumentEncoder.payload(base.claims)
        let reason = Rejection.Reason.malformedCBOR
        reject(
            reason,
            "array-not-shortest",
            "The array's count takes a byte more than it needs.",
            try envelope { $0.array = [0x98, 0x04] }
        )
        reject(
            reason,
            "array-indefinite",
            "The array has indefinite length.",
            try envelope {
                $0.array = [0x9f]
                $0.tail = [0xff]
            }
        )
        reject(
            reason,
            "unprotected-header-indefinite",
            "The unprotected header is an indefinite-length map, though empty.",
            try envelope { $0.unprotectedHeader = [0xbf, 0xff] }
        )
        reject(
            reason,
            "payload-length-not-shortest",
            "The payload's length takes four bytes rather than two.",
            try envelope {
                $0.payload = [0x5a, 0, 0, UInt8(payload.count >> 8), UInt8(payload.count & 0xff)] + payload
            }
        )
        reject(
            reason,
            "payload-in-chunks",
            "The payload is an indefinite-length byte string of two chunks.",
            try envelope {
                let chunks = [Array(payload.prefix(100)), Array(payload.dropFirst(100))]
                $0.payload = [0x5f] + chunks.flatMap(Envelope.byteString) + [0xff]
            }
        )
        reject(reason, "trailing-byte", "A byte follows.", try envelope { $0.tail = [0x00] })
        reject(reason, "truncated", "The last byte is missing.", Array(try document().dropLast()))
        reject(
            reason,
            "declares-more-than-there-is",
            "The payload's head declares 2^63 - 1 bytes.",
            [0x84, 0x44] + Envelope.es384 + [0xa0, 0x5b, 0x7f] + [UInt8](repeating: 0xff, count: 7)
        )
        reject(
            reason,
            "deep-nesting",
            "Ten thousand arrays, one in the other.",
            [UInt8](repeating: 0x81, count: 10_000)
        )
    }

    private mutating func addMalformedStructure() throws {
        let reason = Rejection.Reason.malformedEnvelope
        reject(reason, "other-tag", "The tag is 98, that of COSE_Sign.", try envelope { $0.head = [0xd8, 98] })
        reject(reason, "tag-twice", "Tag 18 stands twice.", try envelope { $0.head = [0xd2, 0xd2] })
        reject(
            reason,
            "self-described",
            "The tag of self-described CBOR stands before it.",
            try envelope { $0.head = [0xd9, 0xd9, 0xf7] }
        )
        reject(
            reason,
            "five-elements",
            "The array has a fifth element.",
            try envelope {
                $0.array = [0x85]
                $0.tail = [0xf6]
            }
        )
        reject(reason, "detached-payload", "The payload is null.", try envelope { $0.payload = [0xf6] })
        reject(reason, "a-map", "The document is a map.", [0xa0])
    }

    private mutating func addWrongHeaders() throws {
        let payload = AttestationDocumentEncoder.payload(base.claims)
        let wrong: [(String, String, [UInt8])] = [
            ("es256", "The algorithm is ES256.", [0xa1, 0x01, 0x26]),
            ("no-algorithm", "The header is empty.", []),
            ("empty-map", "The header is an empty map.", [0xa0]),
            (
                "key-identifier", "A key identifier stands beside the algorithm.",
                [0xa2, 0x01, 0x38, 0x22, 0x04, 0x41, 0x00]
            ),
            ("not-shortest", "The algorithm takes a byte more than it needs.", [0xa1, 0x01, 0x39, 0x00, 0x22]),
            ("algorithm-twice", "The algorithm stands twice.", [0xa2, 0x01, 0x38, 0x22, 0x01, 0x38, 0x22]),
        ]
        for (id, summary, header) in wrong {
            // Signed as it stands: only the header is wrong.
            reject(
                .wrongProtectedHeader,
                id,
                summary,
                try Envelope(payload: payload, key: base.key, protectedHeader: header).bytes
            )
        }
        reject(
            .wrongUnprotectedHeader,
            "algorithm",
            "The unprotected header names an algorithm, another one.",
            try envelope { $0.unprotectedHeader = [0xa1, 0x01, 0x26] }
        )
        reject(
            .wrongUnprotectedHeader,
            "key-identifier",
            "The unprotected header names a key.",
            try envelope { $0.unprotectedHeader = [0xa1, 0x04, 0x41, 0x00] }
        )
    }

    private mutating func addWrongLengths() throws {
        reject(.malformedPayloadSize, "empty", "The payload has no bytes.", try signed([]))
        reject(
            .malformedPayloadSize,
            "too-long",
            "The payload has 16385 bytes.",
            try signed([UInt8](repeating: 0, count: 16_385))
        )
        reject(
            .malformedSignatureSize,
            "95-bytes",
            "The signature lacks its last byte.",
            try envelope { $0.signature.removeLast() }
        )
        reject(
            .malformedSignatureSize,
            "97-bytes",
            "A zero stands before the signature.",
            try envelope { $0.signature.insert(0, at: 0) }
        )
        reject(.malformedSignatureSize, "empty", "The signature has no bytes.", try envelope { $0.signature = [] })
    }
}
