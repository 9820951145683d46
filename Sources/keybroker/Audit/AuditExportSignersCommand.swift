// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AuditTrail
import Cryptography
import Encoding

struct AuditExportSignersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export-signers",
        abstract: "Write a registry of signers, from attestations alone.",
        discussion: """
            For each key a fresh attestation of the expected enclave is fetched that names it. The registry has the key, says
            that it is valid from the attestation on (so export a key before it signs), and keeps the document, so that audit verify --require-attested can check
            later which image and configuration (PCR0, PCR16) had the key, and whether it was made inside or imported.

            --merge goes on with a registry that exists, of any shape in use, and writes it in the canonical one. A signer that is
            in it with an attestation keeps both, unless its key is another one: that is refused, use another --kid.

              keybroker audit export-signers --key alias/audit --pcr 0=3f1c… --pcr 16=9a07… -o signers.json
              keybroker audit export-signers --key alias/release --kid release-2026 --binary keybroker-enclave \\
                  --config enclave.json --merge signers.json -o signers.json
            """
    )

    @OptionGroup(title: "The broker") var broker: BrokerOptions
    @OptionGroup(title: "The enclave that is expected") var expected: ExpectedEnclaveOptions

    @Option(help: ArgumentHelp("A signing key: id, ARN or alias. May be repeated.", valueName: "KEY"))
    var key: [String]

    @Option(
        help: ArgumentHelp(
            "The signer's id, one for each key in their order. [default: the key's ARN]",
            valueName: "ID"
        )
    )
    var kid: [String] = []

    @Option(help: ArgumentHelp("Until when its signatures count.", valueName: "TIME"))
    var notAfter: TimeArgument?

    @Option(help: ArgumentHelp("Go on with this registry.", valueName: "FILE"))
    var merge: String?

    @Option(
        help: "signers (JSON), trusted-keys (dossier's trusted-keys.txt), keys (KEYS.txt) or minisign (its public key)."
    )
    var format = Format.signers

    @Option(name: [.customShort("o"), .long], help: ArgumentHelp("Write it to a file.", valueName: "FILE"))
    var output: String?

    enum Format: String, ExpressibleByArgument {
        case signers = "signers"
        case trustedKeys = "trusted-keys"
        case keys = "keys"
        case minisign = "minisign"
    }

    func validate() throws {
        guard kid.isEmpty || kid.count == key.count else { throw ValidationError("--kid: one for each --key, or none") }
        if merge != nil, format != .signers { throw ValidationError("--merge is for a registry in JSON") }
        if format == .minisign, key.count != 1 { throw ValidationError("a minisign public key file has one key") }
    }

    func run() async throws {
        let policy = try expected.policy()
        let session = BrokerSession(broker)
        var registry = try merge.map { path throws(CommandFailure) in try RegistryFile.read(path) } ?? SignerRegistry()
        var exported: [AttestedSigner] = []
        for (index, name) in key.enumerated() {
            var signer = try await AttestedSigner.fetch(
                name,
                id: kid.isEmpty ? nil : kid[index],
                policy: policy,
                broker: broker,
                session
            )
            signer.signer.notAfter = notAfter?.time
            if let known = registry[signer.signer.id] {
                guard known.publicKey?.spki == signer.signer.publicKey?.spki else {
                    throw CommandFailure.failed(
                        "\(signer.signer.id): another key has this id in the registry, and signatures of both would be told apart by nothing: use another --kid"
                    )
                }
                var merged = known
                merged.attestation = signer.signer.attestation
                // Valid from its first attestation on, and attested by the latest: that has to be one that covers the time.
                merged.notBefore = signer.signer.notBefore
                merged.notAfter = notAfter?.time ?? known.notAfter
                if let before = known.notBefore, known.attestation != nil {
                    merged.notBefore = before
                    merged.attestation = known.attestation
                }
                registry.put(merged)
            } else {
                registry.put(signer.signer)
            }
            exported.append(signer)
        }
        let text = render(registry, exported)
        if let output { try InputFile.write(text, to: output) } else { Console.write(bytes: text) }
        for signer in exported { Console.error("\(Console.printable(signer.signer.id)): attested, \(signer.origin)") }
    }

    private func render(_ registry: SignerRegistry, _ exported: [AttestedSigner]) -> [UInt8] {
        switch format {
        case .signers: return registry.json.serialized(pretty: true) + [0x0A]
        case .trustedKeys:
            let lines = exported.compactMap { entry in
                entry.signer.publicKey.map { TrustedKeys.line($0, name: entry.signer.id) }
            }
            return Array((lines.joined(separator: "\n") + "\n").utf8)
        case .minisign:
            let key = exported.first?.signer.publicKey.flatMap { MinisignPublicKey($0) }
            return Array((key?.file ?? "").utf8)
        case .keys: return Array(exported.map(Self.section).joined(separator: "\n").utf8)
        }
    }

    /// A section of dossier's KEYS.txt.
    private static func section(_ entry: AttestedSigner) -> String {
        guard let key = entry.signer.publicKey else { return "" }
        let minisign = MinisignPublicKey(key).map { "**minisign**: `\($0.base64)`\n" } ?? ""
        return """
            ### \(Console.printable(entry.signer.id))

            **Status**: Active since \(entry.signer.notBefore?.rfc3339 ?? "")
            **Algorithm**: \(entry.signer.algorithm.rawValue)
            **Public key**: `\(Base64.encode(key.spki))`
            \(minisign)**SHA-256**: `\(Hex.encode(Hash.digest(.sha256, key.spki)))`
            **Origin**: \(entry.origin)
            **PCR0**: `\(entry.pcr0)`
            **PCR16**: `\(entry.pcr16)`

            """
    }
}
