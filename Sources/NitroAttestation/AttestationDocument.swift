// SPDX-License-Identifier: Apache-2.0

public import Encoding

/// What an attestation document states (AWS, "Attestation document specification"). Null and absent optionals are nil.
///
/// A value of this type says nothing about who made it: see ``UnverifiedAttestation`` and ``VerifiedAttestation``.
public struct AttestationDocument: Sendable, Equatable {
    /// Issuing NSM, e.g. `i-0123456789abcdef0-enc0123456789abcdef`.
    public package(set) var moduleID: String
    /// The digest of the PCRs: `SHA384`.
    public package(set) var digest: String
    /// When the module made the document.
    public package(set) var timestamp: Timestamp
    /// Locked PCRs by index, 0 to 31; values of 48 bytes.
    public package(set) var pcrs: [Int: [UInt8]]
    /// DER of the certificate whose key signed the document.
    public package(set) var certificate: [UInt8]
    /// DER of the issuing certificates, root first.
    public package(set) var cabundle: [[UInt8]]
    /// What the enclave asked to have attested; nil, or 0 to 1024 bytes.
    public package(set) var publicKey: [UInt8]?
    /// What the enclave asked to have attested; nil, or 0 to 1024 bytes.
    public package(set) var userData: [UInt8]?
    /// What the enclave asked to have attested; nil, or 0 to 1024 bytes.
    public package(set) var nonce: [UInt8]?

    /// For whoever makes documents: the software module and fixtures. Others read them.
    package init(
        moduleID: String,
        digest: String,
        timestamp: Timestamp,
        pcrs: [Int: [UInt8]],
        certificate: [UInt8],
        cabundle: [[UInt8]],
        publicKey: [UInt8]?,
        userData: [UInt8]?,
        nonce: [UInt8]?
    ) {
        self.moduleID = moduleID
        self.digest = digest
        self.timestamp = timestamp
        self.pcrs = pcrs
        self.certificate = certificate
        self.cabundle = cabundle
        self.publicKey = publicKey
        self.userData = userData
        self.nonce = nonce
    }

    /// Nothing is attested about the image: PCR0, PCR1 or PCR2 is absent or all zero.
    ///
    /// An enclave in debug mode has all three zero, and every other enclave none of them. Whatever lies between does
    /// not occur, and counts as debug mode: a document that lacks PCR0 proves no more than one with zeros in it. The
    /// other PCRs say nothing about the mode: PCR4, for one, is never zero.
    public var isDebugMode: Bool { unattestedImagePCR != nil }

    /// The first of PCR0 to PCR2 that is absent or zero.
    var unattestedImagePCR: Int? {
        (0...2).first { index in pcrs[index]?.allSatisfy { $0 == 0 } ?? true }
    }
}
