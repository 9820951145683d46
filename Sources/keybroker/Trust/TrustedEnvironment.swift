// SPDX-License-Identifier: Apache-2.0

import Encoding

/// The variables with which an unmodified AWS SDK talks to the enclave, end to end.
struct TrustedEnvironment: Sendable {
    let variables: [(name: String, value: String)]

    init(url: String, bundle: String, region: String) {
        variables = [
            ("AWS_ENDPOINT_URL_KMS", url),
            // boto3, the aws command, and what is made with the AWS Common Runtime.
            ("AWS_CA_BUNDLE", bundle),
            // Node has a bundle of its own, which this adds to.
            ("NODE_EXTRA_CA_CERTS", bundle),
            // boto3 and the aws command read the first, other SDKs the second.
            ("AWS_DEFAULT_REGION", region), ("AWS_REGION", region),
        ]
    }

    /// For `eval` in a POSIX shell.
    var lines: [String] { variables.map { "export \($0.name)=\(Self.quoted($0.value))" } }

    var json: JSON { .object(JSONObject(variables.map { ($0.name, .string($0.value)) })) }

    private static func quoted(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: "/._-:+@%".utf8.contains(byte)
            }
        }
        return isPlain ? text : "'" + text.replacing("'", with: #"'\''"#) + "'"
    }
}
