// SPDX-License-Identifier: Apache-2.0

/// Why an image is refused, or cannot be written or signed. ``reason`` is stable; ``detail`` is for people and may change.
public struct EnclaveImageError: Error, Sendable, Equatable {
    /// Stable kebab-case code.
    public let reason: Reason
    /// One line: what was expected and what stands there, in numbers, offsets and names; never content.
    public let detail: String

    init(_ reason: Reason, _ detail: String) {
        self.reason = reason
        self.detail = detail
    }

    /// Equality is on the reason alone.
    public static func == (a: EnclaveImageError, b: EnclaveImageError) -> Bool { a.reason == b.reason }

    /// Stable codes. Codes may be added; none changes its meaning.
    public struct Reason: RawRepresentable, Hashable, Sendable, CaseIterable {
        /// The kebab-case code.
        public let rawValue: String

        /// For reading codes back.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }
    }
}

extension EnclaveImageError: CustomStringConvertible {
    /// `reason: detail`.
    public var description: String { "\(reason.rawValue): \(detail)" }
}

extension EnclaveImageError.Reason: CustomStringConvertible {
    /// The code.
    public var description: String { rawValue }
}

// MARK: The file

extension EnclaveImageError.Reason {
    /// The file cannot be read or written (the error of the system is in the detail), or it is no regular file.
    public static let unreadable = Self(rawValue: "unreadable")
    /// The file ends within its header.
    public static let truncatedHeader = Self(rawValue: "truncated-header")
    /// The file does not begin with `.eif`.
    public static let wrongMagic = Self(rawValue: "wrong-magic")
    /// The format's version is none of 2, 3 and 4.
    public static let unsupportedVersion = Self(rawValue: "unsupported-version")
    /// A flag or a reserved field is set that has no meaning in this version of the format.
    public static let reservedBits = Self(rawValue: "reserved-bits")
    /// Fewer than 2 sections, or more than 32.
    public static let sectionCount = Self(rawValue: "section-count")
    /// The checksum in the header is not that of the file.
    public static let wrongChecksum = Self(rawValue: "wrong-checksum")
}

// MARK: The table of sections

extension EnclaveImageError.Reason {
    /// A section begins before the end of the header or of the section before it.
    public static let overlappingSections = Self(rawValue: "overlapping-sections")
    /// There are bytes between two sections that belong to none.
    public static let gapBetweenSections = Self(rawValue: "gap-between-sections")
    /// A section reaches beyond the end of the file.
    public static let truncatedSection = Self(rawValue: "truncated-section")
    /// There are bytes behind the last section.
    public static let trailingBytes = Self(rawValue: "trailing-bytes")
    /// The header of the file and the header of a section state different sizes.
    public static let sizeMismatch = Self(rawValue: "size-mismatch")
    /// A section is of a type that the format does not define.
    public static let unknownSection = Self(rawValue: "unknown-section")
    /// A second kernel, command line, signature or metadata.
    public static let repeatedSection = Self(rawValue: "repeated-section")
    /// A ramdisk stands before the kernel; for ``EnclaveImage``: sections do not stand in the order kernel, command line,
    /// ramdisks.
    public static let sectionOrder = Self(rawValue: "section-order")
    /// There is no kernel.
    public static let missingKernel = Self(rawValue: "missing-kernel")
    /// There is no command line.
    public static let missingCommandLine = Self(rawValue: "missing-command-line")
    /// There is no metadata, which version 4 demands.
    public static let missingMetadata = Self(rawValue: "missing-metadata")
}

// MARK: Content

extension EnclaveImageError.Reason {
    /// The kernel has no bytes.
    public static let emptyKernel = Self(rawValue: "empty-kernel")
    /// The command line is longer than a kernel takes, not UTF-8, or holds a zero byte.
    public static let malformedCommandLine = Self(rawValue: "malformed-command-line")
    /// The metadata is too large, or not the JSON object that the format describes.
    public static let malformedMetadata = Self(rawValue: "malformed-metadata")
    /// The signature section has more than 32,768 bytes.
    public static let signatureTooLarge = Self(rawValue: "signature-too-large")
    /// The signature section is not one certificate (PEM) and one COSE_Sign1 in the CBOR that the format describes.
    public static let malformedSignature = Self(rawValue: "malformed-signature")
}

// MARK: What a policy demands

extension EnclaveImageError.Reason {
    /// A measurement is not the one that the policy names.
    public static let pcrMismatch = Self(rawValue: "pcr-mismatch")
    /// The policy demands a signature, and there is none.
    public static let unsigned = Self(rawValue: "unsigned")
    /// The image is signed under another certificate than the policy names.
    public static let otherCertificate = Self(rawValue: "other-certificate")
    /// The certificate's key is none that images are signed with.
    public static let unsupportedSigningKey = Self(rawValue: "unsupported-signing-key")
    /// The signature names another algorithm than that of the certificate's key, or has other headers.
    public static let wrongSigningAlgorithm = Self(rawValue: "wrong-signing-algorithm")
    /// What is signed is not PCR0 of this image.
    public static let wrongSignedValue = Self(rawValue: "wrong-signed-value")
    /// The signature is not by the certificate's key.
    public static let invalidSignature = Self(rawValue: "invalid-signature")
    /// The time is before the certificate's validity.
    public static let certificateNotYetValid = Self(rawValue: "certificate-not-yet-valid")
    /// The time is after the certificate's validity.
    public static let certificateExpired = Self(rawValue: "certificate-expired")
}

// MARK: Signing

extension EnclaveImageError.Reason {
    /// The private key is not PEM or PKCS#8, or is encrypted.
    public static let malformedSigningKey = Self(rawValue: "malformed-signing-key")
    /// The certificate is for another key.
    public static let otherSigningKey = Self(rawValue: "other-signing-key")
    /// OpenSSL could not sign: out of memory or entropy.
    public static let signingFailed = Self(rawValue: "signing-failed")
}

extension EnclaveImageError.Reason {
    /// Every reason that this version knows.
    public static let allCases: [Self] = [
        .unreadable, .truncatedHeader, .wrongMagic, .unsupportedVersion, .reservedBits, .sectionCount, .wrongChecksum,
        .overlappingSections, .gapBetweenSections, .truncatedSection, .trailingBytes, .sizeMismatch, .unknownSection,
        .repeatedSection, .sectionOrder, .missingKernel, .missingCommandLine, .missingMetadata, .emptyKernel,
        .malformedCommandLine, .malformedMetadata, .signatureTooLarge, .malformedSignature,
        .pcrMismatch, .unsigned, .otherCertificate, .unsupportedSigningKey, .wrongSigningAlgorithm, .wrongSignedValue,
        .invalidSignature, .certificateNotYetValid, .certificateExpired, .malformedSigningKey, .otherSigningKey,
        .signingFailed,
    ]
}
