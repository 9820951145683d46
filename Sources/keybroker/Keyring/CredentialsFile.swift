// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Keyring

/// The access keys of a keyring's principals, as AWS SDKs read them: a profile for each, the first also as `default`.
enum CredentialsFile: Sendable {
    static func text(of contents: KeyringContents, specification: KeyringSpecification) -> String {
        var text = ""
        for (index, principal) in contents.principals.enumerated() {
            let name = specification.principals.first { $0.arn == principal.arn }?.name ?? principal.accessKeyID
            let secret = principal.secret.bytes.withBytes { bytes in
                String(decoding: unsafe bytes.withUnsafeBytes { unsafe Array($0) }, as: UTF8.self)
            }
            for profile in index == 0 ? ["default", name] : [name] {
                text += """
                    [\(profile)]
                    aws_access_key_id = \(principal.accessKeyID)
                    aws_secret_access_key = \(secret)


                    """
            }
        }
        return text
    }
}
