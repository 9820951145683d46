// SPDX-License-Identifier: Apache-2.0

/// How a statement's Principal meets a caller.
enum PrincipalMatch: Sendable {
    case none
    /// Through the account: what the account's own policies allow is allowed.
    case account
    case direct
}

/// Principal or NotPrincipal of a key policy's statement.
struct PrincipalElement: Sendable {
    enum Entry: Sendable, Equatable {
        case anyone
        /// An account id, or the ARN of its root.
        case account(String)
        /// A user, role, session or federated user.
        case identity(PrincipalARN)
        /// A service, a federated identity or a canonical user: nobody who calls here is one.
        case nobody
    }

    let isNegated: Bool
    let entries: [Entry]

    func match(_ caller: CallerIdentity) -> PrincipalMatch {
        if isNegated { return isExempt(caller) ? .none : .direct }
        var result = PrincipalMatch.none
        for entry in entries {
            switch entry {
            case .anyone: return .direct
            case .account(let account) where account == caller.account:
                // The root user is the account.
                if caller.isRoot { return .direct }
                result = .account
            case .identity(let arn) where caller.matches(arn): return .direct
            default: break
            }
        }
        return result
    }

    /// NotPrincipal spares only callers of whom it names every part: the account, and the user; or the account, the
    /// role and the session (IAM User Guide, "NotPrincipal").
    private func isExempt(_ caller: CallerIdentity) -> Bool {
        if entries.contains(.anyone) { return true }
        guard entries.contains(.account(caller.account)) else { return false }
        if caller.isRoot { return true }
        guard let arn = caller.arn else { return false }
        let named = entries.compactMap { if case .identity(let arn) = $0 { arn } else { nil } }
        guard named.contains(arn) else { return false }
        guard case .session = arn.kind else { return true }
        return named.contains { if case .role = $0.kind { caller.matches($0) } else { false } }
    }
}

/// The ARN of a user, a role, a role's session, a federated user, or an account's root.
package struct PrincipalARN: Sendable, Equatable {
    package enum Kind: Sendable, Equatable {
        case root
        /// Path and name.
        case user(String)
        /// Path and name.
        case role(path: String, name: String)
        case session(role: String, session: String)
        case federatedUser(String)
    }

    package let partition: String
    package let account: String
    package let kind: Kind

    /// Nil for anything else, wildcards included: AWS allows none inside a principal.
    package init?(_ text: String) {
        guard text.utf8.allSatisfy(Self.isAllowed) else { return nil }
        // By bytes, not by characters: all of them are ASCII, and this runs for each request.
        let parts = text.utf8.split(separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
            .map { String(Substring($0)) }
        guard
            parts.count == 6, parts[0] == "arn", parts[1] == "aws" || parts[1].hasPrefix("aws-"), parts[3].isEmpty,
            Self.isAccount(parts[4])
        else { return nil }
        partition = parts[1]
        account = parts[4]

        let path = parts[5].utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            .map { String(Substring($0)) }
        guard path.allSatisfy({ !$0.isEmpty }), let name = path.last else { return nil }
        let rest = path.dropFirst().joined(separator: "/")
        switch (parts[2], path[0], path.count) {
        case ("iam", "root", 1): kind = .root
        case ("iam", "user", 2...): kind = .user(rest)
        case ("iam", "role", 2...):
            kind = .role(path: path.dropFirst().dropLast().joined(separator: "/"), name: name)
        case ("sts", "assumed-role", 3): kind = .session(role: path[1], session: path[2])
        case ("sts", "federated-user", 2): kind = .federatedUser(path[1])
        default: return nil
        }
    }

    package static func isAccount(_ text: String) -> Bool {
        text.utf8.count == 12 && text.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    /// Characters of names and paths (IAM User Guide, "IAM and AWS STS quotas", name requirements), `/` and `:`.
    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "_+=,.@-/:".utf8.contains(byte)
        }
    }
}
