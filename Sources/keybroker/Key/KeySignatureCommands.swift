// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Encoding
import KMSProtocol

struct KeySignCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sign",
        abstract: "Sign a message, or make its MAC.",
        discussion: """
            Prints base64, or writes raw bytes with --output. A message of more than 4096 bytes is hashed here and sent as a
            digest, where the algorithm can do that.

              keybroker key sign alias/audit --message event.json -o event.sig
              keybroker key sign alias/audit --digest $(sha256sum event.json | cut -d' ' -f1)
            """
    )

    @OptionGroup var options: KeyOptions
    @OptionGroup var message: MessageOptions

    @Option(name: [.customShort("o"), .long], help: ArgumentHelp("Write the raw bytes to a file.", valueName: "FILE"))
    var output: String?

    func run() async throws {
        let session = BrokerSession(options.broker)
        let job = try await message.job(options.key, session)
        let answer = try await session.kms(job.isMAC ? "GenerateMac" : "Sign", job.input)
        guard let signature = answer.blob(job.isMAC ? "Mac" : "Signature") else {
            throw BrokerFailure.malformed(session.url)
        }
        if let output { try InputFile.write(signature, to: output) }
        if options.json {
            Console.json(.object(answer))
        } else if output == nil {
            Console.line(Base64.encode(signature))
        }
    }
}

struct KeyVerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Ask the broker whether a signature or MAC is right.",
        discussion: """
            Exit status 0 if it is valid, 1 if not. Over plain HTTP the answer proves nothing: there, verify with the
            public key of an attestation and openssl.

              keybroker key verify alias/audit --message event.json --signature event.sig
            """
    )

    @OptionGroup var options: KeyOptions
    @OptionGroup var message: MessageOptions

    @Option(help: ArgumentHelp("The signature or MAC: raw, base64 or hex.", valueName: "FILE"))
    var signature: String

    func run() async throws {
        let bytes = try InputFile.decode(try InputFile.read(signature), named: signature)
        let session = BrokerSession(options.broker)
        let job = try await message.job(options.key, session)
        var input = job.input
        input[job.isMAC ? "Mac" : "Signature"] = .blob(bytes)
        let answer = try await session.kms(
            job.isMAC ? "VerifyMac" : "Verify",
            input,
            answeredBy: ["KMSInvalidSignatureException", "KMSInvalidMacException"]
        )
        let member = job.isMAC ? "MacValid" : "SignatureValid"
        guard case .success(let output) = answer, output[member]?.bool == true else {
            if options.json { Console.json(.object(JSONObject([(member, false)]))) } else { Console.line("invalid") }
            throw CommandFailure.reported
        }
        if options.json { Console.json(.object(output)) } else { Console.line("valid") }
    }
}

/// What is signed, and how.
struct MessageOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The message. - for standard input.", valueName: "FILE"))
    var message: String?

    @Option(help: ArgumentHelp("The message's digest instead.", valueName: "HEX"))
    var digest: HexBytes?

    @Option(help: ArgumentHelp("The algorithm. [default: the key's only one]", valueName: "NAME"))
    var algorithm: String?

    func validate() throws {
        guard (message == nil) != (digest == nil) else {
            throw ValidationError("name one of --message and --digest")
        }
    }

    /// Reads the message and chooses the algorithm.
    func job(_ key: String, _ session: BrokerSession) async throws(CommandFailure) -> SignatureJob {
        let content = try message.map { path throws(CommandFailure) in try InputFile.read(path) }
        let name: String
        if let algorithm { name = algorithm } else { name = try await onlyAlgorithm(of: key, session) }
        return try SignatureJob(key: key, algorithm: name, message: content, digest: digest?.bytes)
    }

    private func onlyAlgorithm(of key: String, _ session: BrokerSession) async throws(CommandFailure) -> String {
        let metadata = try await KeyDescription.of(key, session).metadata
        let names = (metadata["SigningAlgorithms"] ?? metadata["MacAlgorithms"])?.array?.compactMap(\.string) ?? []
        guard let only = names.first, names.count == 1 else {
            throw .usage(
                names.isEmpty
                    ? "\(key) does not sign" : "--algorithm is missing: one of \(names.joined(separator: ", "))"
            )
        }
        return only
    }
}
