// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Encoding

struct KeyPolicyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy",
        abstract: "Who may do what with a key.",
        subcommands: [KeyPolicyGetCommand.self, KeyPolicyPutCommand.self]
    )
}

struct KeyPolicyGetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get",
        abstract: "Print a key's policy as it was put.",
        discussion: "  keybroker key policy get alias/audit > policy.json"
    )

    @OptionGroup var options: KeyOptions

    func run() async throws {
        let session = BrokerSession(options.broker)
        let id = try await KeyDescription.id(options.key, session)
        let answer = try await session.kms("GetKeyPolicy", KeyPolicyPutCommand.input(id))
        guard !options.json else {
            Console.json(.object(answer))
            return
        }
        guard let policy = answer["Policy"]?.string else { throw BrokerFailure.malformed(session.url) }
        Console.write(policy.hasSuffix("\n") ? policy : policy + "\n")
    }
}

struct KeyPolicyPutCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "put",
        abstract: "Replace a key's policy.",
        discussion: """
            The broker refuses a policy that does not parse, and one that would not let you replace it again unless you
            say --bypass-policy-lockout-safety-check. keybroker policy lint finds faults before.
            """
    )

    @OptionGroup var options: KeyOptions

    @Argument(help: ArgumentHelp("The policy, JSON. - for standard input.", valueName: "FILE"))
    var file: String

    @Flag(help: "Put it even if it locks you out.")
    var bypassPolicyLockoutSafetyCheck = false

    func run() async throws {
        let policy = try PolicyFile.text(file)
        let session = BrokerSession(options.broker)
        let id = try await KeyDescription.id(options.key, session)
        var input = Self.input(id)
        input["Policy"] = .string(policy)
        if bypassPolicyLockoutSafetyCheck { input["BypassPolicyLockoutSafetyCheck"] = true }
        let answer = try await session.kms("PutKeyPolicy", input)
        options.json ? Console.json(.object(answer)) : Console.line("\(id): policy replaced")
    }

    /// A key has one policy, of this name.
    static func input(_ id: String) -> JSONObject {
        JSONObject([("KeyId", .string(id)), ("PolicyName", "default")])
    }
}
