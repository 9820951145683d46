// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import ArgumentParser
import BrokerProtocol
import Encoding
import KMSProtocol
import PolicyTools

struct PolicyKeyCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "key",
        abstract: "Print the key policy under which KMS releases a TSK to one enclave, and nothing else moves it.",
        discussion: """
            The role may decrypt, if the request's attestation document has this PCR0 and the PCR16 of this configuration,
            and its encryption context. Everyone else is denied, and everyone is denied whatever could move the TSK or
            replace it. Administrators keep the management of the key. They are trusted: they can put another policy.

              keybroker policy key --config enclave.json --pcr0 3f1c… --role arn:aws:iam::111122223333:role/host > key.json
              aws kms put-key-policy --key-id KEY --policy-name default --policy file://key.json

            While a new enclave replaces an old one, name both: --previous-pcr0 (or --previous-image), --previous-config.
            PCR0 and PCR16 are the enclave's identity. --pcr pins further registers: kernel (1) and application (2), which
            PCR0 measures without the border between them; the signer of the image (8); the parent's role (3) or instance (4).
            Before there is a keyring, --no-sealed prints the policy under which administrators make it (kms:GenerateDataKey); put the other
            one as soon as `keybroker keyring create` is done.
            """
    )

    @Option(help: ArgumentHelp("The enclave's configuration: PCR16, encryption context, KMS key.", valueName: "FILE"))
    var config: String?

    @Option(help: ArgumentHelp("The image's measurement, 96 hex digits.", valueName: "HEX"))
    var pcr0: HexBytes?

    @Option(help: ArgumentHelp("Instead of --pcr0: the enclave image file (EIF).", valueName: "FILE"))
    var image: String?

    @Option(help: ArgumentHelp("Instead of --pcr0: an enclave executable, for the software module.", valueName: "FILE"))
    var binary: String?

    @Option(
        name: .customLong("pcr"),
        help: ArgumentHelp(
            "A further register to pin, 96 hex digits; N alone: as --image or --binary has it. May be repeated.",
            valueName: "N[=HEX]"
        )
    )
    var pcrs: [PinnedRegister] = []

    @Option(help: ArgumentHelp("The configuration of an enclave that goes on for now.", valueName: "FILE"))
    var previousConfig: String?

    @Option(
        name: .customLong("previous-pcr0"),
        help: ArgumentHelp("The image of an enclave that goes on for now.", valueName: "HEX")
    )
    var previousPCR0: HexBytes?

    @Option(help: ArgumentHelp("Instead of --previous-pcr0: its image file (EIF).", valueName: "FILE"))
    var previousImage: String?

    @Option(
        name: .customLong("previous-pcr"),
        help: ArgumentHelp(
            "What the image that goes on has in a register of --pcr; N alone: as --previous-image has it.",
            valueName: "N[=HEX]"
        )
    )
    var previousPCRs: [PinnedRegister] = []

    @Option(
        name: .customLong("admin"),
        help: ArgumentHelp(
            "Who manages the key; may be repeated. Default: the root of the key's account, so whoever IAM lets.",
            valueName: "ARN"
        )
    )
    var administrators: [String] = []

    @Option(
        name: .customLong("role"),
        help: ArgumentHelp("Whom the host asks KMS as; may be repeated.", valueName: "ARN")
    )
    var roles: [String] = []

    @Flag(inversion: .prefixedNo, help: "Whether the TSK exists already.")
    var sealed = true

    func validate() throws {
        let images = [pcr0 != nil, image != nil, binary != nil].count { $0 }
        guard images <= 1 else { throw ValidationError("name one of --pcr0, --image and --binary") }
        let names = [config != nil, images == 1, !roles.isEmpty]
        if sealed || names.contains(true) {
            guard !names.contains(false) else {
                throw ValidationError("name --config, --pcr0 (or --image, --binary) and --role")
            }
        } else {
            guard !administrators.isEmpty else { throw ValidationError("name --admin") }
            guard pcrs.isEmpty, previousConfig == nil, !hasPreviousImage, previousPCRs.isEmpty else {
                throw ValidationError("--pcr, --previous-config, --previous-pcr0 and the like go with --config")
            }
        }
        guard previousPCR0 == nil || previousImage == nil else {
            throw ValidationError("name one of --previous-pcr0 and --previous-image")
        }
        guard previousPCRs.isEmpty || hasPreviousImage else {
            throw ValidationError("--previous-pcr goes with --previous-pcr0 or --previous-image")
        }
    }

    func run() throws {
        let current = try config.map(Self.read)
        let previous = try previousConfig.map(Self.read)
        let policy: UnlockPolicy
        do {
            policy = try UnlockPolicy(
                administrators: try administrators(of: current),
                release: try current.map { try release($0, previous) },
                encryptionContext: try current.map { try Self.context($0, previous) },
                isSealed: sealed
            )
        } catch let error as UnlockPolicyError {
            throw CommandFailure.usage(Console.printable(error.description))
        }
        Console.json(policy.json)
        if !sealed {
            Console.error(
                """
                keybroker: this is the policy before sealing: administrators may make a TSK. When the keyring is made, \
                put the policy that is printed without --no-sealed.
                """
            )
        }
    }

    private func administrators(of current: MeasuredConfiguration?) throws(CommandFailure) -> [String] {
        guard administrators.isEmpty, let current else { return administrators }
        return [try Self.accountRoot(of: current)]
    }

    /// Whoever IAM lets.
    static func accountRoot(of configuration: MeasuredConfiguration) throws(CommandFailure) -> String {
        guard let arn = KMSARN(configuration.configuration.kms.keyARN) else {
            throw .usage("\(configuration.path): kms.keyArn is not a key's ARN; name --admin")
        }
        return "arn:\(arn.partition):iam::\(arn.account):root"
    }

    private func release(_ current: MeasuredConfiguration, _ previous: MeasuredConfiguration?) throws(CommandFailure)
        -> UnlockPolicy.Release
    {
        let measured = try ExpectedIdentity.pcrs(image: image, binary: binary, configuration: nil)
        let newPCR0 = pcr0?.bytes ?? measured[0] ?? []
        let others = try PinnedRegister.values(pcrs, option: "--pcr", measured: measured)
        var release = UnlockPolicy.Release(
            hosts: roles,
            enclave: .init(pcr0: newPCR0, pcr16: current.pcr16, others: others)
        )
        guard hasPreviousImage || previous != nil else { return release }
        // An old configuration alone: the image is the same.
        var old = (pcr0: newPCR0, others: others)
        if hasPreviousImage {
            let measured = try ExpectedIdentity.pcrs(image: previousImage, binary: nil, configuration: nil)
            old.pcr0 = previousPCR0?.bytes ?? measured[0] ?? []
            // What is taken from the new file is taken from the old one.
            let named = Set(previousPCRs.map(\.index))
            let same = previousImage == nil ? [] : pcrs.filter { $0.value == nil && !named.contains($0.index) }
            old.others = try PinnedRegister.values(previousPCRs + same, option: "--previous-pcr", measured: measured)
        }
        release.previous = .init(pcr0: old.pcr0, pcr16: previous?.pcr16 ?? current.pcr16, others: old.others)
        return release
    }

    private var hasPreviousImage: Bool { previousPCR0 != nil || previousImage != nil }

    /// During a change, either configuration's.
    static func context(_ current: MeasuredConfiguration, _ previous: MeasuredConfiguration?) throws(CommandFailure)
        -> [String: [String]]
    {
        var context = current.configuration.tsk.encryptionContext.mapValues { [$0] }
        guard let previous else { return context }
        guard previous.configuration.kms.keyARN == current.configuration.kms.keyARN else {
            throw .usage("\(previous.path): has another KMS key, which needs a policy of its own")
        }
        let old = previous.configuration.tsk.encryptionContext
        guard Set(old.keys) == Set(context.keys) else {
            throw .usage("\(previous.path): its encryption context has other names, which one policy cannot pin")
        }
        for (name, value) in old where context[name] != [value] { context[name]?.append(value) }
        return context
    }

    private static func read(_ path: String) throws(CommandFailure) -> MeasuredConfiguration {
        try MeasuredConfiguration(path: path)
    }
}

/// A configuration and what it measures.
struct MeasuredConfiguration: Sendable {
    let path: String
    let configuration: BrokerConfiguration
    let pcr16: [UInt8]

    init(path: String) throws(CommandFailure) {
        let bytes = try InputFile.read(path)
        do {
            configuration = try BrokerConfiguration(json: bytes)
        } catch {
            throw .usage("\(path): not a broker configuration: \(Console.printable("\(error)"))")
        }
        self.path = path
        pcr16 = ExpectedIdentity.pcr16(configuration: bytes)
    }
}
