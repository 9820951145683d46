// SPDX-License-Identifier: Apache-2.0

public import Encoding

/// What somebody demands of an image.
public struct ImagePolicy: Sendable {
    /// Values that PCR0, 1, 2 and 8 must have, 48 bytes each. Another index matches nothing.
    public var pcrs: [Int: [UInt8]]
    /// The certificate under which it must be signed; nil for any, or none.
    public var certificate: SigningCertificate?
    /// Whether it must be signed.
    public var requiresSignature: Bool

    /// Without arguments: nothing but that a signature, if there is one, is right.
    public init(
        pcrs: [Int: [UInt8]] = [:],
        certificate: SigningCertificate? = nil,
        requiresSignature: Bool = false
    ) {
        self.pcrs = pcrs
        self.certificate = certificate
        self.requiresSignature = requiresSignature
    }
}

extension EnclaveImageFile {
    /// Holds the image to a policy. A signature that is there is verified in any case, and its certificate has to be valid
    /// at `time`: the caller's, no clock is read.
    ///
    /// Nothing says who may sign: name the certificate, or PCR8, or PCR0.
    ///
    /// - Throws: ``EnclaveImageError`` for the first thing that is not as demanded: checksum, PCRs by index, signature,
    ///   certificate.
    public func check(_ policy: ImagePolicy, at time: Timestamp) throws(EnclaveImageError) {
        guard isChecksumRight else {
            throw EnclaveImageError(.wrongChecksum, "the checksum in the header is not that of the file")
        }
        for (index, expected) in policy.pcrs.sorted(by: { $0.key < $1.key }) {
            guard let value = measurements[index] else {
                throw EnclaveImageError(
                    .pcrMismatch,
                    index == 8 ? "PCR8: the image is not signed" : "PCR\(index) is not measured from an image"
                )
            }
            guard value == expected else {
                throw EnclaveImageError(
                    .pcrMismatch,
                    "PCR\(index) is \(Hex.encode(value)), not \(Hex.encode(expected))"
                )
            }
        }
        guard let signature else {
            guard !policy.requiresSignature, policy.certificate == nil else {
                throw EnclaveImageError(.unsigned, "the image is not signed")
            }
            return
        }
        try signature.check(pcr0: measurements.pcr0)
        let certificate = signature.certificate
        if let expected = policy.certificate, expected != certificate {
            throw EnclaveImageError(
                .otherCertificate,
                "signed under \(certificate.subject), PCR8 \(Hex.encode(certificate.pcr8))"
            )
        }
        guard time >= certificate.notBefore else {
            throw EnclaveImageError(
                .certificateNotYetValid,
                "the signing certificate is valid from \(certificate.notBefore.rfc3339) on"
            )
        }
        guard time <= certificate.notAfter else {
            throw EnclaveImageError(
                .certificateExpired,
                "the signing certificate was valid until \(certificate.notAfter.rfc3339)"
            )
        }
    }
}
