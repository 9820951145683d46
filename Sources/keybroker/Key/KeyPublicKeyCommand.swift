// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Cryptography
import Encoding
import KMSProtocol

struct KeyPublicKeyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "public-key",
        abstract: "Print a key's public key.",
        discussion: """
            What a broker answers is not signed: before a public key goes into a registry, or is relied on at all, it must
            be named by an attestation. Say which enclave you expect, and this command fetches one that names the key,
            verifies it, and compares (keybroker attest --key keeps the document as evidence):

              keybroker key public-key alias/audit --pcr 0=3f1c… --pcr 16=9a07… -o audit.pem
              keybroker key public-key alias/audit --binary keybroker-enclave --config enclave.json --root module/root.pem
            """
    )

    @OptionGroup var options: KeyOptions
    @OptionGroup(title: "The enclave that is expected") var expected: ExpectedEnclaveOptions

    @Option(name: [.customShort("o"), .long], help: ArgumentHelp("Write it to a file.", valueName: "FILE"))
    var output: String?

    @Flag(help: "DER (SubjectPublicKeyInfo) instead of PEM; with --output.")
    var der = false

    func validate() throws {
        if der, output == nil { throw ValidationError("--der is binary: name a file with --output") }
    }

    func run() async throws {
        let session = BrokerSession(options.broker)
        let answer = try await session.kms("GetPublicKey", JSONObject([("KeyId", .string(options.key))]))
        guard let spki = answer.blob("PublicKey"), let publicKey = try? PublicKey(spki: spki),
            let keyID = answer["KeyId"]?.string
        else { throw BrokerFailure.malformed(session.url) }
        let digest = Hash.digest(.sha256, spki)
        let origin = expected.isGiven ? try await attestedOrigin(keyID, spki) : nil

        if let output { try InputFile.write(der ? spki : Array(publicKey.pem.utf8), to: output) }
        if options.json {
            var object = answer
            object["Pem"] = .string(publicKey.pem)
            object["Sha256"] = .string(Hex.encode(digest))
            object["Attested"] = .bool(origin != nil)
            object["AttestedOrigin"] = origin.map { .string($0) }
            Console.json(.object(object))
        } else if output == nil {
            Console.write(publicKey.pem)
        }
        if let origin {
            Console.error("attested: the enclave names this key (\(origin))")
        } else {
            Console.error(
                """
                not attested: whoever carries the answer could have put another key here. For a registry take it from an
                attestation: add --pcr 0=… --pcr 16=… (or --binary and --config), or keybroker attest --key \(options.key)
                """
            )
        }
    }

    /// Fails unless a fresh document of the expected enclave names this very key.
    private func attestedOrigin(_ keyID: String, _ spki: [UInt8]) async throws -> String {
        let enclave = try await AttestedEnclave.fetch(
            from: options.broker.url,
            keyID: keyID,
            policy: try expected.policy(),
            transport: options.broker.transport()
        )
        guard let origin = enclave.origin(ofKey: spki) else {
            throw CommandFailure.failed(
                "the endpoint's public key is not the one that the enclave attests: the answer was changed on its way"
            )
        }
        return origin.text
    }
}
