// SPDX-License-Identifier: Apache-2.0

package import Cryptography
import NIOCore
import NIOSSL

/// TLS that ends here, under one identity.
///
/// TLS 1.3, and 1.2 with AEAD suites and forward secrecy; ECDSA with P-256; no client certificates, no renegotiation, no
/// early data. Sessions resume by tickets under keys that BoringSSL makes, changes every two days and never writes down,
/// so that a restart ends all of them (TLS 1.3 resumes with a fresh key exchange all the same).
package final class TLSServer: Sendable {
    private let context: NIOSSLContext
    /// What it presents.
    package let identity: TLSIdentity

    /// RFC 7301: the one protocol that is spoken.
    static let applicationProtocol = "http/1.1"
    /// Those of RFC 9325 section 4.2 that fit an ECDSA key, and ChaCha20-Poly1305 (RFC 7905).
    private static let cipherSuites: [NIOTLSCipher] = [
        .TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, .TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        .TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ]
    /// A peer that does not answer a close within this time is left.
    static let closeTimeout = TimeAmount.seconds(1)

    /// - Throws: ``AttestedTLSError`` if BoringSSL does not take the certificate.
    package init(_ identity: TLSIdentity) throws(AttestedTLSError) {
        do {
            var configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: [.certificate(try NIOSSLCertificate(bytes: identity.certificate.der, format: .der))],
                privateKey: .privateKey(NIOSSLPrivateKey(customPrivateKey: IdentityKey(identity.key)))
            )
            configuration.minimumTLSVersion = .tlsv12
            configuration.cipherSuiteValues = Self.cipherSuites
            configuration.applicationProtocols = [Self.applicationProtocol]
            configuration.shutdownTimeout = Self.closeTimeout
            context = try NIOSSLContext(configuration: configuration)
        } catch {
            throw AttestedTLSError.unusableIdentity
        }
        self.identity = identity
    }

    /// A handler for one connection.
    func makeHandler() -> NIOSSLServerHandler { NIOSSLServerHandler(context: context) }
}

/// Why there is no TLS. One line for people; nothing of keys in it.
package enum AttestedTLSError: Error, Equatable, Sendable, CustomStringConvertible {
    case unusableIdentity
    /// No file of certificates in PEM.
    case unusableBundle(String)
    /// The peer did not finish a handshake: what BoringSSL says of it.
    case handshake(String)

    package var description: String {
        switch self {
        case .unusableIdentity: "the TLS identity cannot be used"
        case .unusableBundle(let path): "\(path): holds no certificates in PEM"
        case .handshake(let reason): reason
        }
    }
}
