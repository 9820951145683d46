// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AuditTrail
import Encoding
import Foundation

struct AuditVerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Verify a chain of audit events, offline.",
        discussion: """
            Checks each event's digest, signature and signer, and that each follows the one before. What a profile's digest does
            not cover can be changed unseen: the report names it. Events that are missing at the end are found only against
            what you know from elsewhere, --expect-head or --expect-count.

              keybroker audit verify --profile illuvrse-a --signers signers.json --expect-count 1200 chain.jsonl
              keybroker audit verify --profile illuvrse-go --hashes-only --unordered archive/audit_*.json

            Exit status 0 if nothing is wrong, 1 if anything is.
            """
    )

    @Option(help: "What is hashed and signed. Never guessed.") var profile: ChainProfile

    @Option(name: [.customShort("s"), .long], help: ArgumentHelp("The signers that count.", valueName: "signers.json"))
    var signers: String?

    @Flag(help: "Check digests and links alone: whoever changed all of them is not found out.")
    var hashesOnly = false

    @Flag(help: "Put records that claim their hashes into the order of their links first, all in memory.")
    var unordered = false

    @Option(help: ArgumentHelp("The digest that the chain ends with. Repeat for each actor's.", valueName: "HEX"))
    var expectHead: [HexBytes] = []

    @Option(help: ArgumentHelp("How many events there are.", valueName: "N"))
    var expectCount: Int?

    @Option(help: ArgumentHelp("The digest that the first event follows, of a chain that was cut.", valueName: "HEX"))
    var after: HexBytes?

    @Flag(
        help: "Believe a signer only if the registry holds an attestation of the expected enclave that names its key."
    )
    var requireAttested = false

    @OptionGroup(title: "The enclave that is expected") var expected: ExpectedEnclaveOptions

    @Flag(help: "Print JSON (docs/reference/audit-verify-output.schema.json).")
    var json = false

    @Argument(help: ArgumentHelp("Records; - for standard input.", valueName: "FILE"))
    var files: [String] = []

    func validate() throws {
        guard hashesOnly != (signers != nil) else {
            throw ValidationError("name the signers that count with --signers, or say --hashes-only")
        }
        if requireAttested, hashesOnly { throw ValidationError("--require-attested is about signers") }
    }

    func run() async throws {
        let registry = try signers.map { path throws(CommandFailure) in try RegistryFile.read(path) }
        let attested = try requireAttested ? registry.map { try SignerAttestationJudge(expected).check($0) } : nil
        attested?.refusals.forEach { Console.error("\(Console.printable($0.id)): \($0.reason)") }
        let judge = RecordJudge(profile: profile, registry: registry, attested: attested.map { Set($0.origins.keys) })
        let report = try await ChainRun(judge: judge, expectation: try expectation()).run(try source())
        if json { Console.json(report.json) } else { Self.show(report) }
        guard report.isAccepted else { throw CommandFailure.reported }
    }

    private func expectation() throws(CommandFailure) -> ChainVerification.Expectation {
        func digest(_ hex: HexBytes, _ name: String) throws(CommandFailure) -> Digest256 {
            guard let digest = Digest256(hex.bytes) else { throw .usage("\(name): a SHA-256 digest has 64 hex digits") }
            return digest
        }
        var expectation = ChainVerification.Expectation()
        for head in expectHead { expectation.heads.insert(try digest(head, "--expect-head")) }
        expectation.count = expectCount
        if let after { expectation.start = try digest(after, "--after") }
        return expectation
    }

    private func source() throws(CommandFailure) -> EventSource {
        guard unordered else { return EventSource(files) }
        var source = EventSource(files)
        var records: [AuditRecord] = []
        do {
            while let bytes = try source.next() {
                guard records.count < AuditLimits.sortedEvents else { throw AuditTrailError.tooManyEvents }
                records.append(try AuditRecord(bytes, source: "event \(records.count + 1)"))
            }
            return EventSource(sorted: try records.sortedByLinks())
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw .failed("\(error)")
        }
    }

    private static func show(_ report: ChainReport) {
        let verdict = report.isAccepted ? Console.styled("accepted", .green) : Console.styled("rejected", .red)
        Console.line("\(verdict): \(report.events) events, profile \(report.profile.rawValue)")
        for head in report.heads.prefix(20) {
            let name = head.actor.isEmpty ? "head" : "head of \(Console.printable(head.actor))"
            Console.line("\(name): \(head.digest?.hex ?? "none") after \(head.count) events")
        }
        Console.line("signatures: " + (report.signatures.map { "\($0) valid" } ?? "unchecked"))
        for (signer, count) in report.signers.sorted(by: { $0.key < $1.key }) {
            Console.line("signer \(Console.printable(signer)): \(count)")
        }
        Console.line("end: " + (report.isEndChecked ? "checked" : "unchecked (--expect-head, --expect-count)"))
        if !report.uncovered.isEmpty {
            Console.line("not covered by signatures: " + report.uncovered.map(\.rawValue).joined(separator: ", "))
        }
        for finding in report.findings {
            let event = finding.event.map { "event \($0)" } ?? "the chain"
            let id = finding.id.map { " (\(Console.printable($0, limit: 64)))" } ?? ""
            let detail = finding.detail.map { ": \(Console.printable($0))" } ?? ""
            Console.line("\(event)\(id): \(finding.code.rawValue): \(finding.code.explanation)\(detail)")
        }
        if report.findingCount > report.findings.count {
            Console.line("and \(report.findingCount - report.findings.count) more")
        }
        if report.events > 0, report.signatures == 0 {
            Console.line("no signature is right: were they signed under \(report.profile.rawValue)?")
        }
    }
}
