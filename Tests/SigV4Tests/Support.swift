// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import SigV4
import Testing

/// The credentials of AWS's examples.
let exampleKeyID = "AKIDEXAMPLE"
let exampleSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

func secret(_ text: String) throws -> SharedSecret { SharedSecret(try SecretBytes(copying: Array(text.utf8))) }

func credentials(_ keyID: String = exampleKeyID, _ text: String = exampleSecret, token: String? = nil) throws
    -> AWSCredentials
{
    AWSCredentials(accessKeyID: keyID, secretAccessKey: try secret(text), sessionToken: token)
}

let kms = SigV4Scope(region: "us-east-1", service: "kms")

func time(_ text: String) throws -> Timestamp { try #require(Timestamp(rfc3339: text)) }

/// `Sign` as an SDK sends it, unsigned.
let plainRequest = SigV4Request(
    method: "POST",
    target: "/",
    headers: [
        (name: "Host", value: "kms.us-east-1.amazonaws.com"),
        (name: "Content-Type", value: "application/x-amz-json-1.1"),
        (name: "X-Amz-Target", value: "TrentService.Sign"),
        (name: "User-Agent", value: "Boto3/1.43.11"),
    ],
    body: Array(#"{"KeyId":"alias/audit","Message":"AA==","SigningAlgorithm":"ED25519_SHA_512"}"#.utf8)
)

let signingTime = "2026-11-21T09:20:00Z"

extension SigV4Request {
    func signed(
        by credentials: AWSCredentials,
        scope: SigV4Scope = kms,
        at time: Timestamp,
        normalizesPath: Bool = true,
        signing isSigned: ((String) -> Bool)? = nil
    ) -> SigV4Request {
        var copy = self
        if let isSigned {
            copy.headers += SigV4Signer.sign(
                self,
                credentials: credentials,
                scope: scope,
                at: time,
                normalizesPath: normalizesPath,
                signing: isSigned
            )
        } else {
            copy.headers += SigV4Signer.sign(self, credentials: credentials, scope: scope, at: time)
        }
        return copy
    }

    func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name.lowercased() }?.value
    }

    mutating func setHeader(_ name: String, _ value: String) {
        removeHeader(name)
        headers.append((name: name, value: value))
    }

    mutating func removeHeader(_ name: String) {
        headers.removeAll { $0.name.lowercased() == name.lowercased() }
    }

    mutating func editAuthorization(_ edit: (String) -> String) {
        setHeader("Authorization", edit(header("Authorization") ?? ""))
    }
}

func verifier(
    _ scope: SigV4Scope = kms,
    hosts: [String]? = nil,
    normalizesPath: Bool = true,
    acceptsToken: @escaping SigV4Verifier<String>.TokenCheck = { _, token in token == nil }
) throws -> SigV4Verifier<String> {
    let known = try secret(exampleSecret)
    return SigV4Verifier(scope: scope, hosts: hosts, normalizesPath: normalizesPath, acceptsToken: acceptsToken) {
        $0 == exampleKeyID ? (known, "alice") : nil
    }
}
