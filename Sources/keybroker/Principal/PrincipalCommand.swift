// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import BrokerProtocol
import Encoding

struct PrincipalCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "principal",
        abstract: "Who may ask a broker: its access keys and their policies.",
        discussion: """
            A principal is a name with one or two access keys, made by the broker and kept in its keyring. Each access key
            has IAM policies of its own.

            To rotate an access key, with no moment without one:

              1. keybroker principal create NAME --credentials-file new-credentials
                 The second key gets the policies of the first.
              2. Give new-credentials to the program, and see that it works.
              3. keybroker principal delete OLD-ACCESS-KEY-ID
                 keybroker principal list shows both, with their dates.
            """,
        subcommands: [
            PrincipalListCommand.self, PrincipalCreateCommand.self, PrincipalDeleteCommand.self,
            PrincipalPolicyCommand.self,
        ]
    )
}

struct PrincipalListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List the access keys.")

    @OptionGroup(title: "The broker") var broker: BrokerOptions

    @Flag(help: "Print JSON, with the policies (docs/reference/operator-output.schema.json).")
    var json = false

    func run() async throws {
        let principals = try await PrincipalDescription.all(BrokerSession(broker))
        guard !json else {
            Console.json(["Principals": .array(principals.map { .object($0.members) })])
            return
        }
        var table = Table(["ACCESS KEY", "ARN", "CREATED", "POLICIES"])
        for principal in principals {
            table.add([
                principal.text("AccessKeyId"), principal.text("Arn"),
                principal.members["CreationDate"]?.timeText ?? "-", String(principal.policies.count),
            ])
        }
        table.lines.forEach { Console.line($0) }
    }
}

struct PrincipalDeleteCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "delete",
        abstract: "Delete an access key: requests signed with it are refused from then on.",
        discussion:
            "Not the one that you use yourself. Older versions of the keyring still hold it: raise the floor (keybroker keyring raise-floor) if it leaked."
    )

    @Argument(help: ArgumentHelp("The access key id.", valueName: "ACCESS-KEY-ID"))
    var accessKeyId: String

    @OptionGroup var confirmation: Confirmation
    @OptionGroup(title: "The broker") var broker: BrokerOptions

    @Flag(help: "Print the answer as JSON.")
    var json = false

    func run() async throws {
        let session = BrokerSession(broker)
        let id = Console.printable(accessKeyId)
        try confirmation.require("Deletes the access key \(id): whoever uses it is refused from now on.")
        let answer = try await session.call(
            .deletePrincipal,
            JSONObject([("AccessKeyId", .string(accessKeyId))])
        )
        json ? Console.json(.object(answer)) : Console.line("\(id) deleted")
    }
}
