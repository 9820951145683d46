// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import BrokerProtocol
import Encoding

struct PrincipalPolicyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "policy",
        abstract: "What a principal may do.",
        subcommands: [PrincipalPolicyGetCommand.self, PrincipalPolicyPutCommand.self]
    )
}

struct PrincipalPolicyGetCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "get",
        abstract: "Print an access key's policies as they were put, one after the other."
    )

    @Argument(help: ArgumentHelp("An access key id, or a name with one access key.", valueName: "PRINCIPAL"))
    var principal: String

    @OptionGroup(title: "The broker") var broker: BrokerOptions

    @Flag(help: "Print JSON (docs/reference/operator-output.schema.json).")
    var json = false

    func run() async throws {
        let described = try await PrincipalDescription.named(principal, BrokerSession(broker))
        guard !json else {
            Console.json(.object(described.members))
            return
        }
        for policy in described.policies { Console.write(policy.hasSuffix("\n") ? policy : policy + "\n") }
    }
}

struct PrincipalPolicyPutCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "put",
        abstract: "Replace all policies of an access key.",
        discussion: """
            The files named are its policies from then on, all others go. The broker refuses policies with which you could
            not put the next ones yourself, unless you say --bypass-policy-lockout-safety-check.

              keybroker principal policy put auditor --policy sign-only.json
            """
    )

    @Argument(help: ArgumentHelp("An access key id, or a name with one access key.", valueName: "PRINCIPAL"))
    var principal: String

    @Option(name: .customLong("policy"), help: ArgumentHelp("An IAM policy, JSON. May be repeated.", valueName: "FILE"))
    var policies: [String] = []

    @Flag(help: "Leave it without any policy: it may do nothing then but what key policies name it for.")
    var none = false

    @Flag(help: "Put them even if they lock you out.")
    var bypassPolicyLockoutSafetyCheck = false

    @OptionGroup(title: "The broker") var broker: BrokerOptions

    @Flag(help: "Print the answer as JSON.")
    var json = false

    func validate() throws {
        guard none == policies.isEmpty else { throw ValidationError("name policies with --policy, or say --none") }
    }

    func run() async throws {
        let texts = try policies.map { path throws(CommandFailure) in JSON.string(try PolicyFile.text(path)) }
        let session = BrokerSession(broker)
        let described = try await PrincipalDescription.named(principal, session)
        guard let id = described.accessKeyID else { throw BrokerFailure.malformed(session.url) }
        var input = JSONObject([("AccessKeyId", .string(id)), ("Policies", .array(texts))])
        if bypassPolicyLockoutSafetyCheck { input["BypassPolicyLockoutSafetyCheck"] = true }
        let answer = try await session.call(.putPrincipalPolicy, input)
        json ? Console.json(.object(answer)) : Console.line("\(id): policies replaced")
    }
}
