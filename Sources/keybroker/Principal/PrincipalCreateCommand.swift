// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import BrokerProtocol
import Encoding

struct PrincipalCreateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Make a principal, or a second access key for one.",
        discussion: """
            The broker makes the access key; this command writes it as a profile into a credentials file that only you can
            read, and shows it to nobody else. AWS SDKs read such files (AWS_SHARED_CREDENTIALS_FILE, AWS_PROFILE).
            The broker refuses to answer with a secret unless TLS ends in the enclave.

              keybroker principal create auditor --policy sign-only.json --credentials-file auditor-credentials

            A name that has an access key gets a second one, with the first one's policies if none are named: that is how
            access keys are rotated (keybroker principal --help).
            """
    )

    @Argument(help: ArgumentHelp("The principal's name: arn:aws:iam::ACCOUNT:user/NAME.", valueName: "NAME"))
    var name: String

    @Option(name: .customLong("policy"), help: ArgumentHelp("An IAM policy, JSON. May be repeated.", valueName: "FILE"))
    var policies: [String] = []

    @Option(
        help: ArgumentHelp("The credentials file that gets the access key; made with mode 0600.", valueName: "FILE")
    )
    var credentialsFile: String?

    @Option(
        help: ArgumentHelp("The profile in that file. [default: NAME, or default in a new file]", valueName: "PROFILE")
    )
    var newProfile: String?

    @Flag(help: "Print the secret access key.")
    var showSecret = false

    @OptionGroup(title: "The broker") var broker: BrokerOptions

    @Flag(help: "Print JSON (docs/reference/operator-output.schema.json).")
    var json = false

    func validate() throws {
        guard credentialsFile != nil || showSecret else {
            throw ValidationError("say where the secret is to go: --credentials-file FILE (or --show-secret)")
        }
    }

    func run() async throws {
        var input = JSONObject([("PrincipalName", .string(name))])
        if !policies.isEmpty {
            input["Policies"] = .array(
                try policies.map { path throws(CommandFailure) in .string(try PolicyFile.text(path)) }
            )
        }
        let session = BrokerSession(broker)
        // Before the broker makes anything: a secret that cannot be kept is lost.
        var file = try credentialsFile.map { path throws(CommandFailure) in
            try NewProfile(name: newProfile, principal: name, in: path)
        }
        defer { file?.discard() }
        let created = try NewAccessKey(answer: try await session.bytes(.createPrincipal, input), session.url)
        do {
            try file?.write(created)
        } catch {
            let id = JSONObject([("AccessKeyId", .string(created.accessKeyID))])
            let isDeleted = (try? await session.call(.deletePrincipal, id)) != nil
            throw CommandFailure.failed(
                "\(error.message); the new access key \(created.accessKeyID) \(isDeleted ? "was deleted again" : "is lost: keybroker principal delete \(created.accessKeyID)")"
            )
        }
        report(created, profile: file?.profile)
    }

    private func report(_ created: NewAccessKey, profile: String?) {
        guard !json else {
            var object = created.answer
            if showSecret { object["SecretAccessKey"] = .string(created.secretText) }
            Console.json(.object(object))
            return
        }
        let principal = PrincipalDescription(members: created.answer["Principal"]?.object ?? JSONObject())
        var table = Table()
        table.add(["access key", principal.text("AccessKeyId")])
        if showSecret { table.add(["secret", created.secretText]) }
        table.add(["arn", principal.text("Arn")])
        table.add(["policies", String(principal.policies.count)])
        if let credentialsFile, let profile { table.add(["written to", "\(credentialsFile), profile \(profile)"]) }
        table.lines.forEach { Console.line($0) }
    }
}
