// SPDX-License-Identifier: Apache-2.0

import AccessPolicy

// A role's trust policy: who may become the role that may use the key.

extension LintReport {
    mutating func checkTrust() {
        for statement in document.allows {
            guard statement.principals?.federated.contains(where: { $0.contains("oidc-provider/") }) == true else {
                continue
            }
            let subjects = statement.conditions.filter { $0.foldedKey.hasSuffix(":sub") && !$0.holdsWithoutKey }
            let audiences = statement.conditions.filter { $0.foldedKey.hasSuffix(":aud") && !$0.holdsWithoutKey }
            if subjects.isEmpty || audiences.isEmpty {
                add(
                    .openSubject,
                    statement,
                    "Without conditions on the token's aud and sub everybody at this identity provider gets the role.",
                    mend: "Add StringEquals on the provider's :aud and :sub."
                )
            }
            for condition in subjects where condition.conditionOperator?.comparison == .stringLike {
                for value in condition.values where value.contains("*") || value.contains("?") {
                    add(
                        .openSubject,
                        statement,
                        path: condition.path,
                        "\(quoted(value)) is every branch, tag and pull request whose workflow asks for a token.",
                        mend: "Write one subject with StringEquals: repo:ORG/NAME:environment:NAME or "
                            + "repo:ORG/NAME:ref:refs/heads/main."
                    )
                }
            }
        }
    }
}
