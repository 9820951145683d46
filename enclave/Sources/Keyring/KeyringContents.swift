// SPDX-License-Identifier: Apache-2.0

package import Cryptography
package import Encoding
import KMSProtocol
package import KeyService

/// What a keyring holds: keys, principals, and the TLS identity where there is one.
package struct KeyringContents: Sendable {
    package var keys: [KeyRecord]
    package var principals: [Principal]
    /// What TLS that ends inside the enclave presents. No operation signs with its key.
    package var tlsIdentity: TLSIdentity?
    /// The latest date that a client signed an accepted change with: after a restart nothing dated so or before is
    /// accepted, whatever the clocks of clients are. Nil while nothing was changed inside.
    package var lastChange: Timestamp?

    package init(
        keys: [KeyRecord],
        principals: [Principal],
        tlsIdentity: TLSIdentity? = nil,
        lastChange: Timestamp? = nil
    ) {
        self.keys = keys
        self.principals = principals
        self.tlsIdentity = tlsIdentity
        self.lastChange = lastChange
    }

    /// The first limit that the contents exceed.
    func checkLimits() throws(KeyringError) {
        guard keys.count <= KeyringLimits.keys else { throw .limitExceeded("keys") }
        guard principals.count <= KeyringLimits.principals else { throw .limitExceeded("principals") }
        for key in keys {
            guard key.aliases.count <= KeyringLimits.aliasesPerKey else { throw .limitExceeded("aliasesPerKey") }
            guard key.tags.count <= KMSLimits.tags else { throw .limitExceeded("tagsPerKey") }
            guard key.policy.utf8.count <= KeyringLimits.policyLength else { throw .limitExceeded("policyLength") }
        }
        for principal in principals {
            guard principal.policies.count <= KeyringLimits.policiesPerPrincipal else {
                throw .limitExceeded("policiesPerPrincipal")
            }
            guard principal.policies.allSatisfy({ $0.utf8.count <= KeyringLimits.policyLength }) else {
                throw .limitExceeded("policyLength")
            }
        }
    }
}
