// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Foundation
import Glibc
import TestSupport
import Testing

struct HostileInputTests {
    /// Damages of many kinds at once, where the tests of single bits stop: nothing traps, and what is read is what was
    /// given.
    @Test func `no damage to a certificate, key or signature stops the process`() throws {
        let key = try PrivateKey.generate(.ec(.p256))
        let rsa = try TestKeys.key(.rsa(bits: 2048))
        let template = CertificateTemplate(
            subject: [("CN", "x")],
            issuer: [("CN", "y"), ("O", "z")],
            serialNumber: [1],
            notBefore: CertificateWritingTests.now,
            notAfter: CertificateWritingTests.now,
            publicKey: key.publicKey,
            basicConstraints: .init(isCritical: true, isCA: true, pathLength: 1),
            keyUsage: [.keyCertSign],
            isKeyUsageCritical: true,
            subjectKeyIdentifier: [1, 2],
            authorityKeyIdentifier: [3]
        )
        let certificate = try template.signed(by: key)
        let pkcs8 = exposed(try key.pkcs8())
        let pem = Array(
            "-----BEGIN PRIVATE KEY-----\n\(Data(pkcs8).base64EncodedString())\n-----END PRIVATE KEY-----\n".utf8
        )
        #expect(try PrivateKey(pem: secret(pem)).publicKey == key.publicKey)
        let signature = try key.sign(message: [], scheme: .ecdsa(.sha256))
        var random = SplitMix64(seed: 1)

        func damaged(_ bytes: [UInt8]) -> [UInt8] {
            var bytes = bytes
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let at = Int.random(in: 0...bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: if at < bytes.count { bytes[at] = UInt8.random(in: 0...255, using: &random) }
                case 1: bytes.insert([0, 0x30, 0x80, 0x84, 0xff].randomElement(using: &random) ?? 0, at: at)
                case 2: if at < bytes.count { bytes.remove(at: at) }
                default: bytes.removeSubrange(at..<min(bytes.count, at + Int.random(in: 0...40, using: &random)))
                }
            }
            return bytes
        }

        for _ in 0..<4000 {
            let der = damaged(certificate)
            if let read = try? Certificate(der: der) {
                #expect(read.der == der)
                #expect(read.isSigned(by: key.publicKey) == (der == certificate))
            }
            for whole in [key.publicKey.spki, rsa.publicKey.spki] {
                let spki = damaged(whole)
                if let read = try? PublicKey(spki: spki) { #expect(read.spki == spki) }
            }
            let signature = damaged(signature)
            #expect(
                ECDSASignature.raw(fromDER: signature, curve: .p256).map {
                    ECDSASignature.der(fromRaw: $0, curve: .p256) == signature
                } ?? true
            )
            _ = key.publicKey.verify(signature, message: [], scheme: .ecdsa(.sha256))
            _ = try? PrivateKey(pkcs8: secret(damaged(pkcs8)))
            _ = try? PrivateKey(pem: secret(damaged(pem)))
        }
    }

    /// A configuration under which OpenSSL finds no algorithm at all.
    private static let crippling = """
        openssl_conf = start
        [start]
        alg_section = properties
        [properties]
        default_properties = fips=yes

        """

    @Test func `OpenSSL's configuration files change nothing`() async throws {
        // The witness: the command does believe the file.
        let openssl = try OpenSSLCommand()
        try openssl.write("crippling.cnf", Array(Self.crippling.utf8))
        let outcome = try await openssl.run(["dgst", "-sha256", "/dev/null"], configuration: "crippling.cnf")
        #expect(outcome.status != 0)

        await #expect(processExitsWith: .success) {
            let file = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID().uuidString).cnf")
            try Data(HostileInputTests.crippling.utf8).write(to: file)
            defer { try? FileManager.default.removeItem(at: file) }
            unsafe setenv("OPENSSL_CONF", file.path, 1)
            let key = try PrivateKey.generate(.ec(.p256))
            let signature = try key.sign(message: [1], scheme: .ecdsa(.sha256))
            #expect(key.publicKey.verify(signature, message: [1], scheme: .ecdsa(.sha256)))
            #expect(Hash.digest(.sha256).prefix(2) == [0xe3, 0xb0])
        }
    }
}
