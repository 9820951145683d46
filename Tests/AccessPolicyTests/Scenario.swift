// SPDX-License-Identifier: Apache-2.0

import AccessPolicy

let account = "111122223333"
let otherAccount = "444455556666"
let keyARN = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
let root = "arn:aws:iam::111122223333:root"
let alice = "arn:aws:iam::111122223333:user/alice"
let bob = "arn:aws:iam::111122223333:user/team/bob"
let role = "arn:aws:iam::111122223333:role/service/signer"
let session = "arn:aws:sts::111122223333:assumed-role/signer/session-1"

/// A policy of one or more statements, in the current version of the language.
func policy(_ statements: String..., version: String = "2012-10-17") -> [UInt8] {
    Array(#"{"Version":"\#(version)","Statement":[\#(statements.joined(separator: ","))]}"#.utf8)
}

/// A statement from its members.
func statement(
    _ effect: String,
    principal: String? = nil,
    action: String = #""kms:*""#,
    resource: String = #""*""#,
    condition: String? = nil
) -> String {
    var members = [#""Effect":"\#(effect)""#]
    if let principal { members.append(#""Principal":\#(principal)"#) }
    members.append(#""Action":\#(action)"#)
    members.append(#""Resource":\#(resource)"#)
    if let condition { members.append(#""Condition":\#(condition)"#) }
    return "{\(members.joined(separator: ","))}"
}

/// The statement of every key that was made by a program.
let enableIAM = statement("Allow", principal: #"{"AWS":"\#(root)"}"#)

func decide(
    key: [UInt8]?,
    identity: [[UInt8]] = [],
    as principal: String = alice,
    of principalAccount: String = account,
    action: String = "kms:Sign",
    on resource: String = keyARN,
    keys: [String: [String]] = [:]
) throws(PolicySyntaxError) -> AccessDecision {
    var identityPolicies: [PolicyDocument] = []
    for json in identity { identityPolicies.append(try PolicyDocument(json, kind: .identity)) }
    var keyPolicy: PolicyDocument?
    if let key { keyPolicy = try PolicyDocument(key, kind: .key) }
    return AccessEvaluator.evaluate(
        AccessRequest(
            principal: principal,
            principalAccount: principalAccount,
            action: action,
            resource: resource,
            resourceAccount: account,
            conditionKeys: keys
        ),
        keyPolicy: keyPolicy,
        identityPolicies: identityPolicies
    )
}
