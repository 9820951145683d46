// SPDX-License-Identifier: Apache-2.0

import COSE
import Cryptography
import Encoding
import Foundation
import NitroAttestation
import SecurityModule
import SoftwareModule
import TestSupport
import Testing

struct `Documents of the software module` {
    private static func document(_ fixture: Fixture) throws -> [UInt8] {
        try fixture.module.attest(userData: [1], nonce: [UInt8](repeating: 2, count: 32), publicKey: nil)
    }

    private static func chain(_ document: [UInt8]) throws -> [Certificate] {
        let claims = try UnverifiedAttestation(parsing: document).claims
        return try (claims.cabundle + [claims.certificate]).map { try Certificate(der: $0) }
    }

    // MARK: Verification

    @Test func `the verifier accepts them under the module's root, with every claim checked`() throws {
        let fixture = try Fixture()
        let sixteen = try fixture.module.extendPCR(16, with: [9])
        try fixture.module.lockPCR(16)
        let key = try PrivateKey.generate(.rsa(bits: 2048)).publicKey.spki
        let document = try fixture.module.attest(userData: [1], nonce: [UInt8](repeating: 2, count: 32), publicKey: key)
        var policy = try fixture.policy()
        policy.pcrs = [0: Fixture.measurements.pcr0, 16: sixteen]
        policy.userData = [1]
        policy.nonce = [UInt8](repeating: 2, count: 32)
        policy.publicKey = key
        policy.requiresRSAPublicKey = true
        policy.maximumAge = 1000
        #expect(try verdict(document, policy, at: fixture.clock.now) == "accepted")
        policy.pcrs[16] = Hash.digest(.sha384, zeros48)
        #expect(try verdict(document, policy, at: fixture.clock.now) == "pcr-mismatch")
    }

    @Test func `no other root accepts them`() throws {
        let fixture = try Fixture()
        let document = try Self.document(fixture)
        let now = fixture.clock.now
        #expect(try verdict(document, VerificationPolicy(roots: .aws), at: now) == "untrusted-root")
        #expect(try verdict(document, VerificationPolicy(roots: .awsUSGov), at: now) == "untrusted-root")
        // Another module's root has the same name and another key.
        #expect(try verdict(document, Fixture().policy(), at: now) == "untrusted-root")
    }

    @Test func `they are rejected after their leaf's three hours`() throws {
        let fixture = try Fixture()
        let document = try Self.document(fixture)
        let policy = try fixture.policy()
        let now = fixture.clock.now
        #expect(try verdict(document, policy, at: now.advanced(byMilliseconds: 10_799_000)) == "accepted")
        #expect(try verdict(document, policy, at: now.advanced(byMilliseconds: 10_801_000)) == "certificate-expired")
    }

    @Test func `a flipped bit is rejected`() throws {
        let fixture = try Fixture()
        let document = try Self.document(fixture)
        let verifier = try AttestationVerifier(policy: fixture.policy())
        var generator = SplitMix64(seed: 5)
        for _ in 0..<300 {
            var changed = document
            changed[Int.random(in: 0..<document.count, using: &generator)] ^=
                1 << UInt8.random(in: 0..<8, using: &generator)
            if case .accepted = verifier.verify(changed, at: fixture.clock.now) { Issue.record("accepted") }
        }
    }

    // MARK: openssl

    @Test func `openssl verifies the chain`() async throws {
        let fixture = try Fixture()
        let chain = try Self.chain(Self.document(fixture))
        let directory = try TemporaryDirectory()
        let authorities = chain.dropFirst().dropLast().map(\.pem).joined()
        let untrusted = try directory.write([UInt8](authorities.utf8), as: "untrusted.pem").path
        let leaf = try directory.write([UInt8](try #require(chain.last).pem.utf8), as: "leaf.pem").path
        let root = fixture.directory.url.appendingPathComponent("root.pem").path
        func verify(at time: Int64, root: String) async throws -> Tool.Result {
            try await Tool.run(
                "openssl",
                ["verify", "-attime", "\(time)", "-CAfile", root, "-untrusted", untrusted, leaf]
            )
        }
        let seconds = fixture.clock.now.seconds
        let result = try await verify(at: seconds, root: root)
        #expect(result.status == 0, "\(result.errors)")
        let expired = try await verify(at: seconds + 10_801, root: root)
        #expect(expired.status != 0 && expired.errors.contains("certificate has expired"))
        let stranger = try Fixture()
        let strangersRoot = stranger.directory.url.appendingPathComponent("root.pem").path
        let underAnother = try await verify(at: seconds, root: strangersRoot)
        #expect(underAnother.status != 0 && underAnother.errors.contains("unable to get local issuer"))
    }

    @Test func `openssl verifies the signature`() async throws {
        let fixture = try Fixture()
        let document = try Self.document(fixture)
        // COSE_Sign1 with a payload of 256 to 65535 bytes, taken apart by position.
        #expect(document.starts(with: [0x84, 0x44, 0xa1, 0x01, 0x38, 0x22, 0xa0, 0x59]))
        let length = Int(document[8]) << 8 | Int(document[9])
        let payload = document[10..<10 + length]
        #expect([UInt8](document[(10 + length)..<(12 + length)]) == [0x58, 96])
        let signature = [UInt8](document[(12 + length)...])
        #expect(signature.count == 96)
        // Indefinite-length map, as AWS's since 2025.
        #expect(payload.first == 0xbf && payload.last == 0xff)

        let signed = [0x84] + text("Signature1") + [0x44, 0xa1, 0x01, 0x38, 0x22, 0x40] + bytes([UInt8](payload))
        func integer(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
            let magnitude = bytes.drop { $0 == 0 }
            let padded = (magnitude.first ?? 0x80) >= 0x80 ? [0] + magnitude : [UInt8](magnitude)
            return [0x02, UInt8(padded.count)] + padded
        }
        let numbers = integer(signature[..<48]) + integer(signature[48...])
        let directory = try TemporaryDirectory()
        let der = try directory.write([0x30, UInt8(numbers.count)] + numbers, as: "signature.der").path
        let leaf = try directory.write([UInt8](try #require(try Self.chain(document).last).pem.utf8), as: "leaf.pem")
            .path
        let key = try await Tool.run("openssl", ["x509", "-in", leaf, "-noout", "-pubkey"])
        let keyPath = try directory.write(key.output, as: "key.pem").path
        let result = try await Tool.run(
            "openssl",
            ["dgst", "-sha384", "-verify", keyPath, "-signature", der],
            input: signed
        )
        #expect(result.text.contains("Verified OK"))
        let wrong = try await Tool.run(
            "openssl",
            ["dgst", "-sha384", "-verify", keyPath, "-signature", der],
            input: signed + [0]
        )
        #expect(wrong.status != 0)
    }

    // MARK: Shape of the chain

    @Test func `the chain has AWS's levels, lifetimes and constraints`() throws {
        let fixture = try Fixture()
        let chain = try Self.chain(Self.document(fixture))
        let expected: [(days: Double, pathLength: Int?, usage: Certificate.KeyUsage)] = [
            (10_957, nil, [.digitalSignature, .keyCertSign, .cRLSign]),
            (20, 2, [.digitalSignature, .keyCertSign, .cRLSign]),
            (6, 1, [.digitalSignature, .keyCertSign, .cRLSign]),
            (1, 0, [.keyCertSign]),
            (0.125, nil, [.digitalSignature, Certificate.KeyUsage(rawValue: 1 << 1)]),
        ]
        #expect(chain.count == expected.count)
        for (index, (certificate, expected)) in zip(chain, expected).enumerated() {
            let isAuthority = index < 4
            #expect(certificate.version == 3)
            #expect(certificate.signatureAlgorithm == "1.2.840.10045.4.3.3")
            #expect(certificate.publicKey.algorithm == .ec(.p384))
            let seconds = certificate.notAfter.seconds - certificate.notBefore.seconds
            #expect(Double(seconds) == expected.days * 86_400)
            #expect(certificate.notBefore.seconds == fixture.clock.now.seconds)
            #expect(
                certificate.basicConstraints
                    == Certificate.BasicConstraints(
                        isCritical: true,
                        isCA: isAuthority,
                        pathLength: expected.pathLength
                    )
            )
            #expect(certificate.keyUsage == expected.usage)
            #expect((certificate.subjectKeyIdentifier != nil) == isAuthority)
            #expect(certificate.issuerDER == chain[max(0, index - 1)].subjectDER)
            #expect(certificate.isSigned(by: chain[max(0, index - 1)].publicKey))
            // AWS's limit, which verifiers keep.
            #expect(certificate.der.count <= 1024)
        }
        #expect(Set(chain.map(\.serialNumber)).count == chain.count)
    }

    @Test func `names are shaped like AWS's, and are not AWS's`() throws {
        let fixture = try Fixture()
        let chain = try Self.chain(Self.document(fixture))
        let id = try fixture.module.describe().moduleID
        #expect(id.wholeMatch(of: /i-[0-9a-f]{17}-enc[0-9a-f]{16}/) != nil)
        #expect(chain.allSatisfy { !$0.subject.lowercased().contains("aws") && !$0.subject.contains("Amazon") })
        #expect(chain[0].subject.hasPrefix("CN=software.nitro-enclaves,"))
        #expect(chain[1].subject.contains(/^CN=[0-9a-f]{16}\.software\.local\.nitro-enclaves,/))
        #expect(chain[2].subject.contains(/CN=[0-9a-f]{16}\.zonal\.software\.local\.nitro-enclaves$/))
        #expect(chain[3].subject.hasPrefix("CN=\(try #require(id.components(before: "-enc"))).software.local."))
        #expect(chain[4].subject.hasPrefix("CN=\(id).software.local,"))
        // Enclave id and time of issue, as in AWS's leaves.
        let serial = String(id.suffix(16)) + Hex.encode([UInt8](repeating: 0, count: 4))
        #expect(chain[4].serialNumber.paddedHex.hasPrefix(serial))
    }

    @Test func `two modules of one directory have one root and two identities`() throws {
        let first = try Fixture()
        let second = try Fixture(clock: first.clock, directory: first.directory)
        let ids = try [first, second].map { try $0.module.describe().moduleID }
        #expect(ids[0] != ids[1])
        for fixture in [first, second] {
            #expect(try verdict(Self.document(fixture), first.policy(), at: first.clock.now) == "accepted")
        }
    }

    // MARK: Reissue

    @Test func `the leaf is replaced a quarter of an hour before it expires`() throws {
        let fixture = try Fixture()
        let first = try Self.chain(Self.document(fixture))
        fixture.clock.advance(seconds: 10_800 - 15 * 60 - 2)
        #expect(try Self.chain(Self.document(fixture)).map(\.der) == first.map(\.der))
        fixture.clock.advance(seconds: 2)
        let document = try Self.document(fixture)
        let next = try Self.chain(document)
        #expect(next.dropLast().map(\.der) == first.dropLast().map(\.der))
        #expect(next.last?.der != first.last?.der)
        #expect(next.last?.subject == first.last?.subject)
        #expect(try verdict(document, fixture.policy(), at: fixture.clock.now) == "accepted")
    }

    @Test func `documents verify, and go on to for a quarter of an hour, at any time of a long run`() throws {
        let fixture = try Fixture()
        let policy = try fixture.policy()
        var roots: Set<[UInt8]> = []
        for _ in 0..<120 {
            fixture.clock.advance(seconds: 6 * 3600 + 1234)
            let document = try Self.document(fixture)
            #expect(try verdict(document, policy, at: fixture.clock.now) == "accepted")
            #expect(
                try verdict(document, policy, at: fixture.clock.now.advanced(byMilliseconds: 899_000)) == "accepted"
            )
            roots.insert(try Self.chain(document)[0].der)
        }
        #expect(roots.count == 1)
    }

    @Test func `a clock that was set back makes a new chain`() throws {
        let clock = ManualClock()
        let directory = try TemporaryDirectory()
        _ = try Fixture(clock: clock, directory: directory)
        clock.advance(seconds: 86_400)
        let fixture = try Fixture(clock: clock, directory: directory)
        clock.advance(seconds: -3600)
        #expect(try verdict(Self.document(fixture), fixture.policy(), at: clock.now) == "accepted")
    }
}

extension String {
    /// With the zero that a hexadecimal number of odd length lacks.
    fileprivate var paddedHex: String { count.isMultiple(of: 2) ? self : "0" + self }
}
