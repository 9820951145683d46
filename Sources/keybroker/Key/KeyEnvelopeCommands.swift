// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import BrokerProtocol
import Encoding
import Foundation
import KMSProtocol

struct KeyEncryptCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "encrypt",
        abstract: "Encrypt a payload under a key of the broker.",
        discussion: """
            AES-256-GCM under a fresh nonce, by KeyBroker.Encrypt and over TLS that ends in the enclave alone. KEY is of
            KeySpec SYMMETRIC_DEFAULT. What --bind names must be named again to decrypt.

              keybroker key encrypt alias/workflow --bind order-17/step-2 --payload input.json -o input.sealed
              make-it | keybroker key encrypt alias/workflow > sealed
            """
    )

    @OptionGroup var options: KeyOptions
    @OptionGroup var envelope: EnvelopeOptions

    @Option(help: ArgumentHelp("The payload: at most 122880 bytes. [default: standard input]", valueName: "FILE"))
    var payload = "-"

    @Option(name: [.customShort("o"), .long], help: ArgumentHelp("Write the envelope to a file.", valueName: "FILE"))
    var output: String?

    func run() async throws {
        let session = try envelope.session(options.broker)
        let limit = EnvelopeLimits.payload.upperBound
        let bytes = try SecretInput.read(payload, limit: limit)
        var input = envelope.members(options.key)
        input["Plaintext"] = .blob(bytes)
        let answer = try await session.call(.encrypt, input)
        guard let sealed = answer["Envelope"], SealedEnvelope(sealed, as: envelope.format) != nil else {
            throw BrokerFailure.malformed(session.url)
        }
        let text = sealed.string ?? String(decoding: sealed.serialized(), as: UTF8.self)
        if let output { try InputFile.write(Array(text.utf8) + [UInt8(ascii: "\n")], to: output) }
        if options.json {
            Console.json(.object(answer))
        } else if output == nil {
            Console.line(text)
        }
    }
}

struct KeyDecryptCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "decrypt",
        abstract: "Decrypt what was encrypted under a key of the broker.",
        discussion: """
            By KeyBroker.Decrypt, over TLS that ends in the enclave alone. The form of the envelope is not guessed: --format
            names it. A file of --output is for its user only. Exit status 1, and nothing written, if the envelope does not
            open: another key, something else bound to it, or changed.

              keybroker key decrypt alias/workflow --bind order-17/step-2 --envelope input.sealed -o input.json
              keybroker key decrypt alias/workflow --format hex < envelope.hex
            """
    )

    @OptionGroup var options: KeyOptions
    @OptionGroup var envelope: EnvelopeOptions

    @Option(
        name: .customLong("envelope"),
        help: ArgumentHelp("The envelope, as text. [default: standard input]", valueName: "FILE")
    )
    var path = "-"

    @Option(name: [.customShort("o"), .long], help: ArgumentHelp("Write the payload to a file.", valueName: "FILE"))
    var output: String?

    func run() async throws {
        let session = try envelope.session(options.broker)
        var input = envelope.members(options.key)
        input["Envelope"] = try envelope.read(path)
        let answer = try await session.call(.decrypt, input)
        guard let plaintext = answer.blob("Plaintext") else { throw BrokerFailure.malformed(session.url) }
        if let output { try InputFile.write(plaintext, to: output, permissions: 0o600) }
        if options.json {
            Console.json(.object(answer))
        } else if output == nil {
            Console.write(bytes: plaintext)
        }
    }
}

/// What both take.
struct EnvelopeOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The envelope's form: base64 or hex of nonce, ciphertext and tag, or a JSON object with ciphertext and nonce.",
            valueName: EnvelopeFormat.allCases.map(\.rawValue).joined(separator: "|")
        )
    )
    var format = EnvelopeFormat.base64

    @Option(
        help: ArgumentHelp(
            "Text that the envelope is bound to, workflow and step for instance. No secret.",
            valueName: "TEXT"
        )
    )
    var bind: String?

    func validate() throws {
        guard EnvelopeLimits.additionalData.contains(bind?.utf8.count ?? 0) else {
            throw ValidationError("--bind: at most \(EnvelopeLimits.additionalData.upperBound) bytes")
        }
    }

    /// Nothing is sent where others could read it.
    func session(_ broker: BrokerOptions) throws(CommandFailure) -> BrokerSession {
        let session = BrokerSession(broker)
        guard session.url.lowercased().hasPrefix("https://") else {
            throw .usage(
                "\(session.url) is no https: payloads go over TLS that ends in the enclave alone (keybroker trust)"
            )
        }
        return session
    }

    func members(_ key: String) -> JSONObject {
        var members = JSONObject([("KeyId", .string(key)), ("Format", .string(format.rawValue))])
        if let bind { members["AdditionalData"] = .blob(Array(bind.utf8)) }
        return members
    }

    /// White space around it is the file's.
    func read(_ path: String) throws(CommandFailure) -> JSON {
        let name = path == "-" ? "standard input" : path
        let bytes = try InputFile.read(path, limit: KMSLimits.requestBody)
        let text = String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        let value = format == .object ? try? JSON.parse(bytes) : .string(text)
        guard let value, SealedEnvelope(value, as: format) != nil else {
            throw .usage("\(name): is no envelope in the form \(format.rawValue): --format says which it is in")
        }
        return value
    }
}

extension EnvelopeFormat: ExpressibleByArgument {}
