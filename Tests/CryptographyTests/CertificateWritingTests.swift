// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import TestSupport
import Testing

/// Certificates made here, and what is refused of them when one thing is wrong.
struct CertificateWritingTests {
    static let now = Timestamp(milliseconds: 1_790_000_000_000)

    private func template(
        _ name: String,
        issuer: String,
        key: PublicKey,
        basicConstraints: Certificate.BasicConstraints?,
        keyUsage: Certificate.KeyUsage?
    ) -> CertificateTemplate {
        CertificateTemplate(
            subject: [("C", "US"), ("O", "Amazon"), ("OU", "AWS"), ("CN", name)],
            issuer: [("C", "US"), ("O", "Amazon"), ("OU", "AWS"), ("CN", issuer)],
            serialNumber: [0x80, 1, 2],
            notBefore: Self.now,
            notAfter: Timestamp(milliseconds: Self.now.milliseconds + 86_400_000),
            publicKey: key,
            basicConstraints: basicConstraints,
            keyUsage: keyUsage,
            isKeyUsageCritical: true
        )
    }

    private func root(_ key: PrivateKey) -> CertificateTemplate {
        template(
            "root",
            issuer: "root",
            key: key.publicKey,
            basicConstraints: .init(isCritical: true, isCA: true, pathLength: nil),
            keyUsage: [.digitalSignature, .keyCertSign, .cRLSign]
        )
    }

    @Test func `reads back what it wrote`() throws {
        let key = try PrivateKey.generate(.ec(.p384))
        var template = root(key)
        template.basicConstraints = .init(isCritical: true, isCA: true, pathLength: 2)
        template.subjectKeyIdentifier = [1, 2, 3]
        template.authorityKeyIdentifier = [4, 5, 6]
        template.otherExtensions = [(oid: "1.2.3.4", isCritical: true, value: [5, 0])]
        let certificate = try Certificate(der: template.signed(by: key))
        #expect(certificate.subject == "CN=root,OU=AWS,O=Amazon,C=US")
        #expect(certificate.issuerDER == certificate.subjectDER)
        #expect(certificate.serialNumber == "800102")
        #expect(certificate.notBefore == Self.now)
        #expect(certificate.notAfter.milliseconds == Self.now.milliseconds + 86_400_000)
        #expect(certificate.publicKey == key.publicKey)
        #expect(certificate.basicConstraints == template.basicConstraints)
        #expect(certificate.keyUsage == template.keyUsage)
        #expect(certificate.subjectKeyIdentifier == [1, 2, 3])
        #expect(certificate.signatureAlgorithm == "1.2.840.10045.4.3.3")
        #expect(certificate.otherCriticalExtensions == ["1.2.3.4"])
        #expect(certificate.isSigned(by: key.publicKey))
        #expect(!certificate.isSigned(by: try PrivateKey.generate(.ec(.p384)).publicKey))
    }

    @Test(arguments: [
        (KeyAlgorithm.ec(.p384), HashAlgorithm.sha384, "ecdsa-with-SHA384"),
        (.ec(.p256), .sha256, "ecdsa-with-SHA256"),
        (.ec(.p521), .sha512, "ecdsa-with-SHA512"),
        (.rsa(bits: 2048), .sha256, "sha256WithRSAEncryption"),
        (.ed25519, .sha512, "ED25519"),
    ])
    func `the openssl command verifies chains made here`(algorithm: KeyAlgorithm, hash: HashAlgorithm, name: String)
        async throws
    {
        let openssl = try OpenSSLCommand()
        let rootKey = try TestKeys.key(algorithm)
        let leafKey = try PrivateKey.generate(.ec(.p384))
        var rootTemplate = root(rootKey)
        rootTemplate.subjectKeyIdentifier = Hash.digest(.sha1, rootKey.publicKey.spki)
        var leafTemplate = template(
            "leaf",
            issuer: "root",
            key: leafKey.publicKey,
            basicConstraints: .init(isCritical: true, isCA: false, pathLength: nil),
            keyUsage: [.digitalSignature, .nonRepudiation]
        )
        leafTemplate.isKeyUsageCritical = false
        leafTemplate.authorityKeyIdentifier = rootTemplate.subjectKeyIdentifier
        let rootCertificate = try Certificate(der: rootTemplate.signed(by: rootKey, hash: hash))
        let leaf = try Certificate(der: leafTemplate.signed(by: rootKey, hash: hash))
        #expect(leaf.isSigned(by: rootCertificate.publicKey))

        try openssl.write("root.pem", Array(rootCertificate.pem.utf8))
        try openssl.write("leaf.pem", Array(leaf.pem.utf8))
        let verify = [
            "verify", "-attime", "\(Self.now.milliseconds / 1000 + 60)", "-check_ss_sig", "-CAfile", "root.pem",
        ]
        try await openssl.succeed(verify + ["leaf.pem"])
        let text = try await openssl.succeed("x509", "-in", "leaf.pem", "-noout", "-text").text
        for expected in [
            "Signature Algorithm: \(name)", "CA:FALSE", "Digital Signature, Non Repudiation",
            "Issuer: C = US, O = Amazon, OU = AWS, CN = root", "X509v3 Authority Key Identifier",
        ] {
            #expect(text.contains(expected), "\(expected)")
        }
        // The command is a witness only if it refuses as well.
        leafTemplate.notAfter = Self.now
        let expired = try Certificate(der: leafTemplate.signed(by: rootKey, hash: hash))
        try openssl.write("leaf.pem", Array(expired.pem.utf8))
        #expect(try await openssl.run(verify + ["leaf.pem"]).status != 0)
    }

    @Test func `writes certificates that no authority should`() throws {
        let key = try PrivateKey.generate(.ec(.p256))
        var template = root(key)
        template.basicConstraints = nil
        template.keyUsage = nil
        template.notAfter = Timestamp(milliseconds: 0)
        template.subject = []
        let certificate = try Certificate(der: template.signed(by: key, hash: .sha256))
        #expect(certificate.basicConstraints == nil)
        #expect(certificate.keyUsage == nil)
        #expect(certificate.notAfter < certificate.notBefore)
        #expect(certificate.subject == "")
    }

    @Test func `shows an attribute of an unknown type as the openssl command does`() async throws {
        let key = try PrivateKey.generate(.ec(.p256))
        var template = root(key)
        template.subject = [("1.2.3.4.5", "p"), ("CN", " a+\"b\\;")]
        let certificate = try Certificate(der: template.signed(by: key, hash: .sha256))
        let openssl = try OpenSSLCommand()
        try openssl.write("certificate.der", certificate.der)
        let printed = try await openssl.succeed(
            "x509",
            "-inform",
            "DER",
            "-in",
            "certificate.der",
            "-noout",
            "-subject",
            "-nameopt",
            "RFC2253"
        )
        #expect(printed.text == "subject=\(certificate.subject)\n")
    }

    @Test(arguments: [
        -631_152_000, -1, 0, 951_782_400, 1_709_164_800, 2_524_607_999, 2_524_608_000, 4_107_542_400, 253_402_300_799,
    ])
    func `keeps times between 1950 and 9999`(seconds: Int64) async throws {
        let key = try PrivateKey.generate(.ec(.p256))
        var template = root(key)
        template.notBefore = Timestamp(milliseconds: seconds * 1000)
        let certificate = try Certificate(der: template.signed(by: key, hash: .sha256))
        #expect(certificate.notBefore == template.notBefore)
        let openssl = try OpenSSLCommand()
        try openssl.write("certificate.der", certificate.der)
        let printed = try await openssl.succeed(
            "x509",
            "-inform",
            "DER",
            "-in",
            "certificate.der",
            "-noout",
            "-startdate",
            "-dateopt",
            "iso_8601"
        )
        #expect(printed.text == "notBefore=\(certificate.notBefore.rfc3339.replacing("T", with: " "))\n")
    }

    @Test(arguments: [-631_152_001, 253_402_300_800, .max, .min]) func `writes no time outside of that`(
        seconds: Int64
    ) throws {
        let key = try PrivateKey.generate(.ec(.p256))
        var template = root(key)
        template.notAfter = Timestamp(
            milliseconds: seconds.multipliedReportingOverflow(by: 1000).overflow ? seconds : seconds * 1000
        )
        #expect(code { () throws(CryptographyError) in _ = try template.signed(by: key) } == .malformedCertificate)
    }

    @Test func `refuses weak hashes and attribute types that are none`() throws {
        let key = try PrivateKey.generate(.ec(.p256))
        var template = root(key)
        #expect(
            code { () throws(CryptographyError) in _ = try template.signed(by: key, hash: .sha1) } == .schemeMismatch
        )
        template.subject = [("no such type", "x")]
        #expect(code { () throws(CryptographyError) in _ = try template.signed(by: key) } == .malformedCertificate)
    }

    // MARK: One thing wrong

    /// Replaces the one occurrence of bytes.
    private func replace(_ old: [UInt8], _ new: [UInt8], in bytes: [UInt8]) throws -> [UInt8] {
        let starts = bytes.indices.dropLast(old.count - 1).filter { Array(bytes[$0..<($0 + old.count)]) == old }
        let start = try #require(starts.first)
        return Array(bytes[..<start]) + new + bytes[(start + old.count)...]
    }

    private func isMalformed(_ der: [UInt8]) -> Bool {
        code { () throws(CryptographyError) in _ = try Certificate(der: der) } == .malformedCertificate
    }

    @Test func `no truncated or extended certificate is read`() throws {
        let key = try PrivateKey.generate(.ec(.p256))
        let der = try root(key).signed(by: key, hash: .sha256)
        for count in 0..<der.count { #expect(isMalformed(Array(der.prefix(count)))) }
        #expect(isMalformed(der + [0]))
        #expect(isMalformed(der + der))
    }

    @Test func `no certificate with a changed bit is read and verifies`() throws {
        let key = try PrivateKey.generate(.ec(.p256))
        let der = try root(key).signed(by: key, hash: .sha256)
        for index in der.indices {
            var changed = der
            changed[index] ^= 1 << (index % 8)
            let isAccepted = (try? Certificate(der: changed))?.isSigned(by: key.publicKey) ?? false
            #expect(!isAccepted, "byte \(index)")
        }
    }

    @Test(arguments: [
        ("3003020101", "an INTEGER for the flag"),
        ("3003010100", "the default written out"),
        ("3003010101", "TRUE that is not FF"),
        ("30060101ff0201ff", "a negative path length"),
        ("30070101ff02020001", "a padded path length"),
        ("30080101ff0203010000", "a path length of three bytes"),
        ("3003020100", "a path length without CA"),
        ("30060101ff020100 00", "a byte behind"),
        ("30080101ff0201000500", "an element behind"),
        ("30800101ff0000", "an indefinite length"),
        ("3181030101ff", "a SET"),
        ("", "nothing"),
    ])
    func `refuses basicConstraints with one thing wrong`(value: String, what: String) throws {
        let key = try PrivateKey.generate(.ec(.p256))
        var template = root(key)
        template.basicConstraints = nil
        template.otherExtensions = [(oid: "2.5.29.19", isCritical: true, value: try hex("30060101ff020101"))]
        #expect(try Certificate(der: template.signed(by: key)).basicConstraints?.pathLength == 1)
        template.otherExtensions = [(oid: "2.5.29.19", isCritical: true, value: try hex(value))]
        #expect(isMalformed(try template.signed(by: key)), "\(what)")
    }

    @Test(arguments: [
        ("03020780 00", "a byte behind"),
        ("030200 80", "trailing zero bits"),
        ("03020000", "no bit"),
        ("030100", "no byte"),
        ("03020781", "a bit among the unused"),
        ("03020880", "eight unused bits"),
        ("0304000080 01", "three bytes"),
        ("0303 060040", "a tenth bit"),
        ("04020780", "an OCTET STRING"),
    ])
    func `refuses keyUsage with one thing wrong`(value: String, what: String) throws {
        let key = try PrivateKey.generate(.ec(.p256))
        var template = root(key)
        template.keyUsage = nil
        template.otherExtensions = [(oid: "2.5.29.15", isCritical: true, value: try hex("03020780"))]
        #expect(try Certificate(der: template.signed(by: key)).keyUsage == [.digitalSignature])
        template.otherExtensions = [(oid: "2.5.29.15", isCritical: true, value: try hex(value))]
        #expect(isMalformed(try template.signed(by: key)), "\(what)")
    }

    @Test func `refuses an extension that occurs twice`() throws {
        let key = try PrivateKey.generate(.ec(.p256))
        var template = root(key)
        let one = (oid: "1.2.3.4", isCritical: false, value: [5, 0] as [UInt8])
        template.otherExtensions = [one]
        #expect(try Certificate(der: template.signed(by: key)).otherCriticalExtensions == [])
        template.otherExtensions = [one, one]
        #expect(isMalformed(try template.signed(by: key)))
        template.otherExtensions = [(oid: "2.5.29.19", isCritical: true, value: [0x30, 0])]
        #expect(isMalformed(try template.signed(by: key)))
    }

    @Test func `refuses algorithms that differ outside and inside`() throws {
        let key = try PrivateKey.generate(.ec(.p256))
        let der = try root(key).signed(by: key, hash: .sha256)
        let sha256 = try hex("300a06082a8648ce3d040302")
        let sha384 = try hex("300a06082a8648ce3d040303")
        #expect(isMalformed(try replace(sha256, sha384, in: der)))
    }

    @Test func `refuses times that are none`() throws {
        let key = try PrivateKey.generate(.ec(.p256))
        var template = root(key)
        template.notBefore = try #require(Timestamp(rfc3339: "2024-02-29T23:59:59Z"))
        let der = try template.signed(by: key)
        let old = Array("240229235959Z".utf8)
        for text in [
            "230229235959Z", "240230235959Z", "241329235959Z", "240029235959Z", "240200235959Z", "240229245959Z",
            "240229236059Z", "240229235960Z", "24022923595 Z", "240229235959X", "2402292359590",
        ] {
            #expect(isMalformed(try replace(old, Array(text.utf8), in: der)), "\(text)")
        }
        // GeneralizedTime before 2050 (RFC 5280 section 4.1.2.5).
        template.notBefore = try #require(Timestamp(rfc3339: "2050-01-01T00:00:00Z"))
        let far = try template.signed(by: key)
        #expect(try Certificate(der: far).notBefore == template.notBefore)
        #expect(isMalformed(try replace(Array("20500101".utf8), Array("20490101".utf8), in: far)))
    }

    @Test func `refuses versions other than v1 to v3, and extensions before v3`() throws {
        let key = try PrivateKey.generate(.ec(.p256))
        let der = try root(key).signed(by: key)
        let version: [UInt8] = [0xa0, 3, 2, 1, 2]
        for number in [0, 1, 3, 0xff] as [UInt8] {
            #expect(isMalformed(try replace(version, [0xa0, 3, 2, 1, number], in: der)))
        }
        var bare = root(key)
        bare.basicConstraints = nil
        bare.keyUsage = nil
        let second = try replace(version, [0xa0, 3, 2, 1, 1], in: bare.signed(by: key))
        #expect(try Certificate(der: second).version == 2)
    }

    @Test func `refuses negative and long serial numbers`() throws {
        let key = try PrivateKey.generate(.ec(.p256))
        var template = root(key)
        template.serialNumber = [0x7f]
        let der = try template.signed(by: key)
        #expect(try Certificate(der: der).serialNumber == "7f")
        #expect(isMalformed(try replace([2, 1, 0x7f, 0x30], [2, 1, 0x80, 0x30], in: der)))
        template.serialNumber = [UInt8](repeating: 0x7f, count: 20)
        #expect(try Certificate(der: template.signed(by: key)).serialNumber == String(repeating: "7f", count: 20))
        // All 160 bits used, as AWS does.
        template.serialNumber = [UInt8](repeating: 0xff, count: 20)
        #expect(try Certificate(der: template.signed(by: key)).serialNumber == String(repeating: "ff", count: 20))
        template.serialNumber.append(1)
        #expect(isMalformed(try template.signed(by: key)))
    }

    @Test func `refuses PEM that is not exactly one certificate`() throws {
        let key = try PrivateKey.generate(.ec(.p256))
        let pem = try Certificate(der: root(key).signed(by: key)).pem
        for text in [
            "", pem + pem, "x\n" + pem, pem + "x", pem.replacing("CERTIFICATE", with: "X509 CRL"),
            pem.replacing("\n-----END", with: "*\n-----END"), String(pem.dropLast(5)),
        ] {
            #expect(
                code { () throws(CryptographyError) in _ = try Certificate(pem: text) } == .malformedCertificate
            )
        }
    }

    @Test func `an unsupported public key is told from a malformed certificate`() async throws {
        let openssl = try OpenSSLCommand()
        try await openssl.succeed(
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:brainpoolP256r1",
            "-nodes",
            "-keyout",
            "key.pem",
            "-subj",
            "/CN=x",
            "-outform",
            "DER",
            "-out",
            "certificate.der"
        )
        let der = try openssl.read("certificate.der")
        #expect(code { () throws(CryptographyError) in _ = try Certificate(der: der) } == .unsupportedKey)
    }
}
