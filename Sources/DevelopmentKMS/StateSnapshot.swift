// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import KMSProtocol
import KeyService

/// The file of a state directory: JSON, key material as PKCS#8 or raw bytes in base64, not encrypted.
enum StateSnapshot {
    struct Failure: Error {
        let reason: String
    }

    private static let format: Int64 = 1
    private static let depth = 8

    // MARK: Writing

    static func encode(_ contents: StateDirectory.Contents) throws(Failure) -> [UInt8] {
        var keys: [JSON] = []
        for key in contents.keys.keys { keys.append(try encode(key)) }
        let object: JSON = [
            "format": .number(JSONNumber(format)),
            "warning": "The keys of a development KMS, in plain.",
            "account": .string(contents.keys.account),
            "region": .string(contents.keys.region),
            "created": .number(JSONNumber(contents.created)),
            "keys": .array(keys),
        ]
        return object.serialized() + [UInt8(ascii: "\n")]
    }

    private static func encode(_ key: KeyRecord) throws(Failure) -> JSON {
        var object = JSONObject([
            ("id", .string(key.id)),
            ("keySpec", .string(key.spec.rawValue)),
            ("keyUsage", .string(key.usage.rawValue)),
            ("keyState", .string(key.state.rawValue)),
            ("description", .string(key.description)),
            ("creationDate", encode(key.creationDate)),
            ("aliases", .array(key.aliases.map(encode))),
            ("policy", .string(key.policy)),
            ("origin", .string(key.origin.rawValue)),
            ("material", .blob(try bytes(key.material))),
        ])
        if !key.tags.isEmpty { object["tags"] = .array(key.tags.map { [.string($0.key), .string($0.value)] }) }
        if let date = key.deletionDate { object["deletionDate"] = encode(date) }
        return .object(object)
    }

    private static func encode(_ alias: KeyRecord.Alias) -> JSON {
        [
            "name": .string(alias.name),
            "creationDate": encode(alias.creationDate),
            "lastUpdatedDate": encode(alias.lastUpdatedDate),
        ]
    }

    private static func encode(_ time: Timestamp) -> JSON { .number(JSONNumber(time.milliseconds)) }

    private static func bytes(_ material: KeyRecord.Material) throws(Failure) -> [UInt8] {
        switch material {
        case .asymmetric(let key):
            do { return plain(try key.pkcs8()) } catch { throw Failure(reason: "a key cannot be written") }
        case .symmetric(let secret):
            return plain(secret.bytes)
        }
    }

    private static func plain(_ secret: borrowing SecretBytes) -> [UInt8] {
        secret.withBytes { bytes in unsafe bytes.withUnsafeBytes { unsafe [UInt8]($0) } }
    }

    // MARK: Reading

    static func decode(
        _ bytes: [UInt8],
        account: String,
        region: String
    ) throws(Failure) -> StateDirectory.Contents {
        let json: JSON
        do {
            json = try JSON.parse(bytes, limits: JSONLimits(totalLength: StateDirectory.maximumLength, depth: depth))
        } catch {
            throw Failure(reason: "is damaged: it is no JSON")
        }
        let contents: (account: String, region: String, created: Int64, keys: [JSON])
        do {
            contents = try members(json)
        } catch {
            throw Failure(reason: error.description)
        }
        guard contents.account == account, contents.region == region else {
            throw Failure(
                reason: "holds keys of account \(contents.account) in \(contents.region), not \(account) in \(region)"
            )
        }
        var keys: [KeyRecord] = []
        for (index, value) in contents.keys.enumerated() {
            keys.append(try key(value, at: "keys[\(index)]", account: account, region: region))
        }
        do {
            return .init(keys: try KeyTable(keys, account: account, region: region), created: contents.created)
        } catch {
            throw Failure(reason: error.description)
        }
    }

    private static func members(
        _ json: JSON
    ) throws(JSONFieldError) -> (account: String, region: String, created: Int64, keys: [JSON]) {
        var fields = try JSONFields(json)
        _ = try fields.integer("format", in: format...format)
        _ = try fields.optionalString("warning")
        let account = try fields.string("account")
        let region = try fields.string("region")
        let created = try fields.integer("created", in: 0...Int64.max)
        guard let keys = try fields.value("keys").array else {
            throw JSONFieldError(path: "keys", problem: .wrongType(expected: "array"))
        }
        try fields.finish()
        return (account, region, created, keys)
    }

    private static func key(
        _ json: JSON,
        at path: String,
        account: String,
        region: String
    ) throws(Failure) -> KeyRecord {
        do throws(JSONFieldError) {
            return try record(json, at: path, account: account, region: region)
        } catch {
            throw Failure(reason: error.description)
        }
    }

    private static func record(
        _ json: JSON,
        at path: String,
        account: String,
        region: String
    ) throws(JSONFieldError) -> KeyRecord {
        var fields = try JSONFields(json, at: path)
        let id = try fields.string("id")
        guard KeyReference.isKeyID(id) else { throw invalid(fields.path("id"), "must be a key id") }
        let spec: KeySpec = try choice("keySpec", &fields)
        var aliases: [KeyRecord.Alias] = []
        let material = try Self.material(try fields.string("material"), spec, at: fields.path("material"))
        guard let list = try fields.value("aliases").array else {
            throw JSONFieldError(path: fields.path("aliases"), problem: .wrongType(expected: "array"))
        }
        for (index, value) in list.enumerated() {
            aliases.append(try alias(value, at: fields.path("aliases[\(index)]")))
        }
        let record = KeyRecord(
            id: id,
            arn: KMSARN(region: region, account: account, resource: .key(id)).description,
            spec: spec,
            usage: try choice("keyUsage", &fields),
            state: try choice("keyState", &fields),
            description: try fields.string("description"),
            creationDate: try time("creationDate", &fields),
            deletionDate: try fields.optionalInteger("deletionDate", in: times).map(Timestamp.init(milliseconds:)),
            aliases: aliases,
            tags: try tags(&fields),
            policy: try fields.string("policy"),
            origin: try choice("origin", &fields),
            material: material
        )
        try fields.finish()
        return record
    }

    /// Pairs of key and value; absent where a key has none.
    private static func tags(_ fields: inout JSONFields) throws(JSONFieldError) -> [KeyTag] {
        guard let value = try fields.optionalValue("tags") else { return [] }
        let tags = value.array?.compactMap { pair -> KeyTag? in
            guard let texts = pair.array?.compactMap(\.string), texts.count == 2 else { return nil }
            return KeyTag(key: texts[0], value: texts[1])
        }
        guard let tags, tags.count == value.array?.count else {
            throw invalid(fields.path("tags"), "must be pairs of texts")
        }
        return tags
    }

    private static func alias(_ json: JSON, at path: String) throws(JSONFieldError) -> KeyRecord.Alias {
        var fields = try JSONFields(json, at: path)
        let alias = KeyRecord.Alias(
            name: try fields.string("name"),
            creationDate: try time("creationDate", &fields),
            lastUpdatedDate: try time("lastUpdatedDate", &fields)
        )
        guard KeyReference.isAliasName(alias.name) else { throw invalid(fields.path("name"), "must be an alias name") }
        try fields.finish()
        return alias
    }

    private static func material(
        _ text: String,
        _ spec: KeySpec,
        at path: String
    ) throws(JSONFieldError) -> KeyRecord.Material {
        let material: KeyRecord.Material
        do {
            var bytes = try Base64.decode(text)
            let secret = try SecretBytes(movingFrom: &bytes)
            material =
                spec.keyAlgorithm == nil
                ? .symmetric(SharedSecret(secret)) : .asymmetric(try PrivateKey(pkcs8: secret))
        } catch {
            throw invalid(path, "must be key material in base64")
        }
        guard spec.accepts(material) else { throw invalid(path, "must be material of a key of spec \(spec.rawValue)") }
        return material
    }

    private static let times = Int64.min...Int64.max

    private static func time(_ name: String, _ fields: inout JSONFields) throws(JSONFieldError) -> Timestamp {
        Timestamp(milliseconds: try fields.integer(name, in: times))
    }

    private static func choice<Choice: RawRepresentable<String>>(
        _ name: String,
        _ fields: inout JSONFields
    ) throws(JSONFieldError) -> Choice {
        guard let choice = Choice(rawValue: try fields.string(name)) else {
            throw invalid(fields.path(name), "is not a value that this version knows")
        }
        return choice
    }

    private static func invalid(_ path: String, _ reason: String) -> JSONFieldError {
        JSONFieldError(path: path, problem: .invalid(reason: reason))
    }
}
