// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Cryptography
import Encoding

struct RotateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rotate",
        abstract: "Change a signing key, or the enclave itself, without a gap.",
        discussion: """
            plan prints the steps with their exact calls, rehearse checks all that can be checked without a change, apply goes
            as far as it may now. Each step is checked before the next. A journal says how far it came: whatever ends apply,
            the same command goes on from there, and does the steps that have to wait once they are due.

              keybroker rotate rehearse key --alias alias/audit --signers signers.json --pcr 0=3f1c… --pcr 16=9a07…
              keybroker rotate apply key --alias alias/audit --signers signers.json --pcr 0=3f1c… --pcr 16=9a07…
              keybroker rotate apply enclave --image new.eif --previous-image old.eif --config enclave.json --endpoint https://…

            docs/ROTATION.md says what each step leaves behind where a run ends.
            """,
        subcommands: [RotatePlanCommand.self, RotateRehearseCommand.self, RotateApplyCommand.self]
    )
}

struct RotatePlanCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Print the steps, with the calls that each makes. Changes nothing.",
        subcommands: [RotatePlanKeyCommand.self, RotatePlanEnclaveCommand.self]
    )
}

struct RotateRehearseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rehearse",
        abstract: "Check everything that can be checked without a change.",
        discussion: "Exit status 0 if nothing stands in the way, 1 if anything does.",
        subcommands: [RotateRehearseKeyCommand.self, RotateRehearseEnclaveCommand.self]
    )
}

struct RotateApplyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "apply",
        abstract: "Go as far as the plan allows now. Run it again to go on.",
        discussion: """
            Exit status 0: everything that was due is done and checked. 1: a step was refused or failed; nothing after it was
            begun. Run again once it is mended.
            """,
        subcommands: [RotateApplyKeyCommand.self, RotateApplyEnclaveCommand.self]
    )
}

/// How far to go, and how to say it.
struct RotateRunOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The last step of this run, where somebody is to look before the next. [default: as far as possible]",
            valueName: "STEP"
        )
    )
    var until: String?

    @Flag(help: "Begin another rotation where the journal has one that is finished, and keep that journal beside it.")
    var again = false

    @Flag(help: "Print JSON (docs/reference/rotation-output.schema.json).")
    var json = false

    func validate(_ steps: [RotationStep]) throws(CommandFailure) {
        guard let until, !steps.contains(where: { $0.name == until }) else { return }
        throw .usage("--until \(until): the steps are \(steps.map(\.name).joined(separator: ", "))")
    }

    /// Runs what is due of a rotation, and reports it.
    ///
    /// `path` is the journal's, `asked` the plan as the flags have it, and `start` makes the journal of a new rotation.
    func apply(
        _ kind: RotationJournal.Kind,
        path: String,
        asked: JSONObject,
        steps: [RotationStep],
        start: (String) async throws(CommandFailure) -> RotationJournal
    ) async throws(CommandFailure) {
        try validate(steps)
        let file = try RotationFile(locking: path)
        var journal: RotationJournal
        if let known = try journalToGoOn(path, steps), !known.isAnotherTry(at: asked) {
            guard known.kind == kind else { throw .usage("\(path): is the journal of another kind of rotation") }
            try known.requirePlan(asked, path: path)
            journal = known
        } else {
            journal = try await start(try Self.newRotation())
        }
        var report = RotationReport(kind: kind, steps: steps, journal: journal, path: file.path)
        do throws(CommandFailure) {
            report.outcome = try await RotationRun(steps: steps, file: file, last: until).go(&journal) { step, detail in
                if !json {
                    Console.line(
                        "\(Console.styled("done", .green))  \(step.name): \(Console.printable(detail, limit: 2048))"
                    )
                }
            }
        } catch {
            report.journal = journal
            report.error = error.message
            if json { Console.json(report.json) }
            throw error
        }
        report.journal = journal
        if json { Console.json(report.json) } else { report.printOutcome() }
    }

    /// Nil where a new rotation begins.
    private func journalToGoOn(_ path: String, _ steps: [RotationStep]) throws(CommandFailure) -> RotationJournal? {
        guard let known = try RotationJournal.read(path) else { return nil }
        if let back = known[RotationJournal.restored] {
            guard back.state == .done else {
                throw .usage("\(path): the rotation there is being taken back: apply --restore again")
            }
            guard again else { throw .usage("\(path): the rotation there was taken back: --again begins another one") }
        } else {
            guard again else { return known }
            guard steps.allSatisfy({ known.isDone($0.name) }) else {
                throw .usage("\(path): the rotation there is not finished: go on without --again")
            }
        }
        try InputFile.write(known.json.serialized(pretty: true) + [0x0A], to: "\(path).\(known.rotation)")
        return nil
    }

    private static func newRotation() throws(CommandFailure) -> String {
        do {
            return Hex.encode(try SecureRandom.bytes(count: 16))
        } catch {
            throw .failed("no randomness")
        }
    }
}
