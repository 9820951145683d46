// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import Encoding

extension UnlockPolicy {
    /// What managing the key takes; nothing of it reads, wraps or copies what the key protects.
    package static let administrativeActions = [
        "kms:CancelKeyDeletion", "kms:CreateAlias", "kms:DeleteAlias", "kms:DescribeKey", "kms:DisableKey",
        "kms:DisableKeyRotation", "kms:EnableKey", "kms:EnableKeyRotation", "kms:GetKeyPolicy",
        "kms:GetKeyRotationStatus", "kms:ListGrants", "kms:ListKeyPolicies", "kms:ListKeyRotations",
        "kms:ListResourceTags", "kms:PutKeyPolicy", "kms:RevokeGrant", "kms:RotateKeyOnDemand",
        "kms:ScheduleKeyDeletion", "kms:TagResource", "kms:UntagResource", "kms:UpdateAlias",
        "kms:UpdateKeyDescription",
    ]

    /// What could move the TSK, or put another in its place.
    package static let movingActions = [
        // Wraps a TSK that somebody knows. The enclave's commitment refuses it too.
        "kms:Encrypt", "kms:GenerateDataKey*",
        // From this key to one with another policy; or from there to here.
        "kms:ReEncrypt*",
        // A secret by another way, should the key ever be of another kind.
        "kms:DeriveSharedSecret",
        // Lets others act, beside the key policy.
        "kms:CreateGrant",
        // The same key material in another region has a policy of its own.
        "kms:ReplicateKey", "kms:UpdatePrimaryRegion", "kms:SynchronizeMultiRegionKey",
        // Key material that somebody keeps a copy of.
        "kms:GetParametersForImport", "kms:ImportKeyMaterial",
    ]

    static func administration(_ administrators: [String]) -> JSON {
        statement("Administration", "Allow", aws(administrators), ["Action": strings(administrativeActions)])
    }

    static func hosts(_ hosts: [String]) -> [JSON] {
        [
            statement("HostMayAsk", "Allow", aws(hosts), ["Action": "kms:Decrypt"]),
            // Whatever IAM policies, grants or statements to come give it.
            statement("HostDoesNothingElse", "Deny", aws(hosts), ["NotAction": "kms:Decrypt"]),
        ]
    }

    static func making(_ administrators: [String]) -> JSON {
        statement("BeforeSealingMakeTheTSK", "Allow", aws(administrators), ["Action": "kms:GenerateDataKey"])
    }

    /// One Deny for each measurement, with a negated operator: so it denies who has another value and who has none. Keys
    /// in one Condition block are ANDed, so one Deny on both would let through whoever has either of them right.
    static func identities(_ release: Release?) -> [JSON] {
        guard let release else {
            return [statement("NothingIsReleasedYet", "Deny", "*", ["Action": "kms:Decrypt"])]
        }
        let registers = registers(release.enclave, release.previous ?? release.enclave)
        let pins = registers.map { unless("NoOther\($0.name)", [($0.key, distinct([$0.current, $0.previous]))]) }
        return pins + mixtures(registers.filter { $0.current != $0.previous })
    }

    private struct Register {
        /// In the names of statements.
        let name: String
        let key: String
        let current: [UInt8]
        let previous: [UInt8]
    }

    private static func registers(_ current: Identity, _ previous: Identity) -> [Register] {
        let others = current.others.sorted { $0.key < $1.key }.map { index, value in
            Register(
                name: "PCR\(index)",
                key: RequestConditionKeys.pcr(index),
                current: value,
                previous: previous.others[index] ?? value
            )
        }
        return [
            Register(name: "Image", key: RequestConditionKeys.image, current: current.pcr0, previous: previous.pcr0),
            Register(
                name: "Configuration",
                key: RequestConditionKeys.pcr(16),
                current: current.pcr16,
                previous: previous.pcr16
            ),
        ] + others
    }

    /// Two Denies tie each register in which two enclaves differ to the first such: together they leave the one enclave and
    /// the other, and no mixture.
    ///
    /// Here the AND is meant: whoever has neither the new image nor the old configuration has a mixture, because the
    /// statements about single registers leave the old image with the new configuration only.
    private static func mixtures(_ differing: [Register]) -> [JSON] {
        guard let anchor = differing.first else { return [] }
        return differing.dropFirst().flatMap { other in
            [
                unless(
                    "NoOld\(anchor.name)WithNew\(other.name)",
                    [(anchor.key, [anchor.current]), (other.key, [other.previous])]
                ),
                unless(
                    "NoNew\(anchor.name)WithOld\(other.name)",
                    [(anchor.key, [anchor.previous]), (other.key, [other.current])]
                ),
            ]
        }
    }

    /// One Deny for each pair, for the same reason.
    static func context(_ context: [String: [String]], isSealed: Bool) throws(UnlockPolicyError) -> [JSON] {
        let actions: JSON = isSealed ? "kms:Decrypt" : ["kms:Decrypt", "kms:GenerateDataKey"]
        guard !context.isEmpty else {
            return [
                statement(
                    "NoEncryptionContext",
                    "Deny",
                    "*",
                    ["Action": actions, "Condition": ["Null": ["kms:EncryptionContextKeys": "false"]]]
                )
            ]
        }
        var statements: [JSON] = []
        var names: Set<[Unicode.Scalar]> = []
        for (name, values) in context.sorted(by: { $0.key < $1.key }) {
            guard names.insert(caseFolded(name)).inserted else {
                throw UnlockPolicyError("two names of the encryption context differ in case only: no policy can tell")
            }
            for text in [name] + values where !text.unicodeScalars.allSatisfy(isPolicyCharacter) {
                throw UnlockPolicyError("the encryption context has characters that no policy can have: above U+00FF")
            }
            // A $ might begin a policy variable.
            let escaped = values.map { $0.replacing("$", with: "${$}") }
            let condition: JSON = .object(
                JSONObject([("\(RequestConditionKeys.encryptionContextPrefix)\(name)", one(escaped))])
            )
            statements.append(
                statement(
                    "NoOtherContext\(statements.count + 1)",
                    "Deny",
                    "*",
                    ["Action": actions, "Condition": ["StringNotEquals": condition]]
                )
            )
        }
        return statements
    }

    static func nothingElse(isSealed: Bool) -> JSON {
        var actions = movingActions
        if !isSealed, let index = actions.firstIndex(of: "kms:GenerateDataKey*") {
            // All of them but the one that makes the TSK.
            actions.replaceSubrange(
                index...index,
                with: ["kms:GenerateDataKeyWithoutPlaintext", "kms:GenerateDataKeyPair*"]
            )
        }
        return statement("NothingElseMovesTheTSK", "Deny", "*", ["Action": strings(actions)])
    }

    // MARK: Pieces

    private static func unless(_ sid: String, _ conditions: [(key: String, values: [[UInt8]])]) -> JSON {
        let keys = conditions.map { ($0.key, one($0.values.map { Hex.encode($0) })) }
        let condition: JSON = ["StringNotEqualsIgnoreCase": .object(JSONObject(keys))]
        return statement(sid, "Deny", "*", ["Action": "kms:Decrypt", "Condition": condition])
    }

    private static func statement(_ sid: String, _ effect: String, _ principal: JSON, _ rest: JSON) -> JSON {
        let rest = rest.object?.members ?? []
        let actions = rest.filter { $0.name != "Condition" }
        let conditions = rest.filter { $0.name == "Condition" }
        let head: [(String, JSON)] = [("Sid", .string(sid)), ("Effect", .string(effect)), ("Principal", principal)]
        return .object(
            JSONObject(
                head + actions.map { ($0.name, $0.value) } + [("Resource", "*")]
                    + conditions.map { ($0.name, $0.value) }
            )
        )
    }

    private static func aws(_ principals: [String]) -> JSON { ["AWS": one(principals)] }

    private static func one(_ texts: [String]) -> JSON {
        if let text = texts.first, texts.count == 1 { .string(text) } else { strings(texts) }
    }

    private static func strings(_ texts: [String]) -> JSON { .array(texts.map { .string($0) }) }

    private static func distinct(_ values: [[UInt8]]) -> [[UInt8]] {
        values.reduce(into: []) { if !$0.contains($1) { $0.append($1) } }
    }

    /// PolicyType in the KMS service model.
    private static func isPolicyCharacter(_ scalar: Unicode.Scalar) -> Bool {
        (0x20...0xFF).contains(scalar.value) || [0x09, 0x0A, 0x0D].contains(scalar.value)
    }
}
