// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import AuditTrail
import Cryptography
import Encoding

/// Whose signatures on a document count.
struct DocumentTrustOptions: ParsableArguments {
    @Option(help: ArgumentHelp("This key and no other: PEM, or base64.", valueName: "FILE"))
    var publicKey: String?

    @Option(
        name: [.customShort("s"), .long],
        help: ArgumentHelp("The keys of a registry, while they are valid.", valueName: "signers.json")
    )
    var signers: String?

    @Option(help: ArgumentHelp("The keys of a list: <public-key> <name> a line.", valueName: "trusted-keys.txt"))
    var trustedKeys: String?

    @Flag(help: "Any key, the one in the document: says that it was not changed since somebody signed it, not who.")
    var anyKey = false

    func validate() throws {
        let count = [publicKey, signers, trustedKeys].count { $0 != nil } + (anyKey ? 1 : 0)
        guard count == 1 else {
            throw ValidationError(
                "say whose signature counts: one of --public-key, --signers, --trusted-keys and --any-key"
            )
        }
    }

    func trust() throws(CommandFailure) -> DocumentTrust {
        if let publicKey {
            let text = String(decoding: try InputFile.read(publicKey), as: UTF8.self)
            guard let key = PublicKeyText.parse(text) ?? Self.minisign(text) else {
                throw .usage("\(publicKey): is no public key in PEM, base64 or minisign's form")
            }
            return .key(key)
        }
        if let signers { return .registry(try RegistryFile.read(signers)) }
        if let trustedKeys {
            do {
                return .keys(try TrustedKeys(text: String(decoding: try InputFile.read(trustedKeys), as: UTF8.self)))
            } catch let failure as CommandFailure {
                throw failure
            } catch {
                throw .usage("\(trustedKeys): \(error)")
            }
        }
        return .anyone
    }

    private static func minisign(_ text: String) -> PublicKey? {
        text.split(whereSeparator: \.isNewline).last.flatMap { MinisignPublicKey(base64: String($0))?.key }
    }
}
