// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
package import Encoding

/// The key policy of the KMS key that wraps a TSK: KMS releases it to one attested enclave, and nothing else moves it.
///
/// Whoever may put a key policy can undo this one: administrators are trusted, and keep their permissions.
package struct UnlockPolicy: Sendable {
    /// Which enclave: image and configuration.
    package struct Identity: Sendable, Equatable {
        /// 48 bytes.
        package let pcr0: [UInt8]
        /// 48 bytes.
        package let pcr16: [UInt8]
        /// Further registers to hold it to, by index; 48 bytes each: PCR1 and PCR2, because PCR0 measures kernel and
        /// application but not the border between them; PCR3 the parent's role, PCR4 the instance, PCR8 the image's signer.
        package let others: [Int: [UInt8]]

        package init(pcr0: [UInt8], pcr16: [UInt8], others: [Int: [UInt8]] = [:]) {
            self.pcr0 = pcr0
            self.pcr16 = pcr16
            self.others = others
        }
    }

    /// To whom the TSK is released.
    package struct Release: Sendable {
        /// ARNs that the host asks as: roles, or users. They may decrypt and nothing else.
        package var hosts: [String]
        package var enclave: Identity
        /// While a new enclave replaces an old one: either of them, but not the image of one with the configuration of
        /// the other.
        package var previous: Identity?

        package init(hosts: [String], enclave: Identity, previous: Identity? = nil) {
            self.hosts = hosts
            self.enclave = enclave
            self.previous = previous
        }
    }

    package let json: JSON

    /// - Parameters:
    ///   - administrators: ARNs that manage the key. The root of an account stands for whoever its IAM policies say.
    ///   - release: Nil: nobody decrypts.
    ///   - encryptionContext: What the TSK was wrapped with: names, and for each its value, or values during a change.
    ///     Empty: without one. Nil: not known yet.
    ///   - isSealed: Whether the TSK exists. Before, administrators may make it with `GenerateDataKey`.
    /// - Throws: `UnlockPolicyError` for what would make a policy that does not do what it says.
    package init(
        administrators: [String],
        release: Release?,
        encryptionContext: [String: [String]]?,
        isSealed: Bool = true
    ) throws(UnlockPolicyError) {
        try Self.check(administrators: administrators, release: release)
        var statements = [Self.administration(administrators)]
        if let release { statements += Self.hosts(release.hosts) }
        if !isSealed { statements.append(Self.making(administrators)) }
        statements += Self.identities(release)
        if let encryptionContext { statements += try Self.context(encryptionContext, isSealed: isSealed) }
        statements.append(Self.nothingElse(isSealed: isSealed))
        json = [
            "Version": "2012-10-17",
            "Id": isSealed ? "keybroker-unlock" : "keybroker-unlock-before-sealing",
            "Statement": .array(statements),
        ]
    }

    // MARK: What is refused

    private static func check(administrators: [String], release: Release?) throws(UnlockPolicyError) {
        guard !administrators.isEmpty else {
            throw UnlockPolicyError("there is no administrator: nobody could change the policy again")
        }
        for arn in administrators where PrincipalARN(arn) == nil {
            throw UnlockPolicyError("\(arn) is not the ARN of an account root, a user or a role")
        }
        guard let release else { return }
        guard !release.hosts.isEmpty else { throw UnlockPolicyError("there is no role that may ask for the TSK") }
        for arn in release.hosts {
            guard let parsed = PrincipalARN(arn), parsed.kind != .root else {
                throw UnlockPolicyError("\(arn) is not the ARN of a role or a user")
            }
            // It is denied everything but Decrypt.
            guard !administrators.contains(arn) else {
                throw UnlockPolicyError("\(arn) cannot be both an administrator and the host's role")
            }
        }
        try checkOthers(of: release)
        for identity in [release.enclave, release.previous].compactMap(\.self) {
            let others = identity.others.sorted { $0.key < $1.key }
            for (index, value) in [(0, identity.pcr0), (16, identity.pcr16)] + others {
                let name = "PCR\(index)"
                guard value.count == pcrLength else { throw UnlockPolicyError("\(name) does not have 48 bytes") }
                // KMS knows no more (kms:RecipientAttestation:PCR<0-31>).
                guard (0...31).contains(index) else { throw UnlockPolicyError("there is no \(name)") }
                // Every enclave in debug mode has a PCR0 of zeros, and every one that extends nothing a PCR16.
                guard !value.allSatisfy({ $0 == 0 }) else {
                    throw UnlockPolicyError("\(name) is all zero, which identifies nothing")
                }
            }
        }
    }

    private static func checkOthers(of release: Release) throws(UnlockPolicyError) {
        for index in [0, 16] where release.enclave.others[index] != nil {
            throw UnlockPolicyError("PCR\(index) is named twice")
        }
        guard let previous = release.previous, Set(previous.others.keys) != Set(release.enclave.others.keys) else {
            return
        }
        let odd = Set(previous.others.keys).symmetricDifference(release.enclave.others.keys).sorted()
        throw UnlockPolicyError(
            "\(odd.map { "PCR\($0)" }.joined(separator: ", ")): named for one of the two enclaves, and has to be for both"
        )
    }

    /// SHA-384.
    private static let pcrLength = 48
}

/// A policy that would not do what it says.
package struct UnlockPolicyError: Error, Sendable, Equatable, CustomStringConvertible {
    /// One line for people.
    package let description: String

    init(_ description: String) { self.description = description }
}
