// SPDX-License-Identifier: Apache-2.0

/// What a relying party demands. A verifier keeps a copy; every leniency is off unless named.
public struct VerificationPolicy: Sendable {
    /// Where trust begins.
    public var roots: TrustAnchors
    /// PCR values that must be present and equal: 48 bytes each, not all zero. Empty: `identity: unchecked`.
    public var pcrs: [Int: [UInt8]]
    /// If set, the document's nonce must be equal. 1 to 1024 bytes.
    public var nonce: [UInt8]?
    /// If set, the document's user data must be equal. 1 to 1024 bytes.
    public var userData: [UInt8]?
    /// If set, the document's public key must be equal. 1 to 1024 bytes.
    public var publicKey: [UInt8]?
    /// If set, the document must carry a public key that is an RSA SPKI of 2048 to 4096 bits: what KMS encrypts to.
    public var requiresRSAPublicKey: Bool
    /// If set, the document's age at the time of verification is at most this, in milliseconds.
    public var maximumAge: Int64?
    /// Accept a debug-mode enclave (see ``AttestationDocument/isDebugMode``).
    public var allowsDebugMode: Bool
    /// How far, in milliseconds, the verifier's clock may be behind: applies to `notBefore` and to the document's time.
    public var clockLeeway: Int64

    /// Default of ``clockLeeway``: 60 s. Leaf certificates are not back-dated, documents follow them within 0.2 s.
    public static let defaultClockLeeway: Int64 = 60_000

    /// Demands only a genuine, non-debug enclave under `roots`.
    public init(roots: TrustAnchors) {
        self.roots = roots
        self.pcrs = [:]
        self.nonce = nil
        self.userData = nil
        self.publicKey = nil
        self.requiresRSAPublicKey = false
        self.maximumAge = nil
        self.allowsDebugMode = false
        self.clockLeeway = Self.defaultClockLeeway
    }
}

extension VerificationPolicy {
    /// Refuses what could never match, or would match what it must not.
    func check() throws(PolicyError) {
        guard !roots.certificates.isEmpty else { throw PolicyError("no trust anchor") }
        for (index, value) in pcrs.sorted(by: { $0.key < $1.key }) {
            guard AttestationLimits.pcrIndex.contains(index) else {
                throw PolicyError("PCR\(index): expected an index from 0 to \(AttestationLimits.pcrIndex.upperBound)")
            }
            guard value.count == AttestationLimits.pcrLength else {
                throw PolicyError("PCR\(index): expected \(AttestationLimits.pcrLength) bytes, found \(value.count)")
            }
            // Zeros are what debug mode and unused registers hold: nobody's measurement.
            guard !value.allSatisfy({ $0 == 0 }) else { throw PolicyError("PCR\(index): the value is all zero") }
        }
        for (name, value) in [("nonce", nonce), ("user data", userData), ("public key", publicKey)] {
            // An empty field proves as much as none.
            if let value, !(1...AttestationLimits.optionalField.upperBound).contains(value.count) {
                throw PolicyError(
                    "\(name): expected 1 to \(AttestationLimits.optionalField.upperBound) bytes, found \(value.count)"
                )
            }
        }
        if let maximumAge, maximumAge < 0 { throw PolicyError("the maximum age is negative") }
        guard clockLeeway >= 0 else { throw PolicyError("the clock leeway is negative") }
    }
}

/// A policy that could not do what it says.
public struct PolicyError: Error, Sendable, Equatable {
    /// One line for people.
    public let detail: String

    init(_ detail: String) {
        self.detail = detail
    }
}
