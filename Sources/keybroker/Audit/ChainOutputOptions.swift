// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AuditTrail
import Encoding

/// The file that a chain is written to, and what has to be right of the one that is there.
struct ChainOutputOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Go on with the chain in this file.", valueName: "FILE"))
    var append: String?

    @Option(name: [.customShort("o"), .long], help: ArgumentHelp("Begin a chain in a new file.", valueName: "FILE"))
    var output: String?

    @Option(help: ArgumentHelp("With --append: the digest that the chain ends with now.", valueName: "HEX"))
    var expectHead: HexBytes?

    @Option(
        name: [.customShort("s"), .long],
        help: ArgumentHelp(
            "With --append: who may have signed the last record, where it was not this signer.",
            valueName: "signers.json"
        )
    )
    var signers: String?

    @Flag(help: "With --append: take away an incomplete record at the end, which a writer that was stopped left.")
    var repair = false

    func validate() throws {
        if append != nil, output != nil { throw ValidationError("name one of --append and --output") }
        if append == nil, expectHead != nil || signers != nil || repair {
            throw ValidationError(
                "--expect-head, --signers and --repair are about the chain that --append goes on with"
            )
        }
    }

    /// The file, locked, with its end as it is; nil for standard output.
    func open(_ profile: ChainProfile) throws(CommandFailure) -> (file: ChainFile, tail: ChainTail)? {
        if let output { return (try ChainFile(creating: output), ChainTail()) }
        guard let append else { return nil }
        let file = try ChainFile(appendingTo: append)
        return (file, try file.tail(profile, repairs: repair))
    }

    /// Holds the end of the chain to what is known of it: its digest, and a signature that counts. What names the signer `id` has
    /// to be signed by `key`.
    func check(_ tail: ChainTail, _ profile: ChainProfile, signer id: String, _ key: AuditSigningKey)
        async throws(CommandFailure)
    {
        guard let append else { return }
        if let expectHead, !tail.heads.values.contains(where: { $0.bytes == expectHead.bytes }) {
            throw .failed("\(append): does not end with the digest that --expect-head names")
        }
        guard let last = tail.last else { return }
        let name = "\(append): its last record (\(Console.printable(last.id ?? "without id", limit: 64)))"
        guard let signature = last.signature, let signer = last.signer else { throw .failed("\(name) is not signed") }
        let digest: Digest256
        do {
            digest = try profile.digest(of: last)
        } catch {
            throw .failed("\(append): \(error)")
        }
        if signer == id {
            guard try await key.hasSigned(digest, signature) else {
                throw .failed(
                    "\(name) names \(Console.printable(id)) as its signer, and its signature is not of \(key.arn): somebody else wrote it, or that was another key's id: use another --kid"
                )
            }
        } else if let signers {
            let known = try RegistryFile.read(signers)[signer]
            guard let known, known.verify(signature, digest: digest),
                known.refusal(at: last.time.flatMap { Timestamp(rfc3339: $0) }) == nil
            else { throw .failed("\(name) has no signature that counts by \(signers)") }
        }
    }
}
