// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Encoding
import Foundation
import Keyring

struct KeyringCreateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create",
        abstract: "Make a keyring on this trusted machine and seal it.",
        discussion: """
            Takes a data key from KMS as the TSK, makes or imports the keys of the specification
            (docs/reference/keyring-specification.schema.json), seals them, and writes three things: the broker's
            configuration, which commits to the TSK; the sealed keyring, for the host's state folder; the access keys of
            its principals, for their owners. It prints the commitment and the public keys. No secret is printed.

            TLS ends inside the enclave, under a certificate for every --host. They are private names and addresses only:
            clients are told to trust that certificate for whatever it names (keybroker trust).

            Then bind the KMS key's policy to PCR0 and PCR16: keybroker image measure --config CONFIGURATION.

              keybroker keyring create --spec keyring.json --kms-key arn:aws:kms:us-east-1:111122223333:key/… \\
                --broker-id audit --host broker.internal:4600 \\
                --configuration enclave.json --state state --credentials credentials

            A data key that exists serves as well, and then no KMS is asked. Either as aws kms generate-data-key printed
            it (data-key.json names the KMS key too), or wrapped in a file with its plaintext on standard input:

              keybroker keyring create --data-key data-key.json --spec keyring.json --broker-id audit …
              decrypt-it | keybroker keyring create --ciphertext-blob wrapped.bin --encryption-context app=audit \\
                --kms-key arn:aws:kms:… --spec keyring.json --broker-id audit …

            Whoever has that plaintext opens the keyring: destroy what is left of it. That it belongs to the ciphertext
            shows when the enclave unlocks.
            """
    )

    @Option(help: ArgumentHelp("The keyring specification.", valueName: "FILE"))
    var spec: String

    @Option(
        help: ArgumentHelp(
            "Full ARN of the KMS key that wraps the TSK. [default: the KeyId in the JSON of the data key]",
            valueName: "ARN"
        )
    )
    var kmsKey: String?

    @OptionGroup(title: "A data key that exists") var dataKey: DataKeyOptions

    @Option(help: ArgumentHelp("The broker's id: 1 to 64 characters of A-Z a-z 0-9 . _ -", valueName: "ID"))
    var brokerId: String

    @Option(
        name: .customLong("host"),
        help: ArgumentHelp(
            "A name that clients use for the broker, with or without a port. May be repeated. [default: localhost, 127.0.0.1]",
            valueName: "NAME"
        )
    )
    var hosts: [String] = []

    @Flag(
        help: """
            No TLS: the host reads and forges what clients send and get. For development; every attestation shows it.
            """
    )
    var plainHttp = false

    @Option(help: ArgumentHelp("Where to write the broker configuration.", valueName: "FILE"))
    var configuration: String

    @Option(help: ArgumentHelp("The host's state folder: gets keyring-1.cose.", valueName: "FOLDER"))
    var state: String

    @Option(
        help: ArgumentHelp(
            "Where to write the principals' access keys, as an AWS shared credentials file.",
            valueName: "FILE"
        )
    )
    var credentials: String

    @OptionGroup var kms: KMSOptions

    @Flag(help: "Print JSON (docs/reference/keyring-show.schema.json).")
    var json = false

    func run() async throws {
        let sealedFile = "\(state)/keyring-1.cose"
        for file in [configuration, sealedFile, credentials] where FileManager.default.fileExists(atPath: file) {
            throw CommandFailure.usage("\(file) exists: a new keyring replaces nothing, move it away first")
        }
        if plainHttp {
            Console.error("keybroker: warning: --plain-http: whoever runs the host reads and forges all answers")
        }
        let specification: KeyringSpecification
        do {
            specification = try KeyringSpecification(json: try InputFile.read(spec))
        } catch let error as JSONFieldError {
            throw CommandFailure.usage("\(spec): \(error)")
        }
        let existing = try dataKey.existing()
        let keyARN = try kmsKeyARN(existing)
        let request = OfflineKeyring.Request(
            specification: specification,
            importDirectory: URL(fileURLWithPath: spec).deletingLastPathComponent().path,
            brokerID: brokerId,
            kmsKeyARN: keyARN,
            hosts: hosts.isEmpty ? ["localhost", "127.0.0.1"] : hosts,
            tls: !plainHttp
        )
        let result: OfflineKeyring.Result
        if let existing {
            result = try OfflineKeyring.create(request, with: existing, now: SystemClock.now())
        } else {
            result = try await OfflineKeyring.create(
                request,
                kms: try kms.client(forKey: keyARN),
                now: SystemClock.now()
            )
        }

        try makeStateFolder()
        try InputFile.write(
            Array(CredentialsFile.text(of: result.contents, specification: specification).utf8),
            to: credentials,
            permissions: 0o600
        )
        try InputFile.write(result.sealed.bytes, to: sealedFile, permissions: 0o600)
        try InputFile.write(result.configuration, to: configuration)
        report(result)
    }

    /// What the user names and what the data key says must be one key.
    private func kmsKeyARN(_ existing: ExistingDataKey?) throws(CommandFailure) -> String {
        let said = existing?.keyARN
        guard let arn = kmsKey ?? said else {
            throw .usage("--kms-key is missing: the full ARN of the KMS key that wraps the TSK")
        }
        guard said == nil || said == arn else {
            throw .usage("--kms-key and the KeyId of the data key differ: \(Console.printable(said ?? ""))")
        }
        return arn
    }

    private func makeStateFolder() throws(CommandFailure) {
        do {
            try FileManager.default.createDirectory(
                atPath: state,
                withIntermediateDirectories: true,
                attributes: [.posixPermissions: 0o700]
            )
        } catch {
            throw .usage("\(state): cannot be made: \(error.localizedDescription)")
        }
    }

    private func report(_ result: OfflineKeyring.Result) {
        let view = KeyringPublicView(result.sealed, contents: result.contents)
        let pcr16 = ExpectedIdentity.pcr16(configuration: result.configuration)
        if json {
            var object = view.json.object ?? JSONObject()
            object["commitment"] = .string(Hex.encode(result.commitment))
            object["pcr16"] = .string(Hex.encode(pcr16))
            Console.json(.object(object))
        } else {
            KeyringReport.print(view.json)
            Console.line("commitment  \(Hex.encode(result.commitment))")
            Console.line("PCR16       \(Hex.encode(pcr16))")
            Console.line()
            Console.line("wrote \(configuration), \(state)/keyring-1.cose and \(credentials) (keep the last secret)")
            if let file = dataKey.dataKey, file != "-" {
                Console.line("\(file) holds the TSK in clear: destroy it once the enclave has unlocked")
            }
        }
    }
}
