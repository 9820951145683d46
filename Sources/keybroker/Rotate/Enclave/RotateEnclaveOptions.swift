// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import BrokerProtocol
import Encoding
import Foundation
import NitroAttestation

/// Which enclave follows which, and the KMS key whose policy releases the TSK to them.
struct RotateEnclaveOptions: ParsableArguments {
    @OptionGroup(title: "The new enclave") var new: ExpectedEnclaveOptions

    @Option(help: ArgumentHelp("The image that runs now (EIF). [default: the new one's]", valueName: "FILE"))
    var previousImage: String?

    @Option(
        help: ArgumentHelp("Instead of --previous-image, for the software module: the executable.", valueName: "FILE")
    )
    var previousBinary: String?

    @Option(
        name: .customLong("previous-pcr"),
        help: ArgumentHelp("Instead of files: a PCR of the enclave that runs now. May be repeated.", valueName: "N=HEX")
    )
    var previousPCRs: [String] = []

    @Option(help: ArgumentHelp("The configuration that runs now. [default: the new one's]", valueName: "FILE"))
    var previousConfig: String?

    @Option(
        name: .customLong("role"),
        help: ArgumentHelp(
            "Whom the host asks KMS as; may be repeated. [default: as in the policy in force]",
            valueName: "ARN"
        )
    )
    var roles: [String] = []

    @Option(
        name: .customLong("admin"),
        help: ArgumentHelp(
            "With --role: who manages the key; may be repeated. [default: the root of the key's account]",
            valueName: "ARN"
        )
    )
    var administrators: [String] = []

    @OptionGroup(title: "KMS, with the operator's credentials") var kms: KMSOptions

    @Option(
        help: ArgumentHelp("The broker's ingress, where the old enclave and then the new one answer.", valueName: "URL")
    )
    var endpoint: String

    @Option(
        help: ArgumentHelp(
            "Certificates that the broker's TLS is checked against, as `keybroker trust` writes them. [default: $AWS_CA_BUNDLE, or the system's]",
            valueName: "FILE"
        )
    )
    var caBundle: String?

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "Public views (keyring show --json) of versions that the keyring gets meanwhile: they must chain.",
            valueName: "FILE"
        )
    )
    var views: [String] = []

    @Option(
        help: ArgumentHelp(
            "From the new enclave's proof until the old one is taken out (30m, 24h, 7d).",
            valueName: "TIME"
        )
    )
    var overlap: WaitArgument = .days(1)

    @Option(help: ArgumentHelp("The journal. [default: beside the new configuration]", valueName: "FILE"))
    var state: String?

    func validate() throws {
        guard new.config != nil else {
            throw ValidationError("--config is missing: the new enclave's configuration, which names the KMS key")
        }
        guard administrators.isEmpty || !roles.isEmpty else { throw ValidationError("--admin goes with --role") }
        guard previousImage != nil || previousBinary != nil || previousConfig != nil || !previousPCRs.isEmpty else {
            throw ValidationError(
                "name what runs now: --previous-image (or --previous-binary, --previous-pcr), --previous-config, or both"
            )
        }
        _ = try new.policy()
    }

    var journalPath: String { state ?? "\(new.config ?? "enclave").rotation.json" }

    func rotation() throws -> EnclaveRotation {
        let configuration = try MeasuredConfiguration(path: new.config ?? "")
        let previous = try previousConfig.map { path throws(CommandFailure) in try MeasuredConfiguration(path: path) }
        let newPCRs = try new.policy().pcrs
        var oldPCRs = try ExpectedIdentity.pcrs(
            image: previousImage,
            binary: previousBinary,
            configuration: previousConfig
        )
        oldPCRs.merge(try PCROptions.values(previousPCRs)) { $1 }
        // What was not named is the same.
        if oldPCRs[0] == nil { oldPCRs.merge(newPCRs.filter { $0.key != 16 }) { old, _ in old } }
        oldPCRs[16] = oldPCRs[16] ?? newPCRs[16]
        var options = try BrokerOptions.parse([])
        options.endpoint = endpoint
        options.caBundle = caBundle
        let arn = configuration.configuration.kms.keyARN
        let rotation = EnclaveRotation(
            configuration: configuration,
            previous: previous,
            new: EnclaveIdentity(pcrs: newPCRs, encryptionContext: configuration.configuration.tsk.encryptionContext),
            old: EnclaveIdentity(
                pcrs: oldPCRs,
                encryptionContext: (previous ?? configuration).configuration.tsk.encryptionContext
            ),
            principals: .init(
                hosts: roles,
                administrators: roles.isEmpty || !administrators.isEmpty
                    ? administrators : [try PolicyKeyCommand.accountRoot(of: configuration)]
            ),
            key: UnlockKey(arn: arn, client: try kms.client(forKey: arn)),
            broker: options,
            roots: try new.root.anchors(),
            views: try views.map { path throws(CommandFailure) in try TrustCommand.publicParts(path) },
            overlap: overlap
        )
        try rotation.checkFiles()
        return rotation
    }
}

struct RotatePlanEnclaveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "enclave",
        abstract: "The steps that let another image or configuration have the TSK.",
        discussion: """
              keybroker rotate plan enclave --image new.eif --previous-image old.eif --config enclave.json --endpoint https://…
              keybroker rotate plan enclave … --json | jq .policies.both
            """
    )

    @OptionGroup var options: RotateEnclaveOptions

    @Flag(help: "Print JSON, with the policies (docs/reference/rotation-output.schema.json).")
    var json = false

    func run() async throws {
        let rotation = try options.rotation()
        let journal = try RotationJournal.read(options.journalPath)
        try journal?.requirePlan(rotation.plan, path: options.journalPath)
        var report = RotationReport(
            kind: .enclave,
            steps: rotation.steps,
            journal: journal,
            path: RotationFile.resolved(options.journalPath)
        )
        report.policies = try await rotation.policies(journal)
        report.notes = rotation.notes
        if json { Console.json(report.json) } else { report.printPlan() }
    }
}

struct RotateRehearseEnclaveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "enclave",
        abstract: "Whether another image or configuration can follow, as far as anybody can tell before.",
        discussion: """
            Reads the policy in force, makes the ones to come, lints and simulates all of them, and has the running enclave
            attest itself and its keyring.

              keybroker rotate rehearse enclave --image new.eif --previous-image old.eif --config enclave.json --endpoint https://…
            """
    )

    @OptionGroup var options: RotateEnclaveOptions

    @Flag(help: "Print JSON (docs/reference/rotation-output.schema.json).")
    var json = false

    func run() async throws {
        let checks = await EnclaveRehearsal(rotation: try options.rotation(), journalPath: options.journalPath).checks()
        try RehearsalReport(kind: .enclave, checks: checks).show(json: json)
    }
}

struct RotateApplyEnclaveCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "enclave",
        abstract: "Let another image or configuration have the TSK, and later take it from the old one.",
        discussion: """
            measure both, and see what the policy in force does; admit both enclaves, and no mixture of them; then you start the
            new enclave; serve: it has to attest the same keyring; revoke the old one after the overlap. At no moment is neither
            admitted. --restore puts the policy back that was there in the beginning.

              keybroker rotate apply enclave --image new.eif --previous-image old.eif --config enclave.json \\
                  --endpoint https://broker.internal:4600 --overlap 24h
              keybroker rotate apply enclave --config new.json --previous-config old.json --image broker.eif --endpoint https://…
            """
    )

    @OptionGroup var options: RotateEnclaveOptions
    @OptionGroup var going: RotateRunOptions

    @Flag(help: "Give up: put back the policy that was in force before the rotation, from the journal.")
    var restore = false

    func validate() throws {
        if restore, going.until != nil || going.again { throw ValidationError("--restore goes alone") }
    }

    func run() async throws {
        let rotation = try options.rotation()
        guard !restore else { return try await takeBack(rotation) }
        try await going.apply(.enclave, path: options.journalPath, asked: rotation.plan, steps: rotation.steps) {
            id throws(CommandFailure) in
            RotationJournal(.enclave, rotation: id, created: SystemClock.now(), plan: rotation.plan)
        }
    }

    private func takeBack(_ rotation: EnclaveRotation) async throws {
        let file = try RotationFile(locking: options.journalPath)
        guard var journal = try RotationJournal.read(options.journalPath) else {
            throw CommandFailure.usage("\(options.journalPath): there is no rotation to take back")
        }
        try journal.requirePlan(rotation.plan, path: options.journalPath)
        try await rotation.requireOwnPolicy(journal)
        let name = RotationJournal.restored
        journal.begin(name, at: SystemClock.now())
        try journal.write(to: file)
        let detail = try await rotation.restore(journal)
        journal.finish(name, at: SystemClock.now(), detail: detail)
        try journal.write(to: file)
        var report = RotationReport(kind: .enclave, steps: rotation.steps, journal: journal, path: file.path)
        report.isRestored = true
        if going.json { Console.json(report.json) } else { Console.line("restored: \(detail)") }
    }
}
