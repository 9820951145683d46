// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import NitroAttestation

extension FixtureCollection {
    /// Genuine documents under this root that a relying party must refuse for what they say, or when.
    mutating func addClaims() throws {
        try addUntrusted()
        try addTimes()
        try addModes()
        try addMeasurements()
        try addDemands()
    }

    private mutating func addUntrusted() throws {
        reject(
            .untrustedRoot,
            "look-alike",
            "The root has the anchor's name, and another key.",
            try document { (chain: inout TestChain) in
                let key = try TestKey("another root")
                chain.certificates[TestChain.rootLevel].spki = key.spki
                chain.certificates[TestChain.rootLevel].issuerKey = key
                chain.certificates[TestChain.regionalLevel].issuerKey = key
            }
        )
        reject(
            .untrustedRoot,
            "missing",
            "The bundle begins with the regional authority.",
            try document { $0.cabundle.removeFirst() }
        )
        reject(.untrustedRoot, "reversed", "The bundle ends with the root.", try document { $0.cabundle.reverse() })
    }

    /// A rejected fixture under a policy or at a time of its own.
    private mutating func reject(
        _ reason: Rejection.Reason,
        _ id: String,
        _ summary: String,
        _ bytes: [UInt8],
        _ change: (inout Fixture) -> Void
    ) {
        var fixture = rejected(reason, id, summary, bytes)
        change(&fixture)
        add(fixture)
    }

    private mutating func addTimes() throws {
        let bytes = try document()
        let made = TestChain.documentTime
        reject(
            .documentFromFuture,
            "by-a-millisecond",
            "The verifier's clock is behind the document by the leeway and a millisecond.",
            bytes
        ) {
            $0.time = made.advanced(byMilliseconds: -60_001)
        }
        reject(
            .documentTooOld,
            "by-a-millisecond",
            "The document is a millisecond older than the policy allows.",
            bytes
        ) {
            $0.time = made.advanced(byMilliseconds: 300_001)
            $0.policy.maximumAge = 300_000
        }
    }

    private mutating func addModes() throws {
        reject(
            .debugMode,
            "zero",
            "PCR0 to PCR2 are zero; PCR3 and PCR4 are not, as on AWS.",
            try document { $0.pcrs.merge(Self.debugPCRs) { $1 } }
        )
        for index in 0...2 {
            reject(
                .debugMode,
                "pcr\(index)-absent",
                "PCR\(index) is absent: nothing says that the mode is another.",
                try document { $0.pcrs[index] = nil }
            )
            reject(
                .debugMode,
                "pcr\(index)-zero",
                "PCR\(index) alone is zero.",
                try document { $0.pcrs[index] = Self.debugPCRs[index] ?? Self.debugPCRs[0] }
            )
        }
    }

    private mutating func addMeasurements() throws {
        let bytes = try document()
        reject(.pcrMissing, "pcr16", "The policy names PCR16, which the document does not have.", bytes) {
            $0.policy.pcrs = [0: TestDocument.pcr(0), 16: TestDocument.pcr(16)]
        }
        for index in [0, 1, 2, 3, 4] {
            reject(
                .pcrMismatch,
                "pcr\(index)",
                "PCR\(index) is not the one that the policy names: one bit differs.",
                bytes
            ) {
                $0.policy.pcrs[index] = TestDocument.pcr(index)
                $0.policy.pcrs[index]?[47] ^= 1
            }
        }
        reject(
            .pcrMismatch,
            "pcr8-zero",
            "The policy names a signer, and PCR8 is zero: the image is not signed.",
            bytes
        ) {
            $0.policy.pcrs[8] = TestDocument.pcr(8)
        }
    }

    private mutating func addDemands() throws {
        let value = Array("what is demanded".utf8)
        typealias Demand = (
            reason: Rejection.Reason, name: String, field: WritableKeyPath<AttestationDocument, [UInt8]?>,
            policy: WritableKeyPath<Fixture.Policy, [UInt8]?>
        )
        let demands: [Demand] = [
            (.nonceMismatch, "nonce", \.nonce, \.nonce), (.userDataMismatch, "user_data", \.userData, \.userData),
            (.publicKeyMismatch, "public_key", \.publicKey, \.publicKey),
        ]
        for demand in demands {
            let found: [(String, String, [UInt8]?)] = [
                ("null", "\(demand.name) is demanded and null.", nil),
                ("empty", "\(demand.name) is demanded and empty.", []),
                ("prefix", "\(demand.name) is only the beginning of what is demanded.", Array(value.dropLast())),
                ("longer", "\(demand.name) has a byte more than what is demanded.", value + [0]),
                (
                    "other", "\(demand.name) differs from what is demanded in its last bit.",
                    value.dropLast() + [value[value.count - 1] ^ 1]
                ),
            ]
            for (id, summary, field) in found {
                reject(demand.reason, id, summary, try document { $0[keyPath: demand.field] = field }) {
                    $0.policy[keyPath: demand.policy] = value
                }
            }
        }
        try addKeys()
    }

    private mutating func addKeys() throws {
        let spki = recipient.spki
        let modulus = Hash.digest(.sha512, [1]) + Hash.digest(.sha512, [2])
        let keys: [(String, String, [UInt8]?)] = [
            ("null", "An RSA key is demanded, and public_key is null.", nil),
            ("empty", "An RSA key is demanded, and public_key is empty.", []),
            ("pem", "public_key is PEM text.", Array(recipient.pem.utf8)),
            ("pkcs1", "public_key is an RSAPublicKey of PKCS#1, without its algorithm.", Array(spki.dropFirst(24))),
            ("trailing-byte", "A byte follows the key.", spki + [0]),
            ("ec", "public_key is a key on P-384.", base.key.spki),
            (
                "rsa-1024", "public_key is an RSA key of 1024 bits.",
                Self.rsa(modulus: [0xc0] + modulus.dropFirst().dropLast() + [0x01], exponent: [1, 0, 1])
            ),
            (
                "exponent-one", "The key's exponent is 1.",
                Self.rsa(modulus: Array(spki.dropFirst(33).prefix(256)), exponent: [1])
            ),
            (
                "exponent-even", "The key's exponent is even.",
                Self.rsa(modulus: Array(spki.dropFirst(33).prefix(256)), exponent: [1, 0, 0])
            ),
        ]
        for (id, summary, key) in keys {
            reject(.publicKeyNotRSA, id, summary, try document { $0.publicKey = key }) {
                $0.policy.requiresRSAPublicKey = true
            }
        }
    }

    private static func rsa(modulus: [UInt8], exponent: [UInt8]) -> [UInt8] {
        DER.sequence(
            DER.sequence(DER.objectIdentifier("1.2.840.113549.1.1.1"), DER.element(0x05, [])),
            DER.bitString(DER.sequence(DER.integer(modulus), DER.integer(exponent)))
        )
    }
}
