// SPDX-License-Identifier: Apache-2.0

import Cryptography
import NIOCore
import NIOSSL

/// The server's key as BoringSSL uses it: BoringSSL asks for signatures, and the key itself never leaves OpenSSL's
/// memory. No copy of it is made, and none has to be wiped.
final class IdentityKey: NIOSSLCustomPrivateKey, Hashable, Sendable {
    private let key: PrivateKey

    init(_ key: PrivateKey) { self.key = key }

    /// P-256 alone: what every client of TLS 1.2 and 1.3 knows (RFC 8446 section 9.1).
    let signatureAlgorithms: [SignatureAlgorithm] = [.ecdsaSecp256R1Sha256]

    /// Signs part of a handshake, on its event loop: some 20 µs.
    func sign(channel: any Channel, algorithm: SignatureAlgorithm, data: ByteBuffer) -> EventLoopFuture<ByteBuffer> {
        channel.eventLoop.makeCompletedFuture {
            let signature = try key.sign(message: Array(data.readableBytesView), scheme: .ecdsa(.sha256))
            return ByteBuffer(bytes: signature)
        }
    }

    /// Key exchange by encryption is for RSA keys; this is none.
    func decrypt(channel: any Channel, data: ByteBuffer) -> EventLoopFuture<ByteBuffer> {
        channel.eventLoop.makeFailedFuture(CryptographyError(.schemeMismatch))
    }

    static func == (a: IdentityKey, b: IdentityKey) -> Bool { a.key.publicKey.spki == b.key.publicKey.spki }
    func hash(into hasher: inout Hasher) { hasher.combine(key.publicKey.spki) }
}
