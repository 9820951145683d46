// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Encoding

struct KeyListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List the keys, with their aliases.")

    @OptionGroup(title: "The broker") var broker: BrokerOptions

    @Flag(help: "Print JSON (docs/reference/operator-output.schema.json).")
    var json = false

    func run() async throws {
        let keys = try await KeyDescription.all(BrokerSession(broker))
        guard !json else {
            Console.json(["Keys": .array(keys.map(\.json))])
            return
        }
        var table = Table(["KEY", "SPEC", "USAGE", "STATE", "ALIASES", "DESCRIPTION"])
        for key in keys {
            table.add([
                key.text("KeyId"), key.text("KeySpec"), key.text("KeyUsage"), key.text("KeyState"), key.aliasText,
                key.text("Description"),
            ])
        }
        table.lines.forEach { Console.line($0) }
    }
}

struct KeyDescribeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "describe", abstract: "Show one key.")

    @OptionGroup var options: KeyOptions

    func run() async throws {
        let key = try await KeyDescription.of(options.key, BrokerSession(options.broker))
        guard !options.json else {
            Console.json(key.json)
            return
        }
        KeyReport.print(key)
    }
}

/// One key for people.
enum KeyReport: Sendable {
    private static let members: [(label: String, member: String)] = [
        ("key", "KeyId"), ("arn", "Arn"), ("spec", "KeySpec"), ("usage", "KeyUsage"), ("state", "KeyState"),
        ("origin", "Origin"), ("description", "Description"), ("created", "CreationDate"), ("deleted", "DeletionDate"),
        ("algorithms", "SigningAlgorithms"), ("algorithms", "MacAlgorithms"), ("algorithms", "EncryptionAlgorithms"),
    ]

    static func print(_ key: KeyDescription) {
        var table = Table()
        for (label, member) in members {
            guard let value = key.metadata[member], value != "" else { continue }
            table.add([label, value.timeText ?? key.text(member)])
        }
        table.add(["aliases", key.aliasText])
        table.lines.forEach { Console.line($0) }
    }
}
