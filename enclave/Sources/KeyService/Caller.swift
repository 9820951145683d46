// SPDX-License-Identifier: Apache-2.0

package import AccessPolicy
package import Cryptography
package import Encoding

/// An authenticated principal.
package struct Caller: Sendable {
    package var accessKeyID: String
    package let arn: String
    package let account: String
    /// The two as policies compare them.
    let identity: CallerIdentity
    /// IAM policies attached to the principal.
    package var policies: [PolicyDocument]

    package init(accessKeyID: String, arn: String, account: String, policies: [PolicyDocument]) {
        self.accessKeyID = accessKeyID
        self.arn = arn
        self.account = account
        identity = CallerIdentity(arn: arn, account: account)
        self.policies = policies
    }
}

extension Caller {
    /// Whether any condition key can matter when the caller meets this key policy.
    func hasConditions(with policy: PolicyDocument) -> Bool {
        !policy.conditionKeys.isEmpty || policies.contains { !$0.conditionKeys.isEmpty }
    }
}

/// Whom a `Recipient` parameter names, after its attestation document was verified: the answer is encrypted to its key.
package struct Recipient: Sendable {
    /// The document's PCRs.
    package var pcrs: [Int: [UInt8]]
    /// The document's RSA public key.
    package var publicKey: PublicKey

    package init(pcrs: [Int: [UInt8]], publicKey: PublicKey) {
        self.pcrs = pcrs
        self.publicKey = publicKey
    }
}

/// What surrounds a request, as far as the service itself knows it.
package struct Circumstances: Sendable {
    package var now: Timestamp
    /// TLS that ends in this very process.
    package var isSecureTransport: Bool
    /// Of a verified `Recipient` document; nil without one.
    package var recipient: Recipient?

    package init(now: Timestamp, isSecureTransport: Bool, recipient: Recipient? = nil) {
        self.now = now
        self.isSecureTransport = isSecureTransport
        self.recipient = recipient
    }
}
