// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Encoding
import KMSProtocol

struct KeyCreateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Make a key inside the enclave.",
        discussion: """
            The private key never leaves it. Without --policy the key's policy leaves all decisions to the principals'
            own policies (AWS's default key policy).

              keybroker key create --spec ECC_NIST_EDWARDS25519 --alias alias/audit --description "audit trail"
            """
    )

    @Option(
        help: ArgumentHelp(
            "The key spec: \(KeySpec.allCases.map(\.rawValue).joined(separator: ", ")).",
            valueName: "SPEC"
        )
    )
    var spec: String

    @Option(help: ArgumentHelp("The key usage. [default: what the spec is for]", valueName: "USAGE"))
    var usage: String?

    @Option(name: .customLong("alias"), help: ArgumentHelp("An alias for it. May be repeated.", valueName: "ALIAS"))
    var aliases: [String] = []

    @Option(help: ArgumentHelp("What it is for.", valueName: "TEXT"))
    var description: String?

    @Option(help: ArgumentHelp("Its key policy, JSON.", valueName: "FILE"))
    var policy: String?

    @Option(name: .customLong("tag"), help: ArgumentHelp("A tag. May be repeated.", valueName: "NAME=VALUE"))
    var tags: [String] = []

    @Flag(help: "Take a key policy that does not let you change it again.")
    var bypassPolicyLockoutSafetyCheck = false

    @OptionGroup(title: "The broker") var broker: BrokerOptions

    @Flag(help: "Print JSON (docs/reference/operator-output.schema.json).")
    var json = false

    func run() async throws {
        var input = JSONObject([
            ("KeySpec", .string(spec)),
            ("KeyUsage", .string(usage ?? KeySpec(rawValue: spec)?.usualUsage ?? "SIGN_VERIFY")),
        ])
        input["Description"] = description.map { .string($0) }
        input["Policy"] = try policy.map { path throws(CommandFailure) in .string(try PolicyFile.text(path)) }
        if !tags.isEmpty { input["Tags"] = try KeyTags.json(tags) }
        if bypassPolicyLockoutSafetyCheck { input["BypassPolicyLockoutSafetyCheck"] = true }

        let session = BrokerSession(broker)
        let answer = try await session.kms("CreateKey", input)
        guard let metadata = answer["KeyMetadata"]?.object, let id = metadata["KeyId"]?.string else {
            throw BrokerFailure.malformed(session.url)
        }
        let names = aliases.map(AliasName.full)
        for name in names {
            do {
                let input = JSONObject([("AliasName", .string(name)), ("TargetKeyId", .string(id))])
                _ = try await session.kms("CreateAlias", input)
            } catch {
                throw CommandFailure.failed("key \(id) was made, but not its alias \(name): \(error.message)")
            }
        }
        let key = KeyDescription(metadata: metadata, aliases: names)
        if json { Console.json(key.json) } else { KeyReport.print(key) }
    }
}

struct KeyUpdateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "update", abstract: "Change a key's description.")

    @OptionGroup var options: KeyOptions

    @Option(help: ArgumentHelp("What it is for.", valueName: "TEXT"))
    var description: String

    func run() async throws {
        let session = BrokerSession(options.broker)
        let id = try await KeyDescription.id(options.key, session)
        let input = JSONObject([("KeyId", .string(id)), ("Description", .string(description))])
        let answer = try await session.kms("UpdateKeyDescription", input)
        options.json ? Console.json(.object(answer)) : Console.line("\(id): description changed")
    }
}

extension KeySpec {
    /// What keys of this spec are for, where that is one thing or usually one.
    fileprivate var usualUsage: String {
        switch self {
        case .symmetricDefault: KeyUsage.encryptDecrypt.rawValue
        case .hmac224, .hmac256, .hmac384, .hmac512: KeyUsage.generateVerifyMAC.rawValue
        default: KeyUsage.signVerify.rawValue
        }
    }
}

/// Policies as files.
enum PolicyFile: Sendable {
    /// The file's text as it is, if it is a JSON object; the broker judges what it says.
    static func text(_ path: String) throws(CommandFailure) -> String {
        let bytes = try InputFile.read(path)
        do {
            guard case .object = try JSON.parse(bytes) else { throw CommandFailure.usage("\(path): not a JSON object") }
        } catch let failure as CommandFailure {
            throw failure
        } catch let error as JSONError {
            throw .usage("\(path): not JSON: \(error.code.rawValue) at byte \(error.offset)")
        } catch {
            throw .usage("\(path): not JSON")
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

/// Tags as `NAME=VALUE`.
enum KeyTags: Sendable {
    static func json(_ tags: [String]) throws(CommandFailure) -> JSON {
        var list: [JSON] = []
        for tag in tags {
            let parts = tag.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, !parts[0].isEmpty else { throw .usage("\(tag): expected NAME=VALUE") }
            list.append(["TagKey": .string(String(parts[0])), "TagValue": .string(String(parts[1]))])
        }
        return .array(list)
    }
}
