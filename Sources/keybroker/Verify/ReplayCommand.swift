// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Encoding
import Foundation
import NitroAttestation
import SoftwareModule

struct ReplayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Verify a folder of attestation documents, or go through recorded unlocks again, offline.",
        discussion: """
            FOLDER is one of these:

            - Documents: every file with the extension .cbor, .bin, .b64, .base64 or .hex under the folder is verified at
              its own time.
            - A recorded unlock: a folder with recording.json, as `keybroker-enclave --record DIR` writes them. The
              enclave's own code boots again on what was recorded, without module, host or KMS, and must end as it did:
              unlocked with the same keyring, or with the same code of failure. Prints every exchange.
            - A folder of recorded unlocks, alone or among documents: each must end as it did.
            - A folder with a manifest.json of the form of attestation-fixtures/: each document is judged as its entry
              says (root, time, demands), each recording goes through, and the results are compared with the expected.

              keybroker replay captured/ --allow-debug
              keybroker replay recorded/boot-0a1b2c3d-0001
              keybroker replay attestation-fixtures

            A replay verifies no signature of the document in a recording: the enclave does not either. To judge it:

              jq -r .Recipient.AttestationDocument RECORDING/kms-request.json |
                keybroker verify - --root MODULE-DIR/root.pem --at document

            A RECORDING CONTAINS ITS UNLOCK KEY: whoever has one can open the TSK and every key in it.

            Exit status 0 when every document is accepted or, with a manifest, has the expected verdict, and every
            recording ends as it did.
            """
    )

    @Argument(help: ArgumentHelp("A folder of documents or of recorded unlocks, or one of these.", valueName: "FOLDER"))
    var folder: String

    @OptionGroup var root: RootOptions

    @Flag(help: "Accept enclaves in debug mode (PCR0 to PCR2 are zero).")
    var allowDebug = false

    @Flag(help: "Print JSON (docs/reference/replay-output.schema.json).")
    var json = false

    func run() async throws {
        let folder = URL(fileURLWithPath: self.folder, isDirectory: true)
        var cases: [ReplayCase] = []
        var recordings: [RecordingCase] = []
        if RecordingCase.isRecording(folder) {
            recordings = [try RecordingCase(folder: folder, name: folder.lastPathComponent)]
        } else if FileManager.default.fileExists(atPath: folder.appendingPathComponent("manifest.json").path) {
            let manifest = try FixtureManifest(folder: folder)
            (cases, recordings) = (manifest.cases, manifest.recordings)
        } else {
            (cases, recordings) = try contents(of: folder)
        }
        guard !cases.isEmpty || !recordings.isEmpty else {
            throw CommandFailure.usage("\(self.folder): no documents and no recordings in it")
        }

        // Documents of one enclave have their certificates in common, for hours.
        let cache = VerifiedChainCache()
        let results = cases.map { $0.run(cache: cache) }
        var recorded: [RecordingResult] = []
        for entry in recordings { recorded.append(await entry.run()) }
        if json {
            Console.json(
                .object(
                    JSONObject([
                        ("results", .array(results.map(\.json))), ("recordings", .array(recorded.map(\.json))),
                    ])
                )
            )
        } else {
            if !results.isEmpty { printTable(results) }
            if recordings.count == 1, cases.isEmpty, let only = recorded.first {
                for line in only.lines { Console.line(line) }
                Console.line(
                    only.isAsExpected
                        ? Console.styled("as recorded", .green) : Console.styled(only.verdictText, .red)
                )
            } else if !recorded.isEmpty {
                printTable(recorded, isFirst: results.isEmpty)
            }
        }
        if results.contains(where: { !$0.isAsExpected }) || recorded.contains(where: { !$0.isAsExpected }) {
            throw CommandFailure.reported
        }
    }

    /// Without a manifest: every document, and every recording, whose files are no documents of the folder's.
    private func contents(of folder: URL) throws -> ([ReplayCase], [RecordingCase]) {
        var policy = VerificationPolicy(roots: try root.anchors())
        policy.allowsDebugMode = allowDebug
        let extensions: Set<String> = ["cbor", "bin", "b64", "base64", "hex"]
        guard let entries = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil) else {
            throw CommandFailure.usage("\(self.folder): cannot be read")
        }
        func name(_ file: URL) -> String {
            file.path.hasPrefix(folder.path + "/")
                ? String(file.path.dropFirst(folder.path.count + 1)) : file.lastPathComponent
        }
        let files = entries.compactMap { $0 as? URL }.sorted { $0.path < $1.path }
        let recordings = files.filter { $0.lastPathComponent == UnlockRecording.manifestName }
            .map { $0.deletingLastPathComponent() }
        let recordingPaths = Set(recordings.map(\.path))
        let documents =
            try files
            .filter { extensions.contains($0.pathExtension.lowercased()) }
            .filter { !recordingPaths.contains($0.deletingLastPathComponent().path) }
            .map { file in
                let bytes = try InputFile.decode(try InputFile.read(file.path), named: name(file))
                return ReplayCase(
                    name: name(file),
                    document: bytes,
                    policy: policy,
                    time: nil,
                    expected: .accepted
                )
            }
        return (documents, try recordings.map { try RecordingCase(folder: $0, name: name($0)) })
    }

    private func printTable(_ results: [RecordingResult], isFirst: Bool) {
        var table = Table(["RECORDING", "KEYRING", "RESULT"])
        for result in results {
            table.add([
                Console.printable(result.entry.name),
                result.report.outcome.keyring.map { "\(Console.printable($0.id)) version \($0.version)" } ?? "-",
                result.verdictText,
            ])
        }
        if !isFirst { Console.line() }
        for line in table.lines { Console.line(line) }
        let bad = results.count { !$0.isAsExpected }
        let summary = "\(results.count) recordings, \(results.count - bad) as expected, \(bad) not"
        Console.line(Console.styled(summary, bad == 0 ? .green : .red))
    }

    private func printTable(_ results: [ReplayResult]) {
        var table = Table(["DOCUMENT", "TIME", "MODE", "PCR0", "VERDICT"])
        for result in results {
            let claims = result.claims
            table.add([
                Console.printable(result.name),
                claims?.timestamp.rfc3339 ?? "-",
                claims.map { $0.isDebugMode ? "debug" : "production" } ?? "-",
                claims?.pcrs[0].map { String(Hex.encode($0).prefix(12)) } ?? "-",
                result.verdictText,
            ])
        }
        for line in table.lines { Console.line(line) }
        let bad = results.count { !$0.isAsExpected }
        let summary = "\(results.count) documents, \(results.count - bad) as expected, \(bad) not"
        Console.line(Console.styled(summary, bad == 0 ? .green : .red))
    }
}
