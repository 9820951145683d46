// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Encoding

struct KeyTagCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "tag", abstract: "Add tags to a key, or change them.")

    @OptionGroup var options: KeyOptions

    @Argument(help: ArgumentHelp("Tags.", valueName: "NAME=VALUE"))
    var tags: [String]

    func run() async throws {
        let tags = try KeyTags.json(tags)
        let session = BrokerSession(options.broker)
        let id = try await KeyDescription.id(options.key, session)
        let answer = try await session.kms("TagResource", JSONObject([("KeyId", .string(id)), ("Tags", tags)]))
        options.json ? Console.json(.object(answer)) : Console.line("\(id): tagged")
    }
}

struct KeyUntagCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "untag", abstract: "Take tags from a key.")

    @OptionGroup var options: KeyOptions

    @Argument(help: ArgumentHelp("Names of tags.", valueName: "NAME"))
    var names: [String]

    func run() async throws {
        let session = BrokerSession(options.broker)
        let id = try await KeyDescription.id(options.key, session)
        let answer = try await session.kms(
            "UntagResource",
            JSONObject([("KeyId", .string(id)), ("TagKeys", .array(names.map { .string($0) }))])
        )
        options.json ? Console.json(.object(answer)) : Console.line("\(id): untagged")
    }
}

struct KeyTagsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "tags", abstract: "List a key's tags.")

    @OptionGroup var options: KeyOptions

    func run() async throws {
        let session = BrokerSession(options.broker)
        let id = try await KeyDescription.id(options.key, session)
        let tags = try await session.kmsList("ListResourceTags", "Tags", JSONObject([("KeyId", .string(id))]))
        guard !options.json else {
            Console.json(["Tags": .array(tags.map { .object($0) })])
            return
        }
        var table = Table(["TAG", "VALUE"])
        for tag in tags {
            table.add([
                Console.printable(tag["TagKey"]?.string ?? "-"), Console.printable(tag["TagValue"]?.string ?? "-"),
            ])
        }
        table.lines.forEach { Console.line($0) }
    }
}
