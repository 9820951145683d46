// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import NitroAttestation

/// Somebody with a certificate and its key, who issues others.
struct Authority: Sendable {
    let name: String
    let key: PrivateKey
    /// DER, root first, its own last.
    let chain: [[UInt8]]

    var der: [UInt8] { chain.last ?? [] }
    /// Trust in it alone.
    var anchors: TrustAnchors { TrustAnchors(der: [der]) }

    static let begin = Timestamp(seconds: 1_790_000_000)
    static let hour: Int64 = 3_600_000

    static func root(_ name: String = "root", key: PrivateKey? = nil) throws -> Authority {
        let key = try key ?? .generate(.ec(.p384))
        let der = try certificate(name, of: key, issuer: name, hours: 1_000_000).signed(by: key)
        return Authority(name: name, key: key, chain: [der])
    }

    /// An authority below this one.
    func issue(_ name: String, key: PrivateKey? = nil, hours: Int64 = 1000, pathLength: Int? = nil) throws -> Authority
    {
        let key = try key ?? .generate(.ec(.p384))
        let template = Self.certificate(name, of: key, issuer: self.name, hours: hours, pathLength: pathLength)
        return Authority(name: name, key: key, chain: chain + [try template.signed(by: self.key)])
    }

    /// A module below this one, that signs documents.
    func module(_ name: String = "module", key: PrivateKey? = nil, hours: Int64 = 1000) throws -> Authority {
        let key = try key ?? .generate(.ec(.p384))
        var template = Self.certificate(name, of: key, issuer: self.name, hours: hours)
        template.basicConstraints = .init(isCritical: true, isCA: false, pathLength: nil)
        template.keyUsage = .digitalSignature
        return Authority(name: name, key: key, chain: chain + [try template.signed(by: self.key)])
    }

    /// The same with other certificates in front of its own.
    func behind(_ authorities: [[UInt8]]) -> Authority {
        Authority(name: name, key: key, chain: authorities + [der])
    }

    /// The same with another certificate for its own.
    func with(_ der: [UInt8]) -> Authority {
        Authority(name: name, key: key, chain: chain.dropLast() + [der])
    }

    /// A document of this module, made at ``begin``.
    func document() throws -> [UInt8] {
        let document = AttestationDocument(
            moduleID: "i-0123456789abcdef0-enc0123456789abcdef",
            digest: "SHA384",
            timestamp: Self.begin,
            pcrs: [0: pcr(1), 1: pcr(2), 2: pcr(3)],
            certificate: der,
            cabundle: Array(chain.dropLast()),
            publicKey: nil,
            userData: nil,
            nonce: nil
        )
        return try AttestationDocumentEncoder.signed(payload: AttestationDocumentEncoder.payload(document), key: key)
    }

    private func pcr(_ value: UInt8) -> [UInt8] { [UInt8](repeating: value, count: 48) }

    private static func certificate(
        _ name: String,
        of key: PrivateKey,
        issuer: String,
        hours: Int64,
        pathLength: Int? = nil
    ) -> CertificateTemplate {
        CertificateTemplate(
            subject: [("CN", name)],
            issuer: [("CN", issuer)],
            serialNumber: [1],
            notBefore: begin,
            notAfter: begin.advanced(byMilliseconds: hours * hour),
            publicKey: key.publicKey,
            basicConstraints: .init(isCritical: true, isCA: true, pathLength: pathLength),
            keyUsage: .keyCertSign,
            isKeyUsageCritical: true
        )
    }
}

extension Authority {
    /// The order of P-384's group (SEC 2 section 2.5.1).
    private static let order =
        [UInt8](repeating: 0xff, count: 24) + [
            0xc7, 0x63, 0x4d, 0x81, 0xf4, 0x37, 0x2d, 0xdf, 0x58, 0x1a, 0x0d, 0xb2, 0x48, 0xb0, 0xa7, 0x7a, 0xec, 0xec,
            0x19, 0x6a, 0xcc, 0xc5, 0x29, 0x73,
        ]

    /// The same certificate with the other valid signature, (r, n - s), that anybody can compute.
    func twin() throws -> Authority {
        try withSignature { $0.prefix(48) + Self.subtract($0.suffix(48), from: Self.order) }
    }

    /// The same certificate with a signature whose last bit is another.
    func damaged() throws -> Authority { try withSignature { $0.dropLast() + [($0.last ?? 0) ^ 1] } }

    /// Takes the certificate apart with as much DER as its shape needs: SEQUENCE { body, algorithm, BIT STRING }.
    private func withSignature(_ change: ([UInt8]) -> [UInt8]) throws -> Authority {
        // The three elements, each with its head.
        var rest = Self.content(of: der)[...]
        let body = Self.element(&rest)
        let algorithm = Self.element(&rest)
        let signature = Self.content(of: Self.element(&rest)).dropFirst()
        guard let raw = ECDSASignature.raw(fromDER: Array(signature), curve: .p384),
            let changed = ECDSASignature.der(fromRaw: change(raw), curve: .p384)
        else { throw CryptographyError(.malformedCertificate) }
        return with(Self.wrapped(0x30, body + algorithm + Self.wrapped(0x03, [0] + changed)))
    }

    private static func head(_ bytes: ArraySlice<UInt8>) -> (head: Int, content: Int) {
        let bytes = Array(bytes)
        let first = Int(bytes[1])
        guard first > 0x7f else { return (2, first) }
        let count = first & 0x7f
        return (2 + count, bytes[2..<2 + count].reduce(0) { $0 << 8 | Int($1) })
    }

    private static func element(_ bytes: inout ArraySlice<UInt8>) -> [UInt8] {
        let (head, content) = head(bytes)
        defer { bytes = bytes.dropFirst(head + content) }
        return Array(bytes.prefix(head + content))
    }

    private static func content(of element: [UInt8]) -> [UInt8] { Array(element.dropFirst(head(element[...]).head)) }

    private static func wrapped(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
        let count = content.count
        let length: [UInt8] =
            switch count {
            case ..<0x80: [UInt8(count)]
            case ..<0x100: [0x81, UInt8(count)]
            default: [0x82, UInt8(count >> 8), UInt8(count & 0xff)]
            }
        return [tag] + length + content
    }

    private static func subtract(_ small: ArraySlice<UInt8>, from large: [UInt8]) -> [UInt8] {
        var borrow = 0
        var result: [UInt8] = []
        for (a, b) in zip(large.reversed(), small.reversed()) {
            let difference = Int(a) - Int(b) - borrow
            borrow = difference < 0 ? 1 : 0
            result.append(UInt8(difference + 256 * borrow))
        }
        return result.reversed()
    }
}
