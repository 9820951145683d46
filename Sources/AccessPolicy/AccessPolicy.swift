// SPDX-License-Identifier: Apache-2.0

/// Where a policy is wrong, by JSON path, and why. One line for people in `description`.
package struct PolicySyntaxError: Error, Equatable, Sendable, CustomStringConvertible {
    package let path: String
    package let reason: String

    package init(path: String, reason: String) {
        self.path = path
        self.reason = reason
    }

    package var description: String { path.isEmpty ? reason : "\(path): \(reason)" }
}

/// Who asks, for what, on what, under which circumstances.
package struct AccessRequest: Sendable {
    /// ARN of the caller: an IAM user, role session or the account root `arn:aws:iam::ACCOUNT:root`.
    package var principal: String
    /// The caller's account.
    package var principalAccount: String
    /// Both, if they were read before.
    package var identity: CallerIdentity?
    /// `kms:Sign`
    package var action: String
    /// The key's ARN, or `*` for actions without a resource.
    package var resource: String
    /// The account that owns the resource.
    package var resourceAccount: String
    /// Condition keys as AWS spells them (looked up without regard to case) and their values. An absent key is absent.
    package var conditionKeys: [String: [String]]

    package init(
        principal: String,
        principalAccount: String,
        identity: CallerIdentity? = nil,
        action: String,
        resource: String,
        resourceAccount: String,
        conditionKeys: [String: [String]] = [:]
    ) {
        self.principal = principal
        self.principalAccount = principalAccount
        self.identity = identity
        self.action = action
        self.resource = resource
        self.resourceAccount = resourceAccount
        self.conditionKeys = conditionKeys
    }
}

/// What the policies say, and which kind of policy said so.
package enum AccessDecision: Sendable, Equatable {
    package enum Source: Sendable, Equatable {
        case keyPolicy
        case identityPolicy
    }

    case allowed
    case explicitDeny(Source)
    /// No statement allows. The source is where AWS's message points: the resource-based policy if the key policy leaves
    /// no way in, else the identity-based policy.
    case implicitDeny(Source)
}
