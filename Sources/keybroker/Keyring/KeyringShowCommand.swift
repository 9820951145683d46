// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import BrokerProtocol
import Cryptography
import Encoding
import Keyring

struct KeyringShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show",
        abstract: "Print what is public in a sealed keyring.",
        discussion: """
            Without the TSK that is what the protected header claims. With --configuration the TSK is asked of KMS, where
            the key policy lets you (it does not, once it is bound to the enclave), and everything public is printed as
            it was sealed: keys, public keys, policies, principals.

              keybroker keyring show state/keyring-1.cose
            """
    )

    @Argument(help: ArgumentHelp("A sealed keyring.", valueName: "FILE"))
    var file: String

    @Option(help: ArgumentHelp("The broker configuration: open the keyring with KMS's help.", valueName: "FILE"))
    var configuration: String?

    @OptionGroup var kms: KMSOptions

    @Flag(help: "Print JSON (docs/reference/keyring-show.schema.json).")
    var json = false

    func run() async throws {
        let keyring: UnopenedKeyring
        do {
            keyring = try UnopenedKeyring(parsing: try InputFile.read(file))
        } catch let error as KeyringError {
            throw CommandFailure.usage("\(file): not a sealed keyring: \(error)")
        }
        let view: KeyringPublicView
        if let configuration {
            view = try await opened(keyring, configuration)
        } else {
            view = KeyringPublicView(keyring)
        }
        if json {
            Console.json(view.json)
        } else {
            KeyringReport.print(view.json)
            if configuration == nil {
                Console.line("(claims of the protected header; nothing vouches for them without the TSK)")
            }
        }
    }

    private func opened(_ keyring: UnopenedKeyring, _ path: String) async throws -> KeyringPublicView {
        let configuration: BrokerConfiguration
        do {
            configuration = try BrokerConfiguration(json: try InputFile.read(path))
        } catch let error as JSONFieldError {
            throw CommandFailure.usage("\(path): \(error)")
        }
        let dataKey = try await DataKey.unwrap(
            configuration.tsk.ciphertext,
            under: configuration.kms.keyARN,
            context: configuration.tsk.encryptionContext,
            kms: try kms.client(forKey: configuration.kms.keyARN)
        )
        do {
            let tsk = try TrustedSessionKey(try dataKey.plaintext.bytes.copy())
            let keys = try tsk.keys(
                keyringID: configuration.keyringID,
                kmsKeyARN: configuration.kms.keyARN
            )
            return KeyringPublicView(try keyring.open(keyringID: configuration.keyringID, keys: keys))
        } catch {
            throw CommandFailure.failed("\(file): does not open: \(error)")
        }
    }
}
