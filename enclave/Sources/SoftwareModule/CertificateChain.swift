// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding

/// Root, regional, zonal and instance authority, and the leaf whose key signs documents. Everything below the root is
/// made in memory, and made anew before it expires.
struct CertificateChain: Sendable {
    /// Lifetimes and reserves of AWS's chains, in seconds. A level is replaced while it still outlives what is under it.
    private enum Lifetime {
        static let regional: Int64 = 20 * day
        static let zonal: Int64 = 6 * day
        static let instance: Int64 = day
        static let leaf: Int64 = 3 * hour
        static let leafReserve: Int64 = 15 * 60
        static let hour: Int64 = 3600
        static let day: Int64 = 24 * hour
    }

    private let root: IssuedCertificate
    private let identity: ModuleIdentity
    /// Regional, zonal, instance, leaf: as many as are made.
    private var levels: [IssuedCertificate] = []

    init(root: IssuedCertificate, identity: ModuleIdentity) {
        self.root = root
        self.identity = identity
    }

    /// What a document needs: the leaf, and the bundle with the root first.
    mutating func current(at time: Timestamp) throws(CryptographyError) -> (
        leaf: IssuedCertificate, bundle: [[UInt8]]
    ) {
        let reserves = [Lifetime.zonal, Lifetime.instance, Lifetime.leaf, Lifetime.leafReserve]
        let usable = zip(levels, reserves).prefix { $0.isValid(at: time, withReserve: $1) }.count
        levels.removeLast(levels.count - usable)
        let start = Timestamp(seconds: time.seconds)
        var issuer = levels.last ?? root
        while levels.count < reserves.count {
            issuer = try IssuedCertificate(profile(level: levels.count, from: start), issuer: issuer, from: start)
            levels.append(issuer)
        }
        return (issuer, [root.der] + levels.dropLast().map(\.der))
    }

    private func profile(level: Int, from start: Timestamp) throws(CryptographyError) -> IssuedCertificate.Profile {
        switch level {
        case 0:
            IssuedCertificate.Profile(
                subject: ModuleIdentity.regional(try randomID()),
                lifetimeSeconds: Lifetime.regional,
                isAuthority: true,
                pathLength: 2,
                keyUsage: [.digitalSignature, .keyCertSign, .cRLSign]
            )
        case 1:
            IssuedCertificate.Profile(
                subject: ModuleIdentity.zonal(try randomID()),
                lifetimeSeconds: Lifetime.zonal,
                isAuthority: true,
                pathLength: 1,
                keyUsage: [.digitalSignature, .keyCertSign, .cRLSign]
            )
        case 2:
            IssuedCertificate.Profile(
                subject: ModuleIdentity.instance,
                lifetimeSeconds: Lifetime.instance,
                isAuthority: true,
                pathLength: 0,
                keyUsage: .keyCertSign
            )
        default:
            IssuedCertificate.Profile(
                subject: identity.leaf,
                lifetimeSeconds: Lifetime.leaf,
                isAuthority: false,
                pathLength: nil,
                keyUsage: [.digitalSignature, .nonRepudiation],
                isKeyUsageCritical: false,
                serialNumber: leafSerialNumber(from: start)
            )
        }
    }

    private func randomID() throws(CryptographyError) -> String { Hex.encode(try SecureRandom.bytes(count: 8)) }

    /// As on AWS: the enclave's id, and the time of issue.
    private func leafSerialNumber(from start: Timestamp) -> [UInt8] {
        let seconds = UInt64(clamping: start.seconds)
        return identity.enclave
            + stride(from: UInt64(56), through: 0, by: -8).map { UInt8(truncatingIfNeeded: seconds >> $0) }
    }
}

extension Certificate.KeyUsage {
    /// RFC 5280 section 4.2.1.3, bit 1.
    static let nonRepudiation = Certificate.KeyUsage(rawValue: 1 << 1)
}
