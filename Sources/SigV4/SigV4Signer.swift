// SPDX-License-Identifier: Apache-2.0

import Cryptography
package import Encoding

/// Signs requests with the Authorization header.
package enum SigV4Signer: Sendable {
    /// The headers to add: `X-Amz-Date`, `X-Amz-Security-Token` if there is a token, `Authorization`. The request must
    /// carry `Host`, and none of those three. Signs Host, Content-Type and every `x-amz-*` header.
    package static func sign(
        _ request: SigV4Request,
        credentials: AWSCredentials,
        scope: SigV4Scope,
        at time: Timestamp
    ) -> [(name: String, value: String)] {
        sign(request, credentials: credentials, scope: scope, at: time, normalizesPath: true) { name in
            name == "host" || name == "content-type" || name.hasPrefix("x-amz-")
        }
    }

    /// The same with a choice of headers, by lower-case name. `X-Amz-Content-Sha256`, if the request carries it, is
    /// taken for the hash of the body, which it has to be.
    package static func sign(
        _ request: SigV4Request,
        credentials: AWSCredentials,
        scope: SigV4Scope,
        at time: Timestamp,
        normalizesPath: Bool,
        signing isSigned: (_ name: String) -> Bool
    ) -> [(name: String, value: String)] {
        var added = [(name: "X-Amz-Date", value: time.amzDate)]
        if let token = credentials.sessionToken {
            added.append((name: "X-Amz-Security-Token", value: token))
        }
        let headers = CanonicalHeaders(request.headers + added)
        let names = headers.names(where: isSigned)
        let canonical =
            CanonicalRequest.bytes(
                method: request.method,
                target: request.target,
                headers: headers,
                signedHeaders: SignedHeaderNames(sorted: names),
                payloadHash: Hash.digest(.sha256, request.body),
                normalizesPath: normalizesPath
            ) ?? []
        let stringToSign = CanonicalRequest.stringToSign(
            canonicalRequest: canonical,
            time: Array(time.amzDate.utf8)[...],
            scope: scope
        )

        var key = SigningKey.derive(secret: credentials.secretAccessKey.bytes, day: time.amzDay, scope: scope)
        let signature = Hex.encode(HMAC.authenticate(.sha256, key: key, message: stringToSign))
        wipe(&key)

        let credential = "\(credentials.accessKeyID)/\(CanonicalRequest.credentialScope(time, scope))"
        added.append(
            (
                name: "Authorization",
                value: "\(SigV4Constants.algorithm) Credential=\(credential), "
                    + "SignedHeaders=\(names.joined(separator: ";")), Signature=\(signature)"
            )
        )
        return added
    }
}
