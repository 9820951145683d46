// SPDX-License-Identifier: Apache-2.0

import COSE
import Cryptography
import Encoding

/// The certificates of a document, root first, its own last: at least two, each issued by the one before.
///
/// The order is the bundle's own (AWS, "Attestation process", section 3.2.3): nothing is searched for, every
/// certificate is used, and each is held to every rule. Revocation is not looked up, as AWS advises, and key
/// identifiers are not asked for, because AWS's younger certificates lack them.
struct CertificateChain: Sendable {
    let certificates: [Certificate]

    /// How many of the first were verified before in this very chain, each by the one before: 0 or at least 2.
    private let verifiedCount: Int
    /// For the cache; empty without one.
    private let identifiers: [ChainIdentifier]

    /// ecdsa-with-SHA384 (RFC 5758 section 3.2).
    private static let signatureAlgorithm = "1.2.840.10045.4.3.3"
    /// X.509 version 3 (RFC 5280 section 4.1.2.1).
    private static let version = 3

    /// Parses `cabundle` and `certificate` of a document, or takes from the cache what was parsed and verified before.
    init(parsing claims: AttestationDocument, cache: VerifiedChainCache? = nil) throws(Rejection) {
        let encoded = claims.cabundle + [claims.certificate]
        guard Set(encoded).count == encoded.count else {
            throw Rejection(.duplicateCertificate, "one certificate stands twice among \(encoded.count)")
        }
        let identifiers = cache == nil ? [] : ChainIdentifier.all(of: encoded)
        var certificates = cache?.longestVerified(of: identifiers) ?? []
        self.identifiers = identifiers
        self.verifiedCount = certificates.count
        for level in certificates.count..<encoded.count {
            do {
                certificates.append(try Certificate(der: encoded[level]))
            } catch {
                throw Rejection(
                    .malformedX509,
                    "\(Self.name(level, of: encoded.count)): \(error.code.rawValue)"
                )
            }
        }
        self.certificates = certificates
    }

    /// What each certificate says of itself and the next, rule by rule and in each rule root first.
    func checkForm() throws(Rejection) {
        try each { certificate in
            certificate.version == Self.version
        } else: {
            (.wrongCertificateVersion, "version \($0.version)")
        }
        try each { certificate in
            certificate.signatureAlgorithm == Self.signatureAlgorithm
        } else: {
            (.wrongSignatureAlgorithm, "signed with \($0.signatureAlgorithm), not ecdsa-with-SHA384")
        }
        try each { certificate in
            certificate.publicKey.algorithm == .ec(.p384)
        } else: { _ in
            (.wrongKeyAlgorithm, "the key is not on P-384")
        }
        try each { certificate in
            certificate.otherCriticalExtensions.isEmpty
        } else: {
            (.unknownCriticalExtension, "critical extension \($0.otherCriticalExtensions.first ?? "")")
        }
        try checkConstraints()
        try checkKeyUsage()
        for level in certificates.indices.dropFirst()
        where certificates[level].issuerDER != certificates[level - 1].subjectDER {
            throw rejection(.issuerNameMismatch, level, "its issuer is not the subject of the certificate before")
        }
    }

    /// All of them, because AWS's lower certificates live for days and hours (RFC 5280 section 4.1.2.5: from notBefore
    /// through notAfter, both inclusive).
    func checkValidity(at time: Timestamp, leeway: Int64) throws(Rejection) {
        let latest = time.advanced(byMilliseconds: leeway)
        for (level, certificate) in certificates.enumerated() where certificate.notBefore > latest {
            throw rejection(
                .certificateNotYetValid,
                level,
                "valid from \(certificate.notBefore.rfc3339), verified at \(time.rfc3339)"
            )
        }
        for (level, certificate) in certificates.enumerated() where certificate.notAfter < time {
            throw rejection(
                .certificateExpired,
                level,
                "valid to \(certificate.notAfter.rfc3339), verified at \(time.rfc3339)"
            )
        }
    }

    /// Each by the one before, unless that is known. The root is trusted for being an anchor, not for what it signs
    /// itself.
    func checkSignatures() throws(Rejection) {
        for level in certificates.indices.dropFirst(max(1, verifiedCount))
        where !certificates[level].isSigned(by: certificates[level - 1].publicKey) {
            throw rejection(
                .wrongCertificateSignature,
                level,
                "not signed with the key of the certificate before"
            )
        }
    }

    /// ES384 over the bytes received. `s` may be above half the order of the group: half of AWS's are.
    func checkSignature(of envelope: COSESign1) throws(Rejection) {
        guard let leaf = certificates.last, (try? envelope.verify(.es384, key: leaf.publicKey)) != nil else {
            throw Rejection(.wrongDocumentSignature, "not signed with the key of its certificate")
        }
    }

    /// For a chain of a document that passed every check.
    func remember(in cache: VerifiedChainCache) {
        cache.remember(certificates, as: identifiers)
    }
}

// MARK: Extensions

extension CertificateChain {
    private func checkConstraints() throws(Rejection) {
        let issuers = certificates.indices.dropLast()
        for level in issuers {
            guard let constraints = certificates[level].basicConstraints, constraints.isCritical, constraints.isCA
            else {
                throw rejection(.issuerNotCA, level, "expected critical basicConstraints with CA")
            }
        }
        // Absent means no CA, and only a CA has a path length (RFC 5280 section 4.2.1.9).
        if let leaf = certificates.indices.last, let constraints = certificates[leaf].basicConstraints,
            constraints.isCA || constraints.pathLength != nil
        {
            throw rejection(.leafIsCA, leaf, "expected basicConstraints without CA and pathLenConstraint, or none")
        }
        for level in issuers {
            // Certificates between this one and the leaf. Stricter than RFC 5280 section 4.2.1.9, which does not count
            // self-issued ones: AWS has none.
            let followers = certificates.count - 2 - level
            if let allowed = certificates[level].basicConstraints?.pathLength, !(followers...).contains(allowed) {
                throw rejection(.pathTooLong, level, "\(followers) CA certificates follow, \(allowed) allowed")
            }
        }
    }

    private func checkKeyUsage() throws(Rejection) {
        for level in certificates.indices.dropLast()
        where certificates[level].keyUsage?.contains(.keyCertSign) != true {
            throw rejection(.wrongIssuerKeyUsage, level, "expected keyUsage with keyCertSign")
        }
        guard let leaf = certificates.indices.last else { return }
        guard let usage = certificates[leaf].keyUsage, usage.contains(.digitalSignature), !usage.contains(.keyCertSign)
        else {
            throw rejection(.wrongLeafKeyUsage, leaf, "expected keyUsage with digitalSignature, without keyCertSign")
        }
    }
}

// MARK: Words

extension CertificateChain {
    private func each(
        _ holds: (Certificate) -> Bool,
        else reason: (Certificate) -> (Rejection.Reason, String)
    ) throws(Rejection) {
        for (level, certificate) in certificates.enumerated() where !holds(certificate) {
            let (reason, detail) = reason(certificate)
            throw rejection(reason, level, detail)
        }
    }

    private func rejection(_ reason: Rejection.Reason, _ level: Int, _ detail: String) -> Rejection {
        Rejection(reason, "\(Self.name(level, of: certificates.count)): \(detail)")
    }

    private static func name(_ level: Int, of count: Int) -> String {
        level == count - 1 ? "certificate" : "cabundle[\(level)]"
    }
}
