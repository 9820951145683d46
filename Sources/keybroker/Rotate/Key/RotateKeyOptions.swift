// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AuditTrail
import Encoding
import KMSProtocol

/// Which signing key is rotated, and how.
struct RotateKeyOptions: ParsableArguments {
    @OptionGroup(title: "The broker") var broker: SigningBrokerOptions
    @OptionGroup(title: "The enclave that is expected") var expected: ExpectedEnclaveOptions

    @Option(help: ArgumentHelp("The alias that programs sign through.", valueName: "ALIAS"))
    var alias: String

    @Option(
        name: [.customShort("s"), .long],
        help: ArgumentHelp(
            "The registry that verifiers read. It has to have the key of now.",
            valueName: "signers.json"
        )
    )
    var signers: String

    @Option(help: ArgumentHelp("The new signer's id in the registry. [default: the new key's ARN]", valueName: "ID"))
    var kid: String?

    @Option(help: ArgumentHelp("The new key's spec. [default: the old one's]", valueName: "SPEC"))
    var keySpec: String?

    @Option(help: "What the test records of the rotation are hashed and signed as.")
    var profile: ChainProfile = .jcs

    @Option(
        help: ArgumentHelp(
            "From the publication of the new key to its use: until every verifier has the new registry (30m, 24h, 7d).",
            valueName: "TIME"
        )
    )
    var overlap: WaitArgument = .days(1)

    @Option(
        help: ArgumentHelp("From the switch until the old key is disabled. It is never deleted.", valueName: "TIME")
    )
    var disableAfter: WaitArgument = .days(90)

    @Option(
        help: ArgumentHelp("The journal. [default: beside the registry, by the alias's name]", valueName: "FILE")
    )
    var state: String?

    func validate() throws {
        guard AliasName.full(alias) != "alias/" else { throw ValidationError("--alias is empty") }
        if let keySpec, KeySpec(rawValue: keySpec)?.usages.contains(.signVerify) != true {
            throw ValidationError("--key-spec \(keySpec): is no spec of keys that sign")
        }
        guard signers != "-" else { throw ValidationError("--signers: the registry is written too: name a file") }
        _ = try expected.policy()
    }

    var journalPath: String {
        state ?? "\(signers).rotation-\(AliasName.full(alias).dropFirst("alias/".count).replacing("/", with: "_")).json"
    }

    func rotation() throws -> KeyRotation {
        let options = try broker.options()
        return KeyRotation(
            alias: AliasName.full(alias),
            registry: RotationRegistry(path: RotationFile.resolved(signers)),
            kid: kid,
            keySpec: keySpec,
            profile: profile,
            overlap: overlap,
            disableAfter: disableAfter,
            broker: options,
            session: BrokerSession(options),
            expected: expected,
            policy: try expected.policy()
        )
    }
}

struct RotatePlanKeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key",
        abstract: "The steps that give an alias a new signing key.",
        discussion: """
              keybroker rotate plan key --alias alias/audit --signers signers.json --pcr 0=3f1c… --pcr 16=9a07…
            """
    )

    @OptionGroup var options: RotateKeyOptions

    @Flag(help: "Print JSON (docs/reference/rotation-output.schema.json).")
    var json = false

    func run() async throws {
        let rotation = try options.rotation()
        var journal = try RotationJournal.read(options.journalPath)
        try journal?.requirePlan(rotation.plan, path: options.journalPath)
        let isNew = journal == nil
        let start = if let journal { journal } else { try await rotation.start("") }
        if isNew { journal = nil }
        var report = RotationReport(
            kind: .key,
            steps: rotation.steps(start),
            journal: journal,
            path: RotationFile.resolved(options.journalPath)
        )
        report.notes = try rotation.notes(start)
        if json { Console.json(report.json) } else { report.printPlan() }
    }
}

struct RotateRehearseKeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key",
        abstract: "Whether an alias can get a new signing key, as far as anybody can tell before.",
        discussion: """
            Asks for the key, its policy and an attestation, evaluates the policies for each call to come, signs with the key
            of now and verifies that under the registry, and goes through the changes of the registry on a copy.

              keybroker rotate rehearse key --alias alias/audit --signers signers.json --pcr 0=3f1c… --pcr 16=9a07…
            """
    )

    @OptionGroup var options: RotateKeyOptions

    @Flag(help: "Print JSON (docs/reference/rotation-output.schema.json).")
    var json = false

    func run() async throws {
        let checks = await KeyRehearsal(rotation: try options.rotation(), journalPath: options.journalPath).checks()
        try RehearsalReport(kind: .key, checks: checks).show(json: json)
    }
}

struct RotateApplyKeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key",
        abstract: "Give an alias a new signing key, step by step.",
        discussion: """
            create a key like the old one; publish it, as an attestation names it, in the registry; overlap, while verifiers get
            that; switch the alias; retire the old signer, whose records go on being valid; disable the old key.

              keybroker rotate apply key --alias alias/audit --signers signers.json --overlap 24h --pcr 0=3f1c… --pcr 16=9a07…
              keybroker rotate apply key … --until publish     # and no further, before somebody has looked
            """
    )

    @OptionGroup var options: RotateKeyOptions
    @OptionGroup var going: RotateRunOptions

    func run() async throws {
        let rotation = try options.rotation()
        try await going.apply(
            .key,
            path: options.journalPath,
            asked: rotation.plan,
            steps: rotation.steps(nil)
        ) { id throws(CommandFailure) in try await rotation.start(id) }
    }
}
