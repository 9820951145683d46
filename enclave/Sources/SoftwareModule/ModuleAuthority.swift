// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import Glibc

/// The software module's root on disk, in a directory of its user:
///
/// - `root-key.pem` (0600): private key and certificate, made once and never changed;
/// - `root.pem` (0644): the certificate alone, for verifiers.
///
/// The first file alone decides, and appears whole; the second follows from it. So processes that open the same new
/// directory at the same time end up with the same authority.
enum ModuleAuthority {
    static let keyFileName = "root-key.pem"
    /// 30 years, leap days counted, as AWS's root.
    private static let lifetimeSeconds: Int64 = 10_957 * 24 * 3600
    private static let maximumFileLength = 16_384

    /// Opens the authority in `directory`, or makes one.
    static func open(_ directory: String, at time: Timestamp) throws(SoftwareModuleError) -> IssuedCertificate {
        guard !directory.isEmpty else { throw SoftwareModuleError("the module's directory has no name") }
        try AtomicFile.makeDirectory(directory)
        try AtomicFile.checkDirectory(directory)
        let keyPath = "\(directory)/\(keyFileName)"
        let root: IssuedCertificate
        if let found = try load(keyPath) {
            root = found
        } else {
            _ = try AtomicFile.create(keyPath, make(at: time), mode: S_IRUSR | S_IWUSR)
            guard let made = try load(keyPath) else { throw .system("open", keyPath, ENOENT) }
            root = made
        }
        try publish(root, in: directory)
        return root
    }

    /// A new authority, as `root-key.pem` holds it. Its key is one that a laptop's disk keeps in clear, so copies in
    /// memory are not hunted down.
    private static func make(at time: Timestamp) throws(SoftwareModuleError) -> [UInt8] {
        do {
            let root = try IssuedCertificate(
                IssuedCertificate.Profile(
                    subject: ModuleIdentity.root,
                    lifetimeSeconds: lifetimeSeconds,
                    isAuthority: true,
                    pathLength: nil,
                    keyUsage: [.digitalSignature, .keyCertSign, .cRLSign]
                ),
                issuer: nil,
                from: Timestamp(seconds: time.seconds)
            )
            let key = try root.key.pkcs8().withBytes { bytes in
                (0..<bytes.byteCount).map { unsafe bytes.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
            }
            return [UInt8]((PEM.encode(PEM.privateKey, key) + PEM.encode(PEM.certificate, root.der)).utf8)
        } catch {
            throw SoftwareModuleError("cannot make a root certificate: \(error.code.rawValue)")
        }
    }

    /// Nil if there is no such file.
    private static func load(_ path: String) throws(SoftwareModuleError) -> IssuedCertificate? {
        guard let file = try OpenFile(ifPresent: path) else { return nil }
        let status = try file.status()
        guard status.st_mode & S_IFMT == S_IFREG, status.st_uid == geteuid(), status.st_mode & 0o077 == 0 else {
            throw SoftwareModuleError("\(path) must be a file that its owner alone can read: chmod 600 it")
        }
        var contents = try file.contents(limit: maximumFileLength)
        defer { wipe(&contents) }
        guard let text = String(validating: contents, as: UTF8.self),
            let keyPEM = PEM.section(PEM.privateKey, in: text),
            let certificatePEM = PEM.section(PEM.certificate, in: text)
        else { throw damaged(path) }
        do {
            var keyBytes = [UInt8](keyPEM.utf8)
            let key = try PrivateKey(pem: SecretBytes(movingFrom: &keyBytes))
            let certificate = try Certificate(pem: certificatePEM)
            guard key.algorithm == .ec(.p384), certificate.publicKey.spki == key.publicKey.spki,
                certificate.isSigned(by: key.publicKey)
            else { throw damaged(path) }
            return IssuedCertificate(root: certificate, key: key)
        } catch {
            throw damaged(path)
        }
    }

    /// Writes `root.pem`, or sees that it is the right one.
    private static func publish(_ root: IssuedCertificate, in directory: String) throws(SoftwareModuleError) {
        let path = "\(directory)/\(SoftwareModule.rootFileName)"
        guard let file = try OpenFile(ifPresent: path) else {
            let pem = PEM.encode(PEM.certificate, root.der)
            return try AtomicFile.replace(path, [UInt8](pem.utf8), mode: S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH)
        }
        let text = String(validating: try file.contents(limit: maximumFileLength), as: UTF8.self)
        let certificate = text.flatMap { try? Certificate(pem: $0) }
        guard certificate?.der == root.der else {
            throw SoftwareModuleError(
                "\(path) is not the certificate in \(keyFileName): remove it to have it written again"
            )
        }
    }

    private static func damaged(_ path: String) -> SoftwareModuleError {
        SoftwareModuleError("\(path) does not hold a P-384 key and its certificate: remove it to have a new one made")
    }
}

/// Textual encodings (RFC 7468): as much as this module's own files need.
enum PEM {
    static let privateKey = "PRIVATE KEY"
    static let certificate = "CERTIFICATE"
    private static let lineLength = 64

    static func encode(_ label: String, _ der: [UInt8]) -> String {
        var rest = Base64.encode(der)[...]
        var text = "-----BEGIN \(label)-----\n"
        while !rest.isEmpty {
            text += "\(rest.prefix(lineLength))\n"
            rest = rest.dropFirst(lineLength)
        }
        return text + "-----END \(label)-----\n"
    }

    /// The first section with this label, its boundary lines included.
    static func section(_ label: String, in text: String) -> String? {
        let lines = text.split(separator: "\n")
        guard let start = lines.firstIndex(of: "-----BEGIN \(label)-----"),
            let end = lines[start...].firstIndex(of: "-----END \(label)-----")
        else { return nil }
        return lines[start...end].joined(separator: "\n") + "\n"
    }
}
