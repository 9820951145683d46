// SPDX-License-Identifier: Apache-2.0

// MARK: Form of the envelope

extension Rejection.Reason {
    /// The input is empty, or longer than any attestation document.
    public static let malformedSize = Self(rawValue: "malformed-size")
    /// The envelope is not CBOR in the accepted form: definite lengths, shortest form, nothing after it.
    public static let malformedCBOR = Self(rawValue: "malformed-cbor")
    /// The envelope is not an array of byte string, map, byte string, byte string, or has a tag other than one 18.
    public static let malformedEnvelope = Self(rawValue: "malformed-envelope")
    /// The protected header is not exactly `{1: -35}` (ES384).
    public static let wrongProtectedHeader = Self(rawValue: "wrong-protected-header")
    /// The unprotected header is not empty.
    public static let wrongUnprotectedHeader = Self(rawValue: "wrong-unprotected-header")
    /// The payload does not have 1 to 16384 bytes.
    public static let malformedPayloadSize = Self(rawValue: "malformed-payload-size")
    /// The signature does not have 96 bytes.
    public static let malformedSignatureSize = Self(rawValue: "malformed-signature-size")
}

// MARK: Form of the payload

extension Rejection.Reason {
    /// The payload is not one CBOR map in the accepted form: shortest form, no duplicate keys, nothing after it.
    public static let malformedPayload = Self(rawValue: "malformed-payload")
    /// The document is of a NitroTPM: an ordinary EC2 instance, under the same root as enclaves.
    public static let nitroTPMDocument = Self(rawValue: "nitrotpm-document")
    /// The payload has a field that an enclave's document does not have.
    public static let unknownField = Self(rawValue: "unknown-field")
    /// A mandatory field is absent or null.
    public static let missingField = Self(rawValue: "missing-field")
    /// `module_id` is not text of 1 to 256 printable ASCII characters.
    public static let malformedModuleID = Self(rawValue: "malformed-module-id")
    /// `digest` is not text.
    public static let malformedDigest = Self(rawValue: "malformed-digest")
    /// `digest` is not `SHA384`.
    public static let unsupportedDigest = Self(rawValue: "unsupported-digest")
    /// `timestamp` is not an unsigned integer of milliseconds from 1970 to 9999, or zero.
    public static let malformedTimestamp = Self(rawValue: "malformed-timestamp")
    /// `pcrs` is not a map of 1 to 32 indices from 0 to 31 to values of 48 bytes.
    public static let malformedPCRs = Self(rawValue: "malformed-pcrs")
    /// `certificate` is not a byte string of 1 to 1024 bytes.
    public static let malformedCertificate = Self(rawValue: "malformed-certificate")
    /// `cabundle` is not an array of 1 to 10 byte strings of 1 to 1024 bytes.
    public static let malformedCABundle = Self(rawValue: "malformed-cabundle")
    /// `public_key` is neither null nor a byte string of at most 1024 bytes.
    public static let malformedPublicKey = Self(rawValue: "malformed-public-key")
    /// `user_data` is neither null nor a byte string of at most 1024 bytes.
    public static let malformedUserData = Self(rawValue: "malformed-user-data")
    /// `nonce` is neither null nor a byte string of at most 1024 bytes.
    public static let malformedNonce = Self(rawValue: "malformed-nonce")
}

// MARK: Trust anchor

extension Rejection.Reason {
    /// The first certificate of `cabundle` is not one of the trust anchors, byte for byte.
    public static let untrustedRoot = Self(rawValue: "untrusted-root")
}

// MARK: Claims against the policy

extension Rejection.Reason {
    /// The document's time is later than the verifier's by more than the leeway.
    public static let documentFromFuture = Self(rawValue: "document-from-future")
    /// The document is older than the policy's maximum age.
    public static let documentTooOld = Self(rawValue: "document-too-old")
    /// PCR0, PCR1 or PCR2 is absent or zero: no image is attested.
    public static let debugMode = Self(rawValue: "debug-mode")
    /// The document lacks a PCR that the policy names.
    public static let pcrMissing = Self(rawValue: "pcr-missing")
    /// A PCR does not have the value that the policy names.
    public static let pcrMismatch = Self(rawValue: "pcr-mismatch")
    /// The nonce is absent, or is not the one that the policy names.
    public static let nonceMismatch = Self(rawValue: "nonce-mismatch")
    /// The user data are absent, or are not those that the policy names.
    public static let userDataMismatch = Self(rawValue: "user-data-mismatch")
    /// The public key is absent, or is not the one that the policy names.
    public static let publicKeyMismatch = Self(rawValue: "public-key-mismatch")
    /// The policy requires an RSA key, and the public key is absent or not the SPKI of one of 2048 to 4096 bits.
    public static let publicKeyNotRSA = Self(rawValue: "public-key-not-rsa")
}

// MARK: Certificates, root first

extension Rejection.Reason {
    /// One certificate stands twice in the chain.
    public static let duplicateCertificate = Self(rawValue: "duplicate-certificate")
    /// A certificate is not strict DER of X.509, or its key is of no supported kind.
    public static let malformedX509 = Self(rawValue: "malformed-x509")
    /// A certificate is not of version 3.
    public static let wrongCertificateVersion = Self(rawValue: "wrong-certificate-version")
    /// A certificate is signed with something else than ecdsa-with-SHA384.
    public static let wrongSignatureAlgorithm = Self(rawValue: "wrong-signature-algorithm")
    /// A certificate's key is not on P-384.
    public static let wrongKeyAlgorithm = Self(rawValue: "wrong-key-algorithm")
    /// A certificate has a critical extension other than basicConstraints and keyUsage.
    public static let unknownCriticalExtension = Self(rawValue: "unknown-critical-extension")
    /// An issuing certificate lacks basicConstraints, or has them not critical or without CA.
    public static let issuerNotCA = Self(rawValue: "issuer-not-ca")
    /// The signing certificate is a CA, or has a pathLenConstraint as if it were.
    public static let leafIsCA = Self(rawValue: "leaf-is-ca")
    /// More certificates follow an issuing one than its pathLenConstraint allows.
    public static let pathTooLong = Self(rawValue: "path-too-long")
    /// An issuing certificate lacks keyUsage, or keyCertSign in it.
    public static let wrongIssuerKeyUsage = Self(rawValue: "wrong-issuer-key-usage")
    /// The signing certificate lacks keyUsage, or digitalSignature in it, or has keyCertSign.
    public static let wrongLeafKeyUsage = Self(rawValue: "wrong-leaf-key-usage")
    /// A certificate's issuer is not the subject of the one before it, DER for DER.
    public static let issuerNameMismatch = Self(rawValue: "issuer-name-mismatch")
    /// A certificate is not valid yet, the leeway included.
    public static let certificateNotYetValid = Self(rawValue: "certificate-not-yet-valid")
    /// A certificate is not valid any more.
    public static let certificateExpired = Self(rawValue: "certificate-expired")
}

// MARK: Signatures

extension Rejection.Reason {
    /// A certificate is not signed with the key of the one before it.
    public static let wrongCertificateSignature = Self(rawValue: "wrong-certificate-signature")
    /// The document is not signed with the key of its certificate.
    public static let wrongDocumentSignature = Self(rawValue: "wrong-document-signature")
}

// MARK: All of them

extension Rejection.Reason {
    /// Every code, in the order of the checks.
    public static let allCases: [Rejection.Reason] = [
        .malformedSize, .malformedCBOR, .malformedEnvelope, .wrongProtectedHeader, .wrongUnprotectedHeader,
        .malformedPayloadSize, .malformedSignatureSize,
        .malformedPayload, .nitroTPMDocument, .unknownField, .missingField,
        .malformedModuleID, .malformedDigest, .unsupportedDigest, .malformedTimestamp, .malformedPCRs,
        .malformedCertificate, .malformedCABundle, .malformedPublicKey, .malformedUserData, .malformedNonce,
        .untrustedRoot,
        .documentFromFuture, .documentTooOld, .debugMode, .pcrMissing, .pcrMismatch,
        .nonceMismatch, .userDataMismatch, .publicKeyMismatch, .publicKeyNotRSA,
        .duplicateCertificate, .malformedX509, .wrongCertificateVersion, .wrongSignatureAlgorithm, .wrongKeyAlgorithm,
        .unknownCriticalExtension, .issuerNotCA, .leafIsCA, .pathTooLong, .wrongIssuerKeyUsage, .wrongLeafKeyUsage,
        .issuerNameMismatch, .certificateNotYetValid, .certificateExpired,
        .wrongCertificateSignature, .wrongDocumentSignature,
    ]
}
