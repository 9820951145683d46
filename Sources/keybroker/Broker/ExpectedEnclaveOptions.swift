// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import NitroAttestation

/// Which enclave a command relies on: PCR0 and PCR16, as values or as the files that they measure.
struct ExpectedEnclaveOptions: ParsableArguments {
    @OptionGroup var root: RootOptions
    @OptionGroup var pcr: PCROptions

    @Option(help: ArgumentHelp("The enclave image file (EIF) that must be running.", valueName: "FILE"))
    var image: String?

    @Option(
        help: ArgumentHelp("Instead of --image, for the software module: the enclave executable.", valueName: "FILE")
    )
    var binary: String?

    @Option(help: ArgumentHelp("The configuration that it must have.", valueName: "FILE"))
    var config: String?

    /// Whether the user named any of it, and so wants an attestation.
    var isGiven: Bool { image != nil || binary != nil || config != nil || !pcr.pcrs.isEmpty }

    /// What a document must show. Without both PCR0 and PCR16 it is a usage error: the genuine image under a stranger's
    /// configuration is a stranger. `configuration` stands for the bytes of the file, where a command has them.
    func policy(configuration: [UInt8]? = nil) throws(CommandFailure) -> VerificationPolicy {
        var policy = VerificationPolicy(roots: try root.anchors())
        var computed = try ExpectedIdentity.pcrs(
            image: image,
            binary: binary,
            configuration: configuration == nil ? config : nil
        )
        if let configuration { computed[16] = ExpectedIdentity.pcr16(configuration: configuration) }
        policy.pcrs = try pcr.values().merging(computed) { given, _ in given }
        guard policy.pcrs[0] != nil, policy.pcrs[16] != nil else {
            throw .usage(
                "an enclave is known by PCR0 and PCR16 together: name both with --pcr, or give --image and --config"
            )
        }
        return policy
    }
}
