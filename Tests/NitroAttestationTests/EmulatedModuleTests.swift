// SPDX-License-Identifier: Apache-2.0

import Encoding
import NitroAttestation
import Testing

/// QEMU's emulated security module (hw/virtio/virtio-nsm.c) makes documents of the right shape and signs none: the
/// algorithm that they name does not exist, and signature, certificate and bundle are zero bytes.
struct EmulatedModuleTests {
    /// Made by QEMU 10.0.2 in `make test-nitro`, 2026-11-21.
    private static let document: [UInt8] = {
        let text = """
            hEOhASCgWQFMqWltb2R1bGVfaWR4J2ktMDEyMzQ1Njc4OWFiY2RlZjAtZW5jMDEyMzQ1Njc4OWFiY2RlZmZkaWdlc3RmU0hB
            Mzg0aXRpbWVzdGFtcBsAAAGh/uDJuGRwY3JzoRBYMLFHKyi2bR0OH+LiGBMmnWZvuFaex3ZD+bIMmqL2GsRCQxcOfkapDkUK
            c6nuBTYD6mtjZXJ0aWZpY2F0ZVhAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
            AAAAAAAAAAAAAAAAAGhjYWJ1bmRsZYFYQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
            AAAAAAAAAAAAAAAAAAAAAABqcHVibGljX2tleUMEBQZpdXNlcl9kYXRhQgECZW5vbmNlQQNYQAAAAAAAAAAAAAAAAAAAAAAA
            AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=
            """
        return (try? Base64.decode(text.filter { !$0.isWhitespace })) ?? []
    }()

    private static func verdict(_ document: [UInt8]) throws -> String {
        var policy = VerificationPolicy(roots: .aws)
        policy.allowsDebugMode = true
        switch try AttestationVerifier(policy: policy).verify(document, at: Timestamp(milliseconds: 1_795_277_277_624))
        {
        case .accepted: return "accepted"
        case .rejected(let rejection): return rejection.reason.rawValue
        }
    }

    @Test func `an emulated module's document is rejected for its algorithm`() throws {
        #expect(Self.document.count == 407)
        #expect(try Self.verdict(Self.document) == "wrong-protected-header")
    }

    @Test func `it is rejected as well once it names ES384, has a signature's length, and so on`() throws {
        // COSE_Sign1 [h'a10120', {}, payload, 64 zero bytes], each in its turn as a real one has it.
        let rest = Array(Self.document.dropFirst(5).dropLast(66))
        let named = [0x84, 0x44, 0xa1, 0x01, 0x38, 0x22] + rest
        #expect(try Self.verdict(named + [0x58, 64] + [UInt8](repeating: 0, count: 64)) == "malformed-signature-size")
        let sized = named + [0x58, 96] + [UInt8](repeating: 0, count: 96)
        #expect(try Self.verdict(sized) == "untrusted-root")
    }
}
