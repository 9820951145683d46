// SPDX-License-Identifier: Apache-2.0

/// Who calls, in the parts that policies name.
package struct CallerIdentity: Sendable {
    let account: String
    /// Nil if the caller's ARN is of no known form: then only its account and `*` name it.
    let arn: PrincipalARN?

    /// Reads an ARN once for all requests of a caller.
    package init(arn: String, account: String) {
        self.account = account
        let parsed = PrincipalARN(arn)
        // An ARN of another account than the caller's is nobody's.
        self.arn = parsed?.account == account ? parsed : nil
        conditionKeys = Self.conditionKeys(arn, self.arn, account: account)
    }

    /// Whether the ARN is of a form that policies can name, and of the caller's account.
    package var isNamed: Bool { arn != nil }

    var isRoot: Bool { arn?.kind == .root }

    /// The condition keys that follow from who calls (IAM User Guide, "AWS global condition context keys"; KMS Developer
    /// Guide, "kms:CallerAccount").
    package let conditionKeys: [String: [String]]

    private static func conditionKeys(_ text: String, _ arn: PrincipalARN?, account: String) -> [String: [String]] {
        var keys = [
            "aws:PrincipalArn": [text], "aws:PrincipalAccount": [account], "kms:CallerAccount": [account],
        ]
        switch arn?.kind {
        case .root: keys["aws:PrincipalType"] = ["Account"]
        case .user(let path):
            keys["aws:PrincipalType"] = ["User"]
            keys["aws:username"] = [path.split(separator: "/").last.map(String.init) ?? path]
        case .session(let role, _):
            keys["aws:PrincipalType"] = ["AssumedRole"]
            // "The request context includes the ARN of the role, not of the session". Its path is not in the session's
            // ARN, and so unknown.
            keys["aws:PrincipalArn"] = ["arn:\(arn?.partition ?? "aws"):iam::\(account):role/\(role)"]
        case .role: keys["aws:PrincipalType"] = ["AssumedRole"]
        case .federatedUser: keys["aws:PrincipalType"] = ["FederatedUser"]
        case nil: break
        }
        return keys
    }

    /// Whether an entry of a policy names this caller. A role names its sessions, by name: the ARN of a session does not
    /// have the role's path, and names of roles are unique in an account.
    func matches(_ entry: PrincipalARN) -> Bool {
        guard let arn, entry.partition == arn.partition, entry.account == arn.account else { return false }
        if entry.kind == arn.kind { return true }
        if case .role(_, let name) = entry.kind, case .session(let role, _) = arn.kind { return name == role }
        return false
    }
}
