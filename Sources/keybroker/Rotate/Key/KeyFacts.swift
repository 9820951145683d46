// SPDX-License-Identifier: Apache-2.0

import Encoding

/// What a rotation needs to know of a key, as KMS describes it.
struct KeyFacts: Sendable {
    let id: String
    let arn: String
    let spec: String
    let usage: String
    let state: String
    let description: String
    /// The names of the key; nil where the caller may not list them.
    let aliases: [String]?

    /// By any of its names.
    static func of(_ name: String, _ session: BrokerSession) async throws(CommandFailure) -> KeyFacts {
        let key = try await KeyDescription.of(name, session)
        guard let id = key.metadata["KeyId"]?.string, let arn = key.metadata["Arn"]?.string,
            let spec = key.metadata["KeySpec"]?.string, let usage = key.metadata["KeyUsage"]?.string,
            let state = key.metadata["KeyState"]?.string
        else { throw BrokerFailure.malformed(session.url) }
        return KeyFacts(
            id: id,
            arn: arn,
            spec: spec,
            usage: usage,
            state: state,
            description: key.metadata["Description"]?.string ?? "",
            aliases: key.aliases
        )
    }

    func requireSigning() throws(CommandFailure) {
        guard usage == "SIGN_VERIFY" else {
            throw .failed("\(arn): is for \(usage): only keys that sign have a public key that a registry can hold")
        }
        guard state == "Enabled" else { throw .failed("\(arn): is \(state): keybroker key enable") }
    }

    // MARK: What belongs to it

    static func policy(_ id: String, _ session: BrokerSession) async throws(CommandFailure) -> String {
        let answer = try await session.kms("GetKeyPolicy", KeyPolicyPutCommand.input(id))
        guard let policy = answer["Policy"]?.string else { throw BrokerFailure.malformed(session.url) }
        return policy
    }

    static func tags(_ id: String, _ session: BrokerSession) async throws(CommandFailure) -> [(
        name: String, value: String
    )] {
        let list = try await session.kmsList("ListResourceTags", "Tags", JSONObject([("KeyId", .string(id))]))
        return list.compactMap { tag in
            guard let name = tag["TagKey"]?.string, let value = tag["TagValue"]?.string else { return nil }
            return (name, value)
        }
    }
}
