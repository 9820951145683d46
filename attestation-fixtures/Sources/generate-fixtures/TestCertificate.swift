// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding

/// A certificate to be made, with everything in it that a fixture may want wrong.
struct TestCertificate: Sendable {
    struct Name: Sendable {
        /// Relative distinguished names in order: type as dotted OID, value.
        var parts: [(type: String, value: String)]

        static func common(_ name: String) -> Name {
            Name(parts: [
                ("2.5.4.6", "XX"), ("2.5.4.10", "Confidential Key Broker"), ("2.5.4.11", "TEST ONLY"),
                ("2.5.4.3", name),
            ])
        }

        var der: [UInt8] {
            DER.element(
                0x30,
                parts.flatMap { part in
                    // Countries are PrintableString (RFC 5280 appendix A.1).
                    let value =
                        part.type == "2.5.4.6" ? DER.printableString(part.value) : DER.utf8String(part.value)
                    return DER.set(DER.sequence(DER.objectIdentifier(part.type), value))
                }
            )
        }
    }

    struct Extension: Sendable {
        var type: String
        var isCritical: Bool
        /// DER of the extension's value.
        var value: [UInt8]

        var der: [UInt8] {
            let critical = isCritical ? DER.boolean(true) : []
            return DER.sequence(DER.objectIdentifier(type), critical, DER.octetString(value))
        }

        static func basicConstraints(isCA: Bool, pathLength: UInt8? = nil, isCritical: Bool = true) -> Extension {
            let authority = isCA ? DER.boolean(true) : []
            let length = pathLength.map { DER.integer($0) } ?? []
            return Extension(type: basicConstraints, isCritical: isCritical, value: DER.sequence(authority, length))
        }

        /// The first byte of the bit string: digitalSignature 0x80, nonRepudiation 0x40, keyCertSign 0x04, cRLSign 0x02.
        static func keyUsage(_ bits: UInt8, isCritical: Bool = true) -> Extension {
            let unused = UInt8(bits.trailingZeroBitCount)
            return Extension(
                type: keyUsage,
                isCritical: isCritical,
                value: DER.bitString([bits], unusedBits: unused)
            )
        }

        static func subjectKeyIdentifier(_ key: TestKey) -> Extension {
            Extension(
                type: "2.5.29.14",
                isCritical: false,
                value: DER.octetString(identifier(key))
            )
        }

        static func authorityKeyIdentifier(_ key: TestKey) -> Extension {
            Extension(
                type: "2.5.29.35",
                isCritical: false,
                value: DER.sequence(DER.element(0x80, identifier(key)))
            )
        }

        /// Where revocations would stand: AWS's regional and zonal certificates have it.
        static let crlDistributionPoints = Extension(
            type: "2.5.29.31",
            isCritical: false,
            value: DER.sequence(
                DER.sequence(
                    DER.explicit(
                        0,
                        DER.explicit(0, DER.element(0x86, Array("http://crl.example.invalid/test.crl".utf8)))
                    )
                )
            )
        )

        static let basicConstraints = "2.5.29.19"
        static let keyUsage = "2.5.29.15"

        private static func identifier(_ key: TestKey) -> [UInt8] {
            Hash.digest(.sha1, [0x04] + key.point.x + key.point.y)
        }
    }

    var subject: Name
    var issuer: Name
    var serialNumber: [UInt8]
    var notBefore: Timestamp
    var notAfter: Timestamp
    var spki: [UInt8]
    var extensions: [Extension]
    /// The key that signs.
    var issuerKey: TestKey
    var hash: HashAlgorithm = .sha384
    /// The field's number: 2 is version 3.
    var version: UInt8 = 2
    /// If set, the algorithm that the signed part names; else that of `hash`.
    var innerAlgorithm: String?
    /// If set, what becomes of the signature's last byte.
    var spoilsSignature = false

    private static let algorithms: [HashAlgorithm: String] = [
        .sha256: "1.2.840.10045.4.3.2", .sha384: "1.2.840.10045.4.3.3", .sha512: "1.2.840.10045.4.3.4",
    ]

    func signed() throws -> [UInt8] {
        let outer = Self.algorithms[hash] ?? ""
        let toBeSigned = DER.sequence(
            version == 0 ? [] : DER.explicit(0, DER.integer(version)),
            DER.integer(serialNumber),
            DER.sequence(DER.objectIdentifier(innerAlgorithm ?? outer)),
            issuer.der,
            DER.sequence(DER.time(notBefore), DER.time(notAfter)),
            subject.der,
            spki,
            extensions.isEmpty ? [] : DER.explicit(3, DER.element(0x30, extensions.flatMap(\.der)))
        )
        var signature = try issuerKey.signDER(toBeSigned, hash: hash)
        if spoilsSignature, let last = signature.indices.last { signature[last] ^= 1 }
        return DER.sequence(toBeSigned, DER.sequence(DER.objectIdentifier(outer)), DER.bitString(signature))
    }

    // MARK: Changes

    mutating func replace(_ type: String, with replacement: Extension?) {
        guard let index = extensions.firstIndex(where: { $0.type == type }) else { return }
        extensions.remove(at: index)
        if let replacement { extensions.insert(replacement, at: index) }
    }
}
