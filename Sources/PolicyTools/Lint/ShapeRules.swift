// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import Encoding

// What AWS refuses before it looks at any meaning.

extension LintReport {
    /// Bytes of a key policy (KMS Developer Guide, "Resource quotas").
    private static let maximumKeyPolicyLength = 32_768

    private static let documentElements = ["Version", "Id", "Statement"]
    private static let statementElements = [
        "Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition",
    ]

    mutating func checkShape(length: Int) {
        if document.kind == .key, length > Self.maximumKeyPolicyLength {
            add(
                .policyTooLarge,
                nil,
                "The policy has \(length) bytes; KMS takes \(Self.maximumKeyPolicyLength).",
                mend: "Shorten it: leave out white space, name roles by account and aws:PrincipalArn patterns."
            )
        }
        checkElements(document.object, known: Self.documentElements, nil)
        if document.object["Version"] == nil {
            add(
                .versionMissing,
                nil,
                path: "Version",
                "Without Version the policy is read in the language of 2008, which has no variables.",
                mend: "Add \"Version\": \"2012-10-17\"."
            )
        }
        for statement in document.statements {
            checkElements(statement.object, known: Self.statementElements, statement)
            checkVariables(statement)
            checkPlaceholders(statement)
            guard document.kind == .identity, let sid = statement.sid else { continue }
            if !sid.utf8.allSatisfy(Self.isLetterOrDigit) {
                add(
                    .sidCharacters,
                    statement,
                    path: "\(statement.path).Sid",
                    "IAM takes letters and digits only in a Sid; only key policies may have spaces there.",
                    mend: "Leave out everything else."
                )
            }
        }
    }

    private mutating func checkElements(_ object: JSONObject, known: [String], _ statement: LintStatement?) {
        for member in object.members where !known.contains(member.name) {
            let meant = NearestName.of(member.name, among: known)
            add(
                .unknownElement,
                statement,
                path: statement.map { "\($0.path).\(member.name)" } ?? member.name,
                "\(quoted(member.name)) is no element of a policy; names of elements have case.",
                mend: meant.map { "Write \"\($0)\"." } ?? "Take it out."
            )
        }
    }

    /// `${…}`, which is text in the language of 2008.
    private mutating func checkVariables(_ statement: LintStatement) {
        let texts =
            statement.resources.texts.map { ($0, statement.resources.path) }
            + statement.conditions.flatMap { condition in condition.values.map { ($0, condition.path) } }
        for (text, path) in texts where text.contains("${") {
            if document.version == .v2008 {
                add(
                    .variableIn2008,
                    statement,
                    path: path,
                    "In Version 2008-10-17 \(quoted(text)) is plain text, not a variable, and matches nothing else.",
                    mend: "Set \"Version\": \"2012-10-17\"."
                )
            } else if PolicyTemplate(text, version: .v2012) == nil {
                add(
                    .policyVariable,
                    statement,
                    path: path,
                    "\(quoted(text)) begins like a policy variable, and is none.",
                    mend: "Write ${aws:username}, or ${aws:username, 'default'}; a $ that is meant is ${$}."
                )
            }
        }
    }

    /// What somebody was to fill in: `ACCOUNT_ID`, `<key>`.
    private mutating func checkPlaceholders(_ statement: LintStatement) {
        for entry in statement.principals?.aws ?? [] where isPlaceholder(entry) {
            add(
                .placeholder,
                statement,
                path: statement.principals?.path,
                "\(quoted(entry)) names nobody: it has a placeholder where an account of 12 digits belongs.",
                mend: "Fill in the account and the name."
            )
        }
        for text in statement.resources.texts where isPlaceholder(text) {
            add(
                .placeholder,
                statement,
                path: statement.resources.path,
                "\(quoted(text)) is no resource: it has a placeholder in it.",
                mend: "Fill in region, account and key id."
            )
        }
    }

    private func isPlaceholder(_ text: String) -> Bool {
        guard text.hasPrefix("arn:"), !text.contains("${") else { return text.contains("<") }
        let fields = text.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false).map(String.init)
        guard fields.count == 6 else { return false }
        let isAccountOpen =
            !fields[4].isEmpty && !fields[4].contains("*") && !fields[4].contains("?")
            && !PrincipalARN.isAccount(fields[4])
        let isRegionOpen = fields[3].contains { $0.isUppercase || "<{".contains($0) }
        // Key ids are lower case (UUID, or mrk- and 32 hex digits).
        let isKeyOpen = fields[2] == "kms" && fields[5].hasPrefix("key/") && fields[5].contains(where: \.isUppercase)
        return isAccountOpen || isRegionOpen || isKeyOpen || fields[5].contains("<") || fields[5].contains("{")
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
}

/// A text of the policy in a message: bounded, without what would move a terminal's cursor.
func quoted(_ text: String) -> String {
    let scalars = text.unicodeScalars.prefix(80).map { scalar -> Unicode.Scalar in
        scalar.value < 0x20 || scalar.value == 0x7F || (0x80..<0xA0).contains(scalar.value) || scalar.value > 0x2000
            ? "?" : scalar
    }
    return "\"" + String(String.UnicodeScalarView(scalars)) + (text.unicodeScalars.count > 80 ? "…\"" : "\"")
}
