// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import Foundation
import TestSupport
import Testing

/// Certificates that others made.
struct CertificateReadingTests {
    static let isDataThere = SharedData.isAvailable

    @Test(
        .enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)),
        arguments: [
            ("aws-nitro-root-g1", "641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b"),
            ("aws-us-gov-nitro-root", "20bcd30a"),
        ]
    )
    func `reads AWS's roots`(name: String, fingerprint: String) throws {
        let pem = String(decoding: try SharedData.bytes("attestation/\(name).pem"), as: UTF8.self)
        let root = try Certificate(pem: pem)
        #expect(Hex.encode(root.fingerprintSHA256).hasPrefix(fingerprint))
        #expect(root.version == 3)
        #expect(root.signatureAlgorithm == "1.2.840.10045.4.3.3")
        #expect(root.publicKey.algorithm == .ec(.p384))
        #expect(root.basicConstraints == Certificate.BasicConstraints(isCritical: true, isCA: true, pathLength: nil))
        #expect(root.keyUsage == [.digitalSignature, .keyCertSign, .cRLSign])
        #expect(root.subjectDER == root.issuerDER)
        #expect(root.subjectKeyIdentifier?.count == 20)
        #expect(root.otherCriticalExtensions == [])
        #expect(root.isSigned(by: root.publicKey))
        #expect(root.pem == pem.trimmingCharacters(in: .whitespacesAndNewlines) + "\n")
    }

    /// Byte strings of two length bytes that begin like a certificate; the documents hold no other such.
    private static func certificates(in document: [UInt8]) -> [[UInt8]] {
        var found: [[UInt8]] = []
        for start in document.indices.dropLast(5)
        where document[start] == 0x59 && document[start + 3] == 0x30 && document[start + 4] == 0x82 {
            let length = Int(document[start + 1]) << 8 | Int(document[start + 2])
            let inner = Int(document[start + 5]) << 8 | Int(document[start + 6])
            guard inner + 4 == length, start + 3 + length <= document.count else { continue }
            // A SubjectPublicKeyInfo begins alike: a certificate's first element is long, a key's algorithm short.
            guard document[start + 7] == 0x30, document[start + 8] == 0x82 else { continue }
            found.append(Array(document[(start + 3)..<(start + 3 + length)]))
        }
        return found
    }

    @Test(.enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)))
    func `reads every certificate of every real attestation document, and finds who signed it`() throws {
        let folder = SharedData.root.appendingPathComponent("attestation/real")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasSuffix(".cbor") }
        #expect(names.count >= 40)
        for name in names {
            let chain = try Self.certificates(in: SharedData.bytes("attestation/real/\(name)")).map {
                try Certificate(der: $0)
            }
            #expect(chain.count == 5, "\(name)")
            for certificate in chain {
                let issuers = chain.filter { $0.subjectDER == certificate.issuerDER }
                #expect(issuers.count == 1, "\(name)")
                for other in chain {
                    let isIssuer = other === issuers.first
                    #expect(certificate.isSigned(by: other.publicKey) == isIssuer, "\(name): \(certificate.subject)")
                }
                #expect(certificate.publicKey.algorithm == .ec(.p384))
                #expect(certificate.basicConstraints?.isCritical == true)
                #expect(certificate.otherCriticalExtensions == [])
                #expect(certificate.notBefore < certificate.notAfter)
                let isLeaf = certificate.basicConstraints?.isCA == false
                #expect(certificate.keyUsage?.contains(isLeaf ? .digitalSignature : .keyCertSign) == true)
            }
        }
    }

    static let requests: [(name: String, arguments: [String])] = [
        ("ed25519", ["-newkey", "ed25519", "-subj", "/CN=a", "-days", "1"]),
        ("p521", ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-521", "-sha512", "-subj", "/C=DE/O=A, B/CN= x#"]),
        ("rsa", ["-newkey", "rsa:2048", "-sha256", "-subj", "/CN=zoë\t<x>/emailAddress=a@b.c", "-utf8"]),
        ("far", ["-newkey", "ed25519", "-subj", "/CN=far", "-days", "20000"]),
        ("two", ["-newkey", "ed25519", "-subj", "/CN=one+OU=two", "-multivalue-rdn"]),
        (
            "rsa384",
            [
                "-newkey", "rsa:3072", "-sha384", "-subj", "/serialNumber=1/ST=W/L=S/street=A/DC=com/UID=u/CN=r",
                "-set_serial", "128",
            ]
        ),
    ]

    @Test(arguments: requests) func `says what the openssl command says`(name: String, arguments: [String]) async throws
    {
        let openssl = try OpenSSLCommand()
        try await openssl.succeed(
            ["req", "-x509", "-nodes", "-keyout", "key.pem", "-outform", "DER", "-out", "certificate.der"] + arguments
        )
        let certificate = try Certificate(der: openssl.read("certificate.der"))
        let printed = try await openssl.succeed(
            "x509",
            "-inform",
            "DER",
            "-in",
            "certificate.der",
            "-noout",
            "-subject",
            "-issuer",
            "-serial",
            "-startdate",
            "-enddate",
            "-nameopt",
            "RFC2253",
            "-dateopt",
            "iso_8601",
            "-ext",
            "subjectKeyIdentifier"
        ).text
        let fields = Dictionary(
            printed.split(separator: "\n").compactMap { line -> (String, String)? in
                line.firstIndex(of: "=").map { (String(line[..<$0]), String(line[line.index(after: $0)...])) }
            },
            uniquingKeysWith: { first, _ in first }
        )
        #expect(certificate.subject == fields["subject"])
        #expect(certificate.issuer == fields["issuer"])
        #expect(certificate.serialNumber == fields["serial"]?.lowercased())
        #expect(certificate.notBefore.rfc3339 == fields["notBefore"]?.replacing(" ", with: "T"))
        #expect(certificate.notAfter.rfc3339 == fields["notAfter"]?.replacing(" ", with: "T"))
        let identifier = certificate.subjectKeyIdentifier.map { Hex.encode($0).uppercased() }
        #expect(printed.replacing(":", with: "").contains(try #require(identifier)))
        #expect(certificate.basicConstraints == .init(isCritical: true, isCA: true, pathLength: nil))
        #expect(certificate.isSigned(by: certificate.publicKey))
        let pem = try await openssl.succeed("x509", "-inform", "DER", "-in", "certificate.der").output
        #expect(Array(certificate.pem.utf8) == pem)
        #expect(try Certificate(pem: "\n  \(certificate.pem)\r\n\t").der == certificate.der)
    }

    @Test func `a certificate with SHA-1 is read and no key is taken for its signer`() async throws {
        let openssl = try OpenSSLCommand()
        try await openssl.succeed(
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-keyout",
            "key.pem",
            "-sha1",
            "-subj",
            "/CN=old",
            "-outform",
            "DER",
            "-out",
            "certificate.der"
        )
        let certificate = try Certificate(der: openssl.read("certificate.der"))
        #expect(certificate.signatureAlgorithm == "1.2.840.113549.1.1.5")
        #expect(!certificate.isSigned(by: certificate.publicKey))
    }

    @Test func `lists critical extensions that it does not understand`() async throws {
        let openssl = try OpenSSLCommand()
        try await openssl.succeed(
            "req",
            "-x509",
            "-newkey",
            "ed25519",
            "-nodes",
            "-keyout",
            "key.pem",
            "-subj",
            "/CN=x",
            "-outform",
            "DER",
            "-out",
            "certificate.der",
            "-addext",
            "extendedKeyUsage=critical,serverAuth",
            "-addext",
            "keyUsage=decipherOnly,keyAgreement",
            "-addext",
            "1.2.3.4=DER:0500"
        )
        let certificate = try Certificate(der: openssl.read("certificate.der"))
        #expect(certificate.otherCriticalExtensions == ["2.5.29.37"])
        #expect(certificate.keyUsage == [.decipherOnly, .keyAgreement])
    }
}
