// SPDX-License-Identifier: Apache-2.0

package import Cryptography
package import Encoding

/// Checks the Authorization header of a request: checks in the order of AWS, errors in the words of its JSON services.
///
/// The body is always hashed: `UNSIGNED-PAYLOAD` and the streaming forms do not verify. Authentication in the query is
/// refused. There is no memory of requests: one that is sent again within the skew verifies again.
package struct SigV4Verifier<Principal: Sendable>: Sendable {
    /// Secret and principal of an access key, or nil if it is unknown.
    package typealias Lookup = @Sendable (_ accessKeyID: String) -> (secret: SharedSecret, principal: Principal)?

    /// Whether an access key goes with this session token, or with none.
    package typealias TokenCheck = @Sendable (_ accessKeyID: String, _ token: String?) -> Bool

    private let scope: SigV4Scope
    private let hosts: SignedHosts?
    private let maximumSkew: Int64
    private let normalizesPath: Bool
    private let lookup: Lookup
    private let acceptsToken: TokenCheck
    private let cache: SigningKeyCache

    /// - Parameters:
    ///   - scope: region and service that requests must be signed for.
    ///   - hosts: names that the signed Host may have; an entry without a port matches any port. Nil: any name.
    ///   - maximumSkew: seconds either way; AWS's JSON services say five minutes.
    ///   - normalizesPath: as all services but S3 do.
    ///   - acceptsToken: what `X-Amz-Security-Token` may be; by default it must be absent.
    ///   - lookup: finds secrets; called once for each request that is otherwise in order.
    package init(
        scope: SigV4Scope,
        hosts: [String]?,
        maximumSkew: Int64 = 300,
        normalizesPath: Bool = true,
        acceptsToken: @escaping TokenCheck = { _, token in token == nil },
        lookup: @escaping Lookup
    ) {
        self.scope = scope
        self.hosts = hosts.map(SignedHosts.init)
        self.maximumSkew = maximumSkew
        self.normalizesPath = normalizesPath
        self.acceptsToken = acceptsToken
        self.lookup = lookup
        cache = SigningKeyCache(scope: scope)
    }

    /// The authenticated principal, the time that the client signed, and the signature.
    package func verify(_ request: SigV4Request, at now: Timestamp) throws(SigV4Error)
        -> (principal: Principal, signedAt: Timestamp, signature: [UInt8])
    {
        try checkSize(request)
        let headers = CanonicalHeaders(request.headers)
        let authorization = try readAuthorization(request, headers)
        let (signedAt, dateHeader) = try readDate(headers)
        try checkSignedHeaders(authorization.signedHeaders, headers, dateHeader: dateHeader)
        try checkClock(signedAt, now: now)
        let accessKeyID = try checkCredential(authorization.credential, signedAt: signedAt)

        let payloadHash = Hex.encode(Hash.digest(.sha256, request.body))
        if let declared = headers.canonicalValue("x-amz-content-sha256"), declared != Array(payloadHash.utf8) {
            throw .mismatch
        }
        guard
            request.target.utf8.first == UInt8(ascii: "/"),
            let canonical = CanonicalRequest.bytes(
                method: request.method,
                target: request.target,
                headers: headers,
                signedHeaders: authorization.signedHeaders,
                payloadHash: payloadHash,
                normalizesPath: normalizesPath
            )
        else { throw .mismatch }
        let stringToSign = CanonicalRequest.stringToSign(canonicalRequest: canonical, time: signedAt, scope: scope)

        let token = "x-amz-security-token"
        guard
            let found = lookup(accessKeyID), acceptsToken(accessKeyID, headers.first(token)),
            headers.count(of: token) <= 1
        else {
            cache.forget(accessKeyID)
            // As much work as for a known key, so that time does not tell them apart before the message does.
            _ = HMAC.authenticate(.sha256, key: [UInt8](repeating: 0, count: 32), message: stringToSign)
            throw .invalidToken
        }
        let expected = cache.signature(
            accessKeyID: accessKeyID,
            secret: found.secret,
            day: signedAt.amzDay,
            message: stringToSign
        )
        guard constantTimeEquals(Array(Hex.encode(expected).utf8), Array(authorization.signature.utf8)) else {
            throw .mismatch
        }
        return (found.principal, signedAt, expected)
    }

    // MARK: Steps, in order

    private func checkSize(_ request: SigV4Request) throws(SigV4Error) {
        let length = request.headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
        guard
            request.headers.count <= SigV4Constants.headerCount, length <= SigV4Constants.headerLength,
            request.target.utf8.count <= SigV4Constants.targetLength
        else { throw .incomplete("The request's target or headers are too long.") }
        guard request.headers.allSatisfy({ $0.name.utf8.allSatisfy { (0x21...0x7E).contains($0) } }) else {
            throw .incomplete("The request has a header whose name is none.")
        }
    }

    private func readAuthorization(_ request: SigV4Request, _ headers: CanonicalHeaders) throws(SigV4Error)
        -> AuthorizationHeader
    {
        let inQuery = CanonicalRequest.parameterNames(CanonicalRequest.split(request.target).query)
        let signing = ["X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature"].map { Array($0.utf8) }
        guard
            let value = headers.first("authorization"),
            !inQuery.contains(where: signing.contains)
        else { throw .missingToken }
        guard headers.count(of: "authorization") == 1 else {
            throw .incomplete("Authorization header must appear once.")
        }
        let isDated = headers.contains("x-amz-date") || headers.contains("date")
        return try AuthorizationHeader(value, isDated: isDated)
    }

    /// X-Amz-Date, or Date in the same form.
    private func readDate(_ headers: CanonicalHeaders) throws(SigV4Error) -> (time: Timestamp, header: String) {
        let header = headers.contains("x-amz-date") ? "x-amz-date" : "date"
        guard headers.count(of: header) == 1, let value = headers.first(header) else {
            throw .incomplete("The header with the date must appear once.")
        }
        guard let time = Timestamp(amzDate: value) else {
            throw .incomplete(
                "Date must be in ISO-8601 'basic format'. Got '\(SigV4Error.echo(value))'. "
                    + "See http://en.wikipedia.org/wiki/ISO_8601"
            )
        }
        return (time, header)
    }

    private func checkSignedHeaders(_ signed: [String], _ headers: CanonicalHeaders, dateHeader: String)
        throws(SigV4Error)
    {
        guard signed.contains("host"), let host = headers.first("host") else {
            throw .mustBeSigned("'Host' or ':authority'")
        }
        guard headers.count(of: "host") == 1 else { throw .incomplete("Host header must appear once.") }
        let isRequired = { (name: String) in
            name == dateHeader || name == "content-type" || name.hasPrefix("x-amz-")
        }
        let unsigned = headers.names { isRequired($0) && !signed.contains($0) }
        if let name = unsigned.first { throw .mustBeSigned("'\(SigV4Error.echo(name))'") }
        guard signed.allSatisfy(headers.contains) else {
            throw .incomplete("SignedHeaders names a header that the request does not have.")
        }
        guard hosts?.contains(host) ?? true else {
            throw .invalidSignature("The signed 'Host' is not a name of this service.")
        }
    }

    private func checkClock(_ time: Timestamp, now: Timestamp) throws(SigV4Error) {
        let earliest = now.advanced(byMilliseconds: -maximumSkew * 1000)
        let latest = now.advanced(byMilliseconds: maximumSkew * 1000)
        let minutes = maximumSkew / 60
        guard time >= earliest else {
            throw .invalidSignature(
                "Signature expired: \(time.amzDate) is now earlier than \(earliest.amzDate) "
                    + "(\(now.amzDate) - \(minutes) min.)"
            )
        }
        guard time <= latest else {
            throw .invalidSignature(
                "Signature not yet current: \(time.amzDate) is still later than \(latest.amzDate) "
                    + "(\(now.amzDate) + \(minutes) min.)"
            )
        }
    }

    /// The access key id of a credential whose scope is ours and of the day of the signature.
    private func checkCredential(_ credential: String, signedAt: Timestamp) throws(SigV4Error) -> String {
        let parts = credential.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            .map { String(Substring($0)) }
        guard parts.count == 5 else {
            throw .incomplete(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term."
            )
        }
        guard parts[2] == scope.region else {
            throw .invalidSignature(
                "Credential should be scoped to a valid region, not '\(SigV4Error.echo(parts[2]))'."
            )
        }
        guard parts[3] == scope.service else {
            throw .invalidSignature("Credential should be scoped to correct service: '\(scope.service)'.")
        }
        guard parts[4] == SigV4Constants.terminator else {
            throw .invalidSignature(
                "Credential should be scoped with a valid terminator: '\(SigV4Constants.terminator)'."
            )
        }
        guard parts[1] == signedAt.amzDay else {
            throw .invalidSignature(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
                    + "'\(SigV4Error.echo(parts[1]))' != '\(signedAt.amzDay)', from '\(signedAt.amzDate)'."
            )
        }
        guard SigV4Constants.accessKeyIDLength.contains(parts[0].utf8.count) else { throw .invalidToken }
        return parts[0]
    }
}
