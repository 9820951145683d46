// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Encoding
import KMSProtocol

struct KeyAliasCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alias",
        abstract: "Names of keys.",
        subcommands: [
            KeyAliasListCommand.self, KeyAliasCreateCommand.self, KeyAliasUpdateCommand.self,
            KeyAliasDeleteCommand.self,
        ]
    )
}

/// An alias as people write it, with or without its prefix.
enum AliasName: Sendable {
    static func full(_ name: String) -> String { name.hasPrefix("alias/") ? name : "alias/\(name)" }
}

struct KeyAliasListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List aliases.")

    @Option(help: ArgumentHelp("Only those of this key.", valueName: "KEY"))
    var key: String?

    @OptionGroup(title: "The broker") var broker: BrokerOptions

    @Flag(help: "Print JSON (docs/reference/operator-output.schema.json).")
    var json = false

    func run() async throws {
        let session = BrokerSession(broker)
        var input = JSONObject()
        if let key { input["KeyId"] = .string(try await KeyDescription.id(key, session)) }
        let aliases = try await session.kmsList("ListAliases", "Aliases", input)
        guard !json else {
            Console.json(["Aliases": .array(aliases.map { .object($0) })])
            return
        }
        var table = Table(["ALIAS", "KEY", "UPDATED"])
        for alias in aliases {
            table.add([
                Console.printable(alias["AliasName"]?.string ?? "-"),
                Console.printable(alias["TargetKeyId"]?.string ?? "-"),
                alias["LastUpdatedDate"]?.timeText ?? "-",
            ])
        }
        table.lines.forEach { Console.line($0) }
    }
}

/// An alias and the key that it is to name.
struct AliasTargetOptions: ParsableArguments {
    @Argument(help: ArgumentHelp("The alias; alias/ in front is added if it is missing.", valueName: "ALIAS"))
    var alias: String

    @OptionGroup var options: KeyOptions

    func call(_ operation: String, done: String) async throws {
        let session = BrokerSession(options.broker)
        let id = try await KeyDescription.id(options.key, session)
        let name = AliasName.full(alias)
        let answer = try await session.kms(
            operation,
            JSONObject([("AliasName", .string(name)), ("TargetKeyId", .string(id))])
        )
        options.json ? Console.json(.object(answer)) : Console.line("\(Console.printable(name)) \(done) \(id)")
    }
}

struct KeyAliasCreateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "create", abstract: "Give a key a name.")

    @OptionGroup var target: AliasTargetOptions

    func run() async throws { try await target.call("CreateAlias", done: "names") }
}

struct KeyAliasUpdateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "update",
        abstract: "Let an alias name another key.",
        discussion:
            "From then on whoever uses the alias uses that key, with signatures that the old one's public key does not verify."
    )

    @OptionGroup var target: AliasTargetOptions

    func run() async throws { try await target.call("UpdateAlias", done: "now names") }
}

struct KeyAliasDeleteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "delete", abstract: "Take a name away; the key stays.")

    @Argument(help: ArgumentHelp("The alias.", valueName: "ALIAS"))
    var alias: String

    @OptionGroup var confirmation: Confirmation
    @OptionGroup(title: "The broker") var broker: BrokerOptions

    @Flag(help: "Print the answer as JSON.")
    var json = false

    func run() async throws {
        let name = AliasName.full(alias)
        let session = BrokerSession(broker)
        try confirmation.require("Deletes \(Console.printable(name)): programs that use it will fail.")
        let answer = try await session.kms("DeleteAlias", JSONObject([("AliasName", .string(name))]))
        json ? Console.json(.object(answer)) : Console.line("\(Console.printable(name)) deleted")
    }
}
