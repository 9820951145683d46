// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AuditTrail
import Cryptography
import Encoding

struct AuditCanonicalizeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "canonicalize",
        abstract: "Print the canonical form of JSON.",
        discussion: """
            Each value of the input as a whole, in the profile's form, one a line. Without the line's end the bytes are those
            that are hashed.

              echo '{"b":1.0,"a":"é"}' | keybroker audit canonicalize --profile jcs
            """
    )

    @Option(help: "What form. dossier has none.") var profile: AuditProfile

    @Argument(help: ArgumentHelp("JSON; - for standard input.", valueName: "FILE"))
    var files: [String] = []

    func run() throws {
        guard let form = profile.form else {
            throw CommandFailure.usage("\(profile.rawValue) hashes text, and has no canonical JSON")
        }
        var source = EventSource(files)
        var count = 0
        while let bytes = try source.next() {
            count += 1
            do {
                Console.write(bytes: try form.encode(try JSON.parse(bytes, limits: AuditLimits.json)) + [0x0A])
            } catch let error as JSONError {
                throw CommandFailure.failed("value \(count): \(error.code.rawValue) at its byte \(error.offset)")
            } catch let error as CanonicalFormError {
                throw CommandFailure.failed("value \(count): has no canonical form: \(error.rawValue)")
            }
        }
    }
}

struct AuditDigestCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "digest",
        abstract: "Print the digests of events, traces or dossiers.",
        discussion: """
            In hex, one a line. Of chain profiles the events are records, and each digest covers the predecessor that the record
            names; --payloads takes payloads alone instead and links them. Nothing is verified: see audit verify.

              keybroker audit digest --profile illuvrse-a chain.jsonl
              keybroker audit digest --profile illuvrse-go --payloads payloads.jsonl
              keybroker audit digest --profile erst-v1 trace.json
            """
    )

    @Option(help: "What is hashed.") var profile: AuditProfile

    @Flag(help: "The input is payloads, not records; for profiles whose digests cover nothing else.")
    var payloads = false

    @Argument(help: ArgumentHelp("Records, payloads, traces or dossiers; - for standard input.", valueName: "FILE"))
    var files: [String] = []

    func run() throws {
        do {
            switch profile {
            case .dossier:
                for file in files.isEmpty ? ["-"] : files {
                    Console.line(Hex.encode(try Dossier(try InputFile.read(file)).checksum))
                }
            case .erstV1, .erstV2, .erstGo, .glassbox: try document()
            case .jcs, .illuvrseA, .illuvrseB, .illuvrseC, .illuvrseGo: try chain()
            }
        } catch let error as AuditTrailError {
            throw CommandFailure.failed(error.description)
        } catch let error as JSONFieldError {
            throw CommandFailure.failed(error.description)
        }
    }

    private func document() throws {
        for file in files.isEmpty ? ["-"] : files {
            let value: JSON
            do {
                value = try JSON.parse(try InputFile.read(file), limits: AuditLimits.json)
            } catch let error as JSONError {
                throw CommandFailure.failed("\(file): \(error.code.rawValue) at byte \(error.offset)")
            }
            switch profile {
            case .erstGo: Console.line(Hex.encode(try ERSTGoLog.digest(try ERSTGoLog.payload(value))))
            default: Console.line(try ERSTBundle.hash(value, ERSTBundle.Version(rawValue: profile.rawValue) ?? .v1))
            }
        }
    }

    private func chain() throws {
        guard let profile = profile.chain else { return }
        guard !payloads || profile.covered == [.payload, .previous] else {
            throw CommandFailure.usage("\(profile.rawValue) covers more than payloads: give whole records")
        }
        var source = EventSource(files)
        var previous: Digest256?
        var count = 0
        while let bytes = try source.next() {
            count += 1
            let name = "event \(count)"
            let record: AuditRecord
            if payloads {
                let payload: JSON
                do {
                    payload = try JSON.parse(bytes, limits: AuditLimits.json)
                } catch {
                    throw AuditTrailError.malformed(source: name, error)
                }
                var object = JSONObject([("payload", payload)])
                object["prev_hash"] = previous.map { .string($0.hex) }
                record = try AuditRecord(.object(object), source: name)
            } else {
                record = try AuditRecord(bytes, source: name)
            }
            let digest = try profile.digest(of: record)
            previous = digest
            Console.line(digest.hex)
        }
    }
}
