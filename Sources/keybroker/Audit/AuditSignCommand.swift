// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AuditTrail
import Encoding
import Foundation

struct AuditSignCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sign",
        abstract: "Sign audit events with a key of the broker, as a chain.",
        discussion: """
            Events are objects with payload, event_type, and where the profile has them actor_id, id, created_at; --payloads
            takes payloads alone. Records come out as JSON lines, in the shape that the profile's system reads.

            --append goes on with a chain in a file, after checking the digests and links of its last events (4 MiB of them,
            however long it is) and the last signature, and keeps others from appending at the same time, so that it cannot
            fork. What is signed is on the disk batch by batch; after a crash --repair takes an incomplete record away. Events
            of a pipe are signed as they come.

            The broker signs: no local key is ever used, and nothing unsigned is written.
            $AUDIT_SIGNING_KMS_KEY_ID, $AUDIT_SIGNER_KID and $AUDIT_SIGNING_ALG stand for the flags; a private key in
            $AUDIT_SIGNING_PRIVATE_KEY is not looked at, whatever $REQUIRE_KMS says.

              keybroker audit sign --profile illuvrse-a --key alias/audit --append chain.jsonl events.jsonl
              echo '{"amount": 12}' | keybroker audit sign --profile jcs --key alias/audit --payloads --type payment
            """
    )

    @OptionGroup(title: "The broker") var broker: SigningBrokerOptions

    @Option(help: "What is hashed and signed.") var profile: ChainProfile

    @Option(
        help: ArgumentHelp("The signing key: id, ARN or alias. [default: $AUDIT_SIGNING_KMS_KEY_ID]", valueName: "KEY")
    )
    var key: String?

    @Option(
        help: ArgumentHelp(
            "The signer's id in records and registries. [default: $AUDIT_SIGNER_KID, or the key's ARN]",
            valueName: "ID"
        )
    )
    var kid: String?

    @Option(
        help: ArgumentHelp(
            "rsa-sha256, rsa-pss-sha256, ecdsa-sha256, ed25519 or hmac-sha256. [default: $AUDIT_SIGNING_ALG, or what the key is for]",
            valueName: "NAME"
        )
    )
    var algorithm: String?

    @OptionGroup(title: "The chain") var chain: ChainOutputOptions

    @Flag(help: "The input is payloads, not events.")
    var payloads = false

    @Option(help: ArgumentHelp("With --payloads: who did it.", valueName: "ID"))
    var actor: String?

    @Option(help: ArgumentHelp("With --payloads: what it was.", valueName: "NAME"))
    var type: String?

    @Argument(help: ArgumentHelp("Events; - for standard input.", valueName: "FILE"))
    var files: [String] = []

    /// As many as one request of the broker signs.
    private static let batch = 500

    func validate() throws {
        if !payloads, actor != nil || type != nil { throw ValidationError("--actor and --type are for --payloads") }
    }

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        guard let name = key ?? environment["AUDIT_SIGNING_KMS_KEY_ID"], !name.isEmpty else {
            throw CommandFailure.usage(
                "no key: name one of the broker's with --key or AUDIT_SIGNING_KMS_KEY_ID. No other key is ever used"
            )
        }
        let signingKey = try await AuditSigningKey(
            name,
            named: try named(environment),
            session: try broker.session()
        )
        let signer = kid ?? environment["AUDIT_SIGNER_KID"] ?? signingKey.arn
        let target = try chain.open(profile)
        let tail = target?.tail ?? ChainTail()
        try await chain.check(tail, profile, signer: signer, signingKey)
        var writer = RecordWriter(profile, signer: signer, heads: tail.heads)
        var source = EventSource(files)
        var progress = EventProgress()
        var count = 0
        while true {
            var drafts: [RecordWriter.Draft] = []
            while drafts.count < Self.batch, drafts.isEmpty || !source.isWaiting, let bytes = try source.next() {
                drafts.append(try draft(bytes, number: count + drafts.count + 1, &writer))
            }
            if drafts.isEmpty { break }
            let signatures = try await signingKey.sign(digests: drafts.map(\.digest))
            var lines: [UInt8] = []
            for (draft, signature) in zip(drafts, signatures) {
                lines += JSON.object(draft.signed(signature)).serialized() + [UInt8(ascii: "\n")]
            }
            if let file = target?.file { try file.append(lines) } else { Console.write(bytes: lines) }
            count += drafts.count
            progress.update(count)
        }
        Progress.clear()
        if target != nil {
            Console.error("\(count) event\(count == 1 ? "" : "s") signed as \(Console.printable(signer))")
        }
        if !tail.isWhole {
            Console.error("of the chain before, the last \(tail.count) events were checked: audit verify checks all")
        }
    }

    private func named(_ environment: [String: String]) throws(CommandFailure) -> SignerAlgorithm? {
        guard let name = algorithm ?? environment["AUDIT_SIGNING_ALG"], !name.isEmpty else { return nil }
        guard let algorithm = SignerAlgorithm(name: name) else {
            throw .usage("\(name): must be one of " + SignerAlgorithm.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return algorithm
    }

    private func draft(_ bytes: [UInt8], number: Int, _ writer: inout RecordWriter)
        throws(CommandFailure) -> RecordWriter.Draft
    {
        do {
            let event: AuditRecord
            if payloads {
                var object = JSONObject([("payload", try JSON.parse(bytes, limits: AuditLimits.json))])
                object["actor_id"] = actor.map { .string($0) }
                object["event_type"] = type.map { .string($0) }
                event = try AuditRecord(.object(object), source: "event \(number)")
            } else {
                event = try AuditRecord(bytes, source: "event \(number)")
            }
            guard event.signature == nil, event.hash == nil, event.previous == nil else {
                throw CommandFailure.failed(
                    "event \(number): is a record already: it has a hash, predecessor or signature"
                )
            }
            return try writer.next(event, id: UUID().uuidString.lowercased(), now: SystemClock.now())
        } catch let failure as CommandFailure {
            throw failure
        } catch let error as JSONError {
            throw .failed("event \(number): \(error.code.rawValue) at its byte \(error.offset)")
        } catch AuditTrailError.invalidRecord(let source, let field) where field.path == "payload" && !payloads {
            throw .failed("\(source): \(field): an event is an object with a payload; --payloads takes payloads alone")
        } catch {
            throw .failed("\(error)")
        }
    }
}
