// SPDX-License-Identifier: Apache-2.0

import Encoding
import KMSProtocol

/// A key as KMS describes it, with its aliases.
struct KeyDescription: Sendable {
    /// KMS's `KeyMetadata`; the key's id and ARN alone where the caller may not see more.
    let metadata: JSONObject
    /// Nil where the caller may not list them.
    let aliases: [String]?

    /// One key, by any of its names.
    static func of(_ key: String, _ session: BrokerSession) async throws(CommandFailure) -> KeyDescription {
        let metadata = try await metadata(key, session)
        let id = metadata["KeyId"]?.string
        let aliases = try await aliases(session)
        return KeyDescription(
            metadata: metadata,
            aliases: aliases.map { list in list.filter { $0.key == id }.map(\.name) }
        )
    }

    /// All keys, in the order in which the broker lists them.
    static func all(_ session: BrokerSession) async throws(CommandFailure) -> [KeyDescription] {
        let keys = try await session.kmsList("ListKeys", "Keys")
        let aliases = try await aliases(session)
        var descriptions: [KeyDescription] = []
        for key in keys {
            guard let id = key["KeyId"]?.string else { throw BrokerFailure.malformed(session.url) }
            let answer = try await session.kms(
                "DescribeKey",
                JSONObject([("KeyId", .string(id))]),
                answeredBy: ["AccessDeniedException", "NotFoundException"]
            )
            let metadata: JSONObject
            switch answer {
            case .success(let output): metadata = output["KeyMetadata"]?.object ?? JSONObject()
            // Deleted since it was listed.
            case .failure(let error) where error.name == "NotFoundException": continue
            case .failure: metadata = JSONObject([("KeyId", .string(id)), ("Arn", key["KeyArn"] ?? .null)])
            }
            descriptions.append(
                KeyDescription(
                    metadata: metadata,
                    aliases: aliases.map { list in list.filter { $0.key == id }.map(\.name) }
                )
            )
        }
        return descriptions
    }

    /// The key id behind `key`: operations that change a key take no alias.
    static func id(_ key: String, _ session: BrokerSession) async throws(CommandFailure) -> String {
        switch KeyReference(key) {
        case .alias, .aliasARN:
            guard let id = try await metadata(key, session)["KeyId"]?.string else {
                throw BrokerFailure.malformed(session.url)
            }
            return id
        case .id, .arn, nil: return key
        }
    }

    /// The metadata's members, and `Aliases`.
    var json: JSON {
        var object = metadata
        object["Aliases"] = aliases.map { .array($0.map { .string($0) }) }
        return .object(object)
    }

    func text(_ member: String) -> String {
        guard let value = metadata[member] else { return "-" }
        let text = value.string ?? value.array.map { $0.compactMap(\.string).joined(separator: " ") }
        return Console.printable(text ?? String(decoding: value.serialized(), as: UTF8.self))
    }

    var aliasText: String {
        guard let aliases else { return "?" }
        return aliases.isEmpty ? "-" : Console.printable(aliases.joined(separator: " "))
    }

    private static func metadata(_ key: String, _ session: BrokerSession) async throws(CommandFailure) -> JSONObject {
        let answer = try await session.kms("DescribeKey", JSONObject([("KeyId", .string(key))]))
        guard let metadata = answer["KeyMetadata"]?.object else { throw BrokerFailure.malformed(session.url) }
        return metadata
    }

    private static func aliases(_ session: BrokerSession)
        async throws(CommandFailure) -> [(name: String, key: String)]?
    {
        guard let list = try await session.kmsListIfAllowed("ListAliases", "Aliases") else { return nil }
        return list.compactMap { alias in
            guard let name = alias["AliasName"]?.string, let key = alias["TargetKeyId"]?.string else { return nil }
            return (name, key)
        }
    }
}

extension JSON {
    /// A time of the protocol, seconds since the Unix epoch, for people; nil if it is none.
    var timeText: String? {
        guard case .number(let number) = self, let seconds = number.double, abs(seconds) < 1e12 else { return nil }
        return Timestamp(milliseconds: Int64(seconds * 1000)).rfc3339
    }
}
