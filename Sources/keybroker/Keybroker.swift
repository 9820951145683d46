// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import BrokerProtocol

@main
struct Keybroker: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keybroker",
        abstract: "Signing keys that live only inside an attested enclave, used through the AWS KMS API.",
        discussion: """
            Start with `keybroker demo`: it runs everything on this machine, with real cryptography in every step.

            Exit status: 0 done or accepted; 1 rejected, denied or failed; 2 usage, or a file that cannot be read.
            """,
        version: "keybroker \(productVersion)",
        subcommands: [
            DemoCommand.self, VerifyCommand.self, ReplayCommand.self, StatusCommand.self, AttestCommand.self,
            TrustCommand.self, DoctorCommand.self,
            KeyCommand.self, PrincipalCommand.self, PolicyCommand.self, KeyringCommand.self, KMSCommand.self,
            AuditCommand.self, DossierCommand.self, ErstCommand.self, RotateCommand.self,
            ModuleCommand.self, ImageCommand.self, BenchCommand.self,
        ]
    )

    static func main() async {
        // A peer that closes early is an error of that write, not the end of this process.
        Console.ignoreBrokenPipes()
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch let failure as CommandFailure {
            if !failure.message.isEmpty { Console.error("keybroker: \(failure.message)") }
            Console.exit(failure.status)
        } catch {
            // Help and version arrive here too.
            let code = exitCode(for: error)
            if code.isSuccess {
                Console.write(fullMessage(for: error) + "\n")
                Console.exit(.success)
            }
            Console.error(fullMessage(for: error))
            Console.exit(code == .validationFailure ? .usage : .failure)
        }
    }
}
