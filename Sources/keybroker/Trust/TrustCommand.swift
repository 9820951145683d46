// SPDX-License-Identifier: Apache-2.0

import AWSClient
import ArgumentParser
import BrokerProtocol
import Cryptography
import Encoding
import Foundation
import Keyring

struct TrustCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "trust",
        abstract: "Check an enclave, and let AWS SDKs talk to it by TLS that ends inside.",
        discussion: """
            Connects, has the enclave attest its TLS key over that very connection, and verifies all of it: the document,
            PCR0 and PCR16, that the connection ends at the attested key, that its certificate names private names alone
            and can vouch for nothing else, and that the keyring is not older than, and no fork of, what was seen last.
            Then it writes the certificate as a bundle and prints the variables for an unmodified AWS SDK.

              eval "$(keybroker trust --endpoint https://broker.internal:4600 --pcr 0=3f1c… --pcr 16=9a07…)"
              keybroker trust --endpoint https://broker.internal:4600 --image broker.eif --config enclave.json
              keybroker trust --root module/root.pem --binary keybroker-enclave --config enclave.json

            AWS_CA_BUNDLE replaces the certificates that the process trusts, for its other AWS calls too: docs/TRUST.md
            says how to keep them apart. Run it again after a change of the enclave's configuration.

            Exit status 1, and nothing written, if anything of it does not hold.
            """
    )

    @Option(
        help: ArgumentHelp(
            "The broker's ingress, https. [default: $AWS_ENDPOINT_URL_KMS, or $AWS_ENDPOINT_URL]",
            valueName: "URL"
        )
    )
    var endpoint: String?

    @OptionGroup(title: "The enclave that is expected") var expected: ExpectedEnclaveOptions

    @Option(
        help: ArgumentHelp("Region that clients sign for. [default: --config's, $AWS_REGION, or us-east-1]")
    )
    var region: String?

    @Option(
        help: ArgumentHelp(
            "Where to write the certificate. [default: BROKER-ID.pem beside the state]",
            valueName: "FILE"
        )
    )
    var bundle: String?

    @Option(
        help: ArgumentHelp(
            "What was seen last. [default: $XDG_STATE_HOME/keybroker/trust/BROKER-ID.json]",
            valueName: "FILE"
        )
    )
    var state: String?

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "Public views (keyring show --json) of every version since the one last seen: they must chain.",
            valueName: "FILE"
        )
    )
    var views: [String] = []

    @Flag(help: "Print JSON (docs/reference/trust-output.schema.json).")
    var json = false

    func run() async throws {
        let environment = ProcessInfo.processInfo.environment
        guard let url = endpoint ?? environment["AWS_ENDPOINT_URL_KMS"] ?? environment["AWS_ENDPOINT_URL"] else {
            throw CommandFailure.usage("--endpoint is missing: the https URL of the broker's ingress")
        }
        let address = try EnclaveEndpoint(url)
        guard address.isTLS else {
            throw CommandFailure.usage(
                "\(Console.printable(url)): TLS begins with https://; in clear there is nothing to trust"
            )
        }
        let policy = try expected.policy()
        let region = try region ?? configuredRegion() ?? environment["AWS_REGION"] ?? "us-east-1"
        let parts = try views.map { path throws(CommandFailure) in try Self.publicParts(path) }
        do {
            let result = try await TrustedEnclave.establish(address, policy: policy, state: state, views: parts)
            try report(result, origin: address.service.origin, region: region)
        } catch let refusal as TrustRefusal {
            if json { Console.json(refusal.json) }
            throw CommandFailure.failed("not trusted: \(refusal.code.rawValue): \(refusal.detail)")
        }
    }

    private func configuredRegion() throws(CommandFailure) -> String? {
        guard let path = expected.config else { return nil }
        do {
            return try BrokerConfiguration(json: try InputFile.read(path)).region
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw .usage("\(path): \(error)")
        }
    }

    static func publicParts(_ path: String) throws(CommandFailure) -> KeyringPublicParts {
        guard let view = (try? JSON.parse(try InputFile.read(path)))?.object,
            let header = view["protectedHeader"]?.string.flatMap({ try? Base64.decode($0) }),
            let bytes = view["publicView"]?.string.flatMap({ try? Base64.decode($0) })
        else {
            throw .usage(
                "\(path): not the public view of an opened keyring: keybroker keyring show --configuration … --json"
            )
        }
        return KeyringPublicParts(protectedHeader: header, view: bytes)
    }

    private func report(_ enclave: TrustedEnclave, origin: String, region: String) throws(CommandFailure) {
        let file =
            bundle ?? URL(fileURLWithPath: enclave.state.path).deletingLastPathComponent().path
            + "/\(enclave.userData.brokerID).pem"
        let path = URL(fileURLWithPath: file).standardizedFileURL.path
        try enclave.state.write()
        try TrustState.makeFolder(of: path)
        try InputFile.write(Array(enclave.certificate.pem.utf8), to: path)
        let variables = TrustedEnvironment(url: origin, bundle: path, region: region)
        guard !json else {
            return Console.json(enclave.json(bundle: path, environment: variables))
        }
        for line in enclave.lines(bundle: path) { Console.error(line) }
        for line in variables.lines { Console.line(line) }
    }
}
