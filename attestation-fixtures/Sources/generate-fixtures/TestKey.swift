// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding

/// A key that everyone can compute from its name: for fixtures, and for nothing that anyone trusts.
///
/// It signs with the nonce of RFC 6979, so that the same generator makes the same bytes.
struct TestKey: Sendable {
    let curve: EllipticCurve
    let privateKey: PrivateKey
    private let scalar: [UInt8]
    private let order: Modulus

    /// Orders of the groups (FIPS 186-4 appendix D.1.2).
    private static let orders: [EllipticCurve: String] = [
        .p256: "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
        .p384: "ffffffffffffffffffffffffffffffffffffffffffffffff"
            + "c7634d81f4372ddf581a0db248b0a77aecec196accc52973",
    ]

    init(_ name: String, curve: EllipticCurve = .p384) throws {
        self.curve = curve
        self.order = Modulus(try Hex.decode(Self.orders[curve] ?? ""))
        let digest = Hash.digest(
            .sha384,
            Array("confidential key broker, attestation fixtures, test key: \(name)".utf8)
        )
        self.scalar = order.bytes(order.value(Array(digest.prefix(curve.coordinateLength))))
        self.privateKey = try Self.key(curve, scalar)
    }

    var spki: [UInt8] { privateKey.publicKey.spki }

    /// X and Y of the public point, from the end of its SubjectPublicKeyInfo.
    var point: (x: [UInt8], y: [UInt8]) {
        let length = curve.coordinateLength
        let coordinates = Array(spki.suffix(2 * length))
        return (Array(coordinates.prefix(length)), Array(coordinates.suffix(length)))
    }

    /// Which of the two signatures `(r, s)` and `(r, n - s)`.
    enum Half { case high, low }

    /// `r || s` (ECDSA, FIPS 186-4 section 6.4), with the half of `s` as it comes or as asked for.
    func sign(_ message: [UInt8], hash: HashAlgorithm = .sha384, half: Half? = nil) throws -> [UInt8] {
        let digest = Hash.digest(hash, message)
        let z = order.value(truncated(digest))
        let nonce = nonce(digest: order.bytes(z), hash: hash)
        let x = try TestKey(curve: curve, scalar: nonce).point.x
        let r = order.value(x)
        let k = order.value(nonce)
        var s = order.multiply(order.invert(k), order.add(z, order.multiply(r, order.value(scalar))))
        let negated = order.subtract(order.zero, s)
        let isHigh = order.isLess(negated, s)
        if let half, isHigh != (half == .high) { s = negated }
        return order.bytes(r) + order.bytes(s)
    }

    /// The same as DER, for certificates.
    func signDER(_ message: [UInt8], hash: HashAlgorithm = .sha384) throws -> [UInt8] {
        let raw = try sign(message, hash: hash)
        let length = curve.coordinateLength
        return DER.sequence(DER.integer(Array(raw.prefix(length))), DER.integer(Array(raw.suffix(length))))
    }

    // MARK: Nonce

    private init(curve: EllipticCurve, scalar: [UInt8]) throws {
        self.curve = curve
        self.order = Modulus(try Hex.decode(Self.orders[curve] ?? ""))
        self.scalar = scalar
        self.privateKey = try Self.key(curve, scalar)
    }

    private static func key(_ curve: EllipticCurve, _ scalar: [UInt8]) throws -> PrivateKey {
        var copy = scalar
        return try PrivateKey(curve: curve, scalar: try SecretBytes(movingFrom: &copy))
    }

    /// The leftmost bytes of a digest, or the digest with zeros before it.
    private func truncated(_ digest: [UInt8]) -> [UInt8] {
        let bytes = Array(digest.prefix(order.length))
        return [UInt8](repeating: 0, count: order.length - bytes.count) + bytes
    }

    /// RFC 6979 section 3.2; the order's length in bits is a multiple of eight on both curves.
    private func nonce(digest: [UInt8], hash: HashAlgorithm) -> [UInt8] {
        func mac(_ key: [UInt8], _ message: [UInt8]) -> [UInt8] {
            HMAC.authenticate(hash, key: key, message: message)
        }
        var v = [UInt8](repeating: 1, count: hash.digestLength)
        var k = [UInt8](repeating: 0, count: hash.digestLength)
        for separator: UInt8 in [0, 1] {
            k = mac(k, v + [separator] + scalar + digest)
            v = mac(k, v)
        }
        while true {
            var candidate: [UInt8] = []
            while candidate.count < order.length {
                v = mac(k, v)
                candidate += v
            }
            candidate = Array(candidate.prefix(order.length))
            let isInRange = candidate.contains { $0 != 0 } && order.bytes(order.value(candidate)) == candidate
            if isInRange { return candidate }
            k = mac(k, v + [0])
            v = mac(k, v)
        }
    }
}
