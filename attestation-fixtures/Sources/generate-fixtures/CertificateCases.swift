// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import NitroAttestation

extension FixtureCollection {
    /// Chains that are wrong in one certificate, signed as it stands.
    mutating func addCertificates() throws {
        try addDuplicates()
        try addMalformedX509()
        try addAlgorithms()
        try addExtensions()
        try addPathLengths()
        try addNamesAndTimes()
    }

    private mutating func addDuplicates() throws {
        reject(
            .duplicateCertificate,
            "root",
            "The root stands twice: it issued itself, so the chain would hold.",
            try document { $0.cabundle.insert($0.cabundle[0], at: 1) }
        )
    }

    /// The base document with the module's certificate rewritten after signing, then signed itself.
    private func documentWithLeaf(_ change: ([UInt8]) -> [UInt8]) throws -> [UInt8] {
        try document { $0.certificate = change($0.certificate) }
    }

    private mutating func addMalformedX509() throws {
        let reason = Rejection.Reason.malformedX509
        reject(reason, "trailing-byte", "A byte follows the module's certificate.", try documentWithLeaf { $0 + [0] })
        reject(
            reason,
            "truncated",
            "The module's certificate lacks its last byte.",
            try documentWithLeaf { $0.dropLast() }
        )
        reject(
            reason,
            "not-der",
            "The module's certificate is text.",
            try documentWithLeaf { _ in Array("certificate".utf8) }
        )
        reject(
            reason,
            "algorithms-differ",
            "The module's certificate names ecdsa-with-SHA256 in the signed part only.",
            try document { (chain: inout TestChain) in
                chain.certificates[TestChain.leafLevel].innerAlgorithm = "1.2.840.10045.4.3.2"
            }
        )
        reject(
            reason,
            "extension-twice",
            "The module's certificate has keyUsage twice.",
            try document { (chain: inout TestChain) in
                chain.certificates[TestChain.leafLevel].extensions.append(.keyUsage(0xc0, isCritical: false))
            }
        )
        reject(
            reason,
            "point-off-curve",
            "The point of the module's key is not on the curve.",
            try document { (chain: inout TestChain) in
                let last = chain.certificates[TestChain.leafLevel].spki.count - 1
                chain.certificates[TestChain.leafLevel].spki[last] ^= 1
            }
        )
        reject(
            reason,
            "explicit-curve",
            "The module's key describes P-384 by its parameters rather than its name.",
            try document { (chain: inout TestChain) in
                chain.certificates[TestChain.leafLevel].spki = try Self.explicitCurve(chain.key)
            }
        )
    }

    private mutating func addAlgorithms() throws {
        for version: UInt8 in [0, 1] {
            reject(
                .wrongCertificateVersion,
                "version-\(version + 1)",
                "The zonal authority's certificate is of version \(version + 1), which has no extensions.",
                try document { (chain: inout TestChain) in
                    chain.certificates[TestChain.zonalLevel].version = version
                    chain.certificates[TestChain.zonalLevel].extensions = []
                }
            )
        }
        for hash in [HashAlgorithm.sha256, .sha512] {
            reject(
                .wrongSignatureAlgorithm,
                "ecdsa-with-\(hash.rawValue)",
                "The module's certificate is signed over \(hash.rawValue.uppercased()).",
                try document { (chain: inout TestChain) in chain.certificates[TestChain.leafLevel].hash = hash }
            )
        }
        reject(
            .wrongKeyAlgorithm,
            "p256",
            "The instance authority's key is on P-256.",
            try document { (chain: inout TestChain) in
                let key = try TestKey("instance on P-256", curve: .p256)
                chain.certificates[TestChain.instanceLevel].spki = key.spki
                chain.certificates[TestChain.leafLevel].issuerKey = key
            }
        )
    }

    private mutating func addExtensions() throws {
        let levels = [("zonal", TestChain.zonalLevel), ("leaf", TestChain.leafLevel)]
        for (name, level) in levels {
            reject(
                .unknownCriticalExtension,
                name,
                "The \(name) certificate has a critical extension that nobody knows.",
                try document { (chain: inout TestChain) in
                    chain.certificates[level].extensions.append(
                        TestCertificate.Extension(
                            type: "1.3.6.1.4.1.55555.1",
                            isCritical: true,
                            value: DER.boolean(true)
                        )
                    )
                }
            )
        }
        let constraints: [(String, String, TestCertificate.Extension?)] = [
            ("absent", "lacks basicConstraints", nil),
            ("false", "says that it is no authority", .basicConstraints(isCA: false)),
            (
                "not-critical", "has basicConstraints that are not critical",
                .basicConstraints(isCA: true, pathLength: 0, isCritical: false)
            ),
        ]
        for (id, words, replacement) in constraints {
            reject(
                .issuerNotCA,
                id,
                "The instance authority's certificate \(words).",
                try document { (chain: inout TestChain) in
                    chain.certificates[TestChain.instanceLevel].replace(
                        TestCertificate.Extension.basicConstraints,
                        with: replacement
                    )
                }
            )
        }
        reject(
            .leafIsCA,
            "ca",
            "The module's certificate says that it is an authority.",
            try document { (chain: inout TestChain) in
                chain.certificates[TestChain.leafLevel].replace(
                    TestCertificate.Extension.basicConstraints,
                    with: .basicConstraints(isCA: true)
                )
            }
        )
        try addKeyUsages()
    }

    private mutating func addKeyUsages() throws {
        let usages: [(Rejection.Reason, Int, String, String, TestCertificate.Extension?)] = [
            (
                .wrongIssuerKeyUsage, TestChain.instanceLevel, "absent",
                "The instance authority's certificate lacks keyUsage.", nil
            ),
            (
                .wrongIssuerKeyUsage, TestChain.instanceLevel, "no-cert-sign",
                "The instance authority may sign no certificates.", .keyUsage(0x82)
            ),
            (.wrongLeafKeyUsage, TestChain.leafLevel, "absent", "The module's certificate lacks keyUsage.", nil),
            (
                .wrongLeafKeyUsage, TestChain.leafLevel, "no-digital-signature",
                "The module's key is for non-repudiation only.", .keyUsage(0x40, isCritical: false)
            ),
            (
                .wrongLeafKeyUsage, TestChain.leafLevel, "cert-sign", "The module's key may sign certificates.",
                .keyUsage(0x84, isCritical: false)
            ),
        ]
        for (reason, level, id, summary, replacement) in usages {
            reject(
                reason,
                id,
                summary,
                try document { (chain: inout TestChain) in
                    chain.certificates[level].replace(TestCertificate.Extension.keyUsage, with: replacement)
                }
            )
        }
    }

    private mutating func addPathLengths() throws {
        for (name, level, length) in [("zonal", TestChain.zonalLevel, 0), ("regional", TestChain.regionalLevel, 1)] {
            reject(
                .pathTooLong,
                name,
                "The \(name) authority's pathLenConstraint is \(length), and \(length + 1) follow.",
                try document { (chain: inout TestChain) in
                    chain.certificates[level].replace(
                        TestCertificate.Extension.basicConstraints,
                        with: .basicConstraints(isCA: true, pathLength: UInt8(length))
                    )
                }
            )
        }
    }

    private mutating func addNamesAndTimes() throws {
        reject(
            .issuerNameMismatch,
            "leaf",
            "The module's certificate names another issuer than the one that signed it.",
            try document { (chain: inout TestChain) in
                chain.certificates[TestChain.leafLevel].issuer = .common("another authority")
            }
        )
        reject(
            .issuerNameMismatch,
            "other-order",
            "The instance authority's issuer has the same names in another order.",
            try document { (chain: inout TestChain) in
                chain.certificates[TestChain.instanceLevel].issuer.parts.reverse()
            }
        )
        try addValidities()
    }

    /// To the millisecond, at times near the document's own.
    private mutating func addValidities() throws {
        let second: Int64 = 1000
        let begin = TestChain.issuedAt.advanced(byMilliseconds: 61 * second)
        for level in 1...4 {
            let name = ["root", "regional", "zonal", "instance", "leaf"][level]
            let early = try document { (chain: inout TestChain) in chain.certificates[level].notBefore = begin }
            var fixture = rejected(
                .certificateNotYetValid,
                name,
                "The \(name) certificate begins a millisecond after the leeway ends.",
                early
            )
            fixture.time = begin.advanced(byMilliseconds: -60_001)
            add(fixture)
            fixture = Fixture(
                id: "begins-with-the-leeway.\(name)",
                summary: "The \(name) certificate begins when the leeway ends.",
                expected: .accepted,
                bytes: early
            )
            fixture.time = begin.advanced(byMilliseconds: -60_000)
            add(fixture)
            let late = try document { (chain: inout TestChain) in
                chain.certificates[level].notAfter = TestChain.issuedAt
            }
            fixture = rejected(.certificateExpired, name, "The \(name) certificate ended a millisecond before.", late)
            fixture.time = TestChain.issuedAt.advanced(byMilliseconds: 1)
            add(fixture)
        }
    }

    /// SubjectPublicKeyInfo with the curve's parameters (SEC 1 appendix C.2) in place of its name.
    private static func explicitCurve(_ key: TestKey) throws -> [UInt8] {
        let prime = String(repeating: "f", count: 62) + "feffffffff0000000000000000ffffffff"
        let a = String(repeating: "f", count: 62) + "feffffffff0000000000000000fffffffc"
        let b = "b3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aef"
        let x = "aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082542a385502f25dbf55296c3a545e3872760ab7"
        let y = "3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da3113b5f0b8c00a60b1ce1d7e819d7a431d7c90ea0e5f"
        let order = "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973"
        let parameters = DER.sequence(
            DER.integer(1),
            DER.sequence(DER.objectIdentifier("1.2.840.10045.1.1"), DER.integer(try Hex.decode(prime))),
            DER.sequence(DER.octetString(try Hex.decode(a)), DER.octetString(try Hex.decode(b))),
            DER.octetString([4] + (try Hex.decode(x)) + (try Hex.decode(y))),
            DER.integer(try Hex.decode(order)),
            DER.integer(1)
        )
        return DER.sequence(
            DER.sequence(DER.objectIdentifier("1.2.840.10045.2.1"), parameters),
            DER.bitString([4] + key.point.x + key.point.y)
        )
    }
}
