// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import NitroAttestation

/// A chain shaped like AWS's: root, regional, zonal and instance authority, and the certificate of the module.
struct TestChain: Sendable {
    static let rootLevel = 0
    static let regionalLevel = 1
    static let zonalLevel = 2
    static let instanceLevel = 3
    static let leafLevel = 4

    /// Root first, the module's own last.
    var certificates: [TestCertificate]
    /// The module's key.
    var key: TestKey

    /// Every fixture's time: when the documents were made.
    static let documentTime = Timestamp(milliseconds: 1_780_315_200_198)  // 2026-06-01T12:00:00.198Z
    /// A fifth of a second before: AWS's modules get their certificate when it is first needed.
    static let issuedAt = Timestamp(milliseconds: 1_780_315_200_000)
    static let moduleID = "i-0123456789abcdef0-enc0123456789abcdef"

    /// The chain as it should be.
    static func make() throws -> TestChain {
        let keys = try ["root", "regional", "zonal", "instance", "module"].map { try TestKey($0) }
        let second: Int64 = 1000
        let day = 86_400 * second
        let issued = Self.issuedAt
        let names: [TestCertificate.Name] = [
            .common("TEST attestation root - trust never"), .common("0a1b2c3d4e5f6071.test-region-1"),
            // Common name first, as on AWS's zonal certificates.
            TestCertificate.Name(parts: [
                ("2.5.4.3", "8f9e0d1c2b3a4958.zonal.test-region-1"), ("2.5.4.11", "TEST ONLY"),
                ("2.5.4.10", "Confidential Key Broker"), ("2.5.4.6", "XX"),
            ]),
            .common("i-0123456789abcdef0.test-region-1"), .common("\(Self.moduleID).test-region-1"),
        ]
        let validity: [(Timestamp, Timestamp)] = [
            (Timestamp(milliseconds: 1_577_836_800_000), Timestamp(milliseconds: 2_524_608_000_000 + 3600 * second)),
            (issued.advanced(byMilliseconds: -5 * day), issued.advanced(byMilliseconds: 15 * day)),
            (issued.advanced(byMilliseconds: -2 * day), issued.advanced(byMilliseconds: 4 * day)),
            (issued.advanced(byMilliseconds: -day / 2), issued.advanced(byMilliseconds: day / 2)),
            (issued, issued.advanced(byMilliseconds: 10_803 * second)),
        ]
        let pathLengths: [UInt8?] = [nil, 2, 1, 0]
        let certificates = keys.indices.map { level in
            let isLeaf = level == leafLevel
            let issuer = max(level - 1, 0)
            var extensions: [TestCertificate.Extension] =
                isLeaf
                ? [.basicConstraints(isCA: false), .keyUsage(0xc0, isCritical: false)]
                : [.basicConstraints(isCA: true, pathLength: pathLengths[level]), .keyUsage(0x86)]
            // As AWS's: identifiers down to the zonal authority, revocation lists named by two.
            if level <= zonalLevel { extensions.append(.subjectKeyIdentifier(keys[level])) }
            if level == regionalLevel || level == zonalLevel {
                extensions.append(.authorityKeyIdentifier(keys[issuer]))
                extensions.append(.crlDistributionPoints)
            }
            return TestCertificate(
                subject: names[level],
                issuer: names[issuer],
                serialNumber: Self.serialNumber(level),
                notBefore: validity[level].0,
                notAfter: validity[level].1,
                spki: keys[level].spki,
                extensions: extensions,
                issuerKey: keys[issuer]
            )
        }
        return TestChain(certificates: certificates, key: keys[leafLevel])
    }

    /// Twenty bytes with the high bit set on the instance authority's certificate, so 21 octets of DER, as AWS has it.
    private static func serialNumber(_ level: Int) -> [UInt8] {
        let bytes = Hash.digest(.sha256, Array("serial number \(level)".utf8))
        return level == instanceLevel ? [0xa8] + bytes.prefix(19) : [0x42] + bytes.prefix(15)
    }

    /// DER, root first.
    func encoded() throws -> [[UInt8]] {
        try certificates.map { try $0.signed() }
    }
}

/// What a fixture's document says before it is spoilt.
struct TestDocument {
    var claims: AttestationDocument
    var key: TestKey

    init(chain: TestChain) throws {
        let encoded = try chain.encoded()
        self.claims = AttestationDocument(
            moduleID: TestChain.moduleID,
            digest: "SHA384",
            timestamp: TestChain.documentTime,
            pcrs: Self.pcrs(count: 16),
            certificate: encoded.last ?? [],
            cabundle: encoded.dropLast(),
            publicKey: nil,
            userData: nil,
            nonce: nil
        )
        self.key = chain.key
    }

    /// A value that is nobody's measurement.
    static func pcr(_ index: Int) -> [UInt8] {
        Hash.digest(.sha384, Array("fixture PCR\(index)".utf8))
    }

    /// As AWS's: PCR0 to PCR4 have values, what nobody extended is zero.
    static func pcrs(count: Int) -> [Int: [UInt8]] {
        var pcrs: [Int: [UInt8]] = [:]
        for index in 0..<count {
            pcrs[index] = index <= 4 || index >= 16 ? pcr(index) : [UInt8](repeating: 0, count: 48)
        }
        return pcrs
    }
}
