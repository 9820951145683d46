// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import Cryptography
import KeyService
import Keyring

/// The keyring's principals by access key, with their policies parsed.
struct PrincipalTable: Sendable {
    private let entries: [String: (secret: SharedSecret, principal: Caller)]

    init(_ principals: [Principal], account: String) throws(PolicySyntaxError) {
        var entries: [String: (secret: SharedSecret, principal: Caller)] = [:]
        for principal in principals {
            var policies: [PolicyDocument] = []
            for policy in principal.policies {
                policies.append(try PolicyDocument([UInt8](policy.utf8), kind: .identity))
            }
            let caller = Caller(
                accessKeyID: principal.accessKeyID,
                arn: principal.arn,
                account: account,
                policies: policies
            )
            entries[principal.accessKeyID] = (principal.secret, caller)
        }
        self.entries = entries
    }

    func lookup(_ accessKeyID: String) -> (secret: SharedSecret, principal: Caller)? { entries[accessKeyID] }
}
