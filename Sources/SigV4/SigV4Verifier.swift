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
    private let nobodysKey: HMACKey

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
        nobodysKey = HMACKey(.sha256, [UInt8](repeating: 0, count: HashAlgorithm.sha256.digestLength))
    }

    /// The authenticated principal, the time that the client signed, and the signature.
    package func verify(_ request: SigV4Request, at now: Timestamp) throws(SigV4Error)
        -> (principal: Principal, signedAt: Timestamp, signature: [UInt8])
    {
        let headers = try readHeaders(request)
        let authorization = try readAuthorization(request.target, headers)
        let (signedAt, date) = try readDate(headers)
        let host = try checkSignedHeaders(authorization.signedHeaders, headers, date: date.name)
        try checkHost(headers.bytes[host])
        try checkClock(signedAt, now: now)
        let accessKeyID = try checkCredential(authorization.credential, headers, date: date.value, signedAt)

        let payloadHash = Hash.digest(.sha256, request.body)
        guard
            request.target.utf8.first == UInt8(ascii: "/"), declares(payloadHash, headers),
            let canonical = CanonicalRequest.bytes(
                method: request.method,
                target: request.target,
                headers: headers,
                signedHeaders: authorization.signedHeaders,
                payloadHash: payloadHash,
                normalizesPath: normalizesPath
            )
        else { throw .mismatch }
        let stringToSign = CanonicalRequest.stringToSign(
            canonicalRequest: canonical,
            time: headers.bytes[date.value],
            scope: scope
        )

        let token: StaticString = "x-amz-security-token"
        guard
            let found = lookup(accessKeyID), acceptsToken(accessKeyID, headers.first(token).map(headers.text)),
            headers.count(of: token) <= 1
        else {
            cache.forget(accessKeyID)
            // As much work as for a known key, so that time does not tell them apart before the message does.
            _ = nobodysKey.authenticate(stringToSign)
            throw .invalidToken
        }
        let day = headers.bytes[date.value].prefix(SigV4Constants.dayLength)
        let expected = cache.key(accessKeyID, secret: found.secret, day: day).authenticate(stringToSign)
        var text: [UInt8] = []
        Hex.append(expected, to: &text)
        guard constantTimeEquals(text, Array(headers.bytes[authorization.signature])) else { throw .mismatch }
        return (found.principal, signedAt, expected)
    }

    // MARK: Steps, in order

    private func readHeaders(_ request: SigV4Request) throws(SigV4Error) -> CanonicalHeaders {
        let length = request.headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
        guard
            request.headers.count <= SigV4Constants.headerCount, length <= SigV4Constants.headerLength,
            request.target.utf8.count <= SigV4Constants.targetLength
        else { throw .incomplete("The request's target or headers are too long.") }
        let headers = CanonicalHeaders(request.headers)
        guard headers.areNamesPrintable else { throw .incomplete("The request has a header whose name is none.") }
        return headers
    }

    private func readAuthorization(_ target: String, _ headers: CanonicalHeaders) throws(SigV4Error)
        -> AuthorizationHeader
    {
        guard let value = headers.first("authorization"), !CanonicalRequest.isSignedInQuery(target) else {
            throw .missingToken
        }
        guard headers.count(of: "authorization") == 1 else {
            throw .incomplete("Authorization header must appear once.")
        }
        let isDated = headers.contains("x-amz-date") || headers.contains("date")
        return try AuthorizationHeader(headers.bytes, value, isDated: isDated)
    }

    /// X-Amz-Date, or Date in the same form.
    private func readDate(_ headers: CanonicalHeaders) throws(SigV4Error)
        -> (time: Timestamp, header: (name: StaticString, value: Range<Int>))
    {
        let name: StaticString = headers.contains("x-amz-date") ? "x-amz-date" : "date"
        guard headers.count(of: name) == 1, let value = headers.first(name) else {
            throw .incomplete("The header with the date must appear once.")
        }
        guard let time = Timestamp(amzDate: headers.bytes[value]) else {
            throw .incomplete(
                "Date must be in ISO-8601 'basic format'. Got '\(SigV4Error.echo(headers.text(value)))'. "
                    + "See http://en.wikipedia.org/wiki/ISO_8601"
            )
        }
        return (time, (name, value))
    }

    /// Where the signed Host stands, if all headers are signed that must be.
    private func checkSignedHeaders(_ signed: SignedHeaderNames, _ headers: CanonicalHeaders, date: StaticString)
        throws(SigV4Error) -> Range<Int>
    {
        guard signed.contains("host"), let host = headers.first("host") else {
            throw .mustBeSigned("'Host' or ':authority'")
        }
        guard headers.count(of: "host") == 1 else { throw .incomplete("Host header must appear once.") }
        var unsigned: [String] = []
        for field in headers.fields {
            let name = headers.bytes.span.extracting(field.name)
            let isRequired = name.hasPrefix("x-amz-") || name.equals("content-type") || name.equals(date)
            if isRequired, !signed.contains(name) { unsigned.append(headers.text(field.name)) }
        }
        if let name = unsigned.min() { throw .mustBeSigned("'\(SigV4Error.echo(name))'") }
        for place in signed.names {
            let name = signed.bytes.span.extracting(place)
            guard headers.contains(name) else {
                throw .incomplete("SignedHeaders names a header that the request does not have.")
            }
        }
        return host
    }

    private func checkHost(_ host: ArraySlice<UInt8>) throws(SigV4Error) {
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

    /// The access key id of a credential whose scope is ours and of the day of the signature, which begins `date`.
    private func checkCredential(
        _ credential: Range<Int>,
        _ headers: CanonicalHeaders,
        date: Range<Int>,
        _ signedAt: Timestamp
    ) throws(SigV4Error) -> String {
        let bytes = headers.bytes
        var parts: [ArraySlice<UInt8>] = []
        parts.reserveCapacity(8)
        var start = credential.lowerBound
        for index in credential where bytes[index] == UInt8(ascii: "/") {
            parts.append(bytes[start..<index])
            start = index + 1
        }
        parts.append(bytes[start..<credential.upperBound])
        guard parts.count == 5 else {
            throw .incomplete(
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term."
            )
        }
        let (region, service, terminator) = (parts[2], parts[3], parts[4])
        guard region.span.equals(string: scope.region) else {
            throw .invalidSignature(
                "Credential should be scoped to a valid region, not '\(Self.echo(region))'."
            )
        }
        guard service.span.equals(string: scope.service) else {
            throw .invalidSignature("Credential should be scoped to correct service: '\(scope.service)'.")
        }
        guard terminator.span.equals(string: SigV4Constants.terminator) else {
            throw .invalidSignature(
                "Credential should be scoped with a valid terminator: '\(SigV4Constants.terminator)'."
            )
        }
        guard parts[1] == bytes[date].prefix(SigV4Constants.dayLength) else {
            throw .invalidSignature(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
                    + "'\(Self.echo(parts[1]))' != '\(signedAt.amzDay)', from '\(signedAt.amzDate)'."
            )
        }
        guard SigV4Constants.accessKeyIDLength.contains(parts[0].count) else { throw .invalidToken }
        return String(decoding: parts[0], as: UTF8.self)
    }

    private static func echo(_ text: ArraySlice<UInt8>) -> String {
        SigV4Error.echo(String(decoding: text, as: UTF8.self))
    }

    /// Whether X-Amz-Content-Sha256, if there is one, is the hash of the body.
    private func declares(_ payloadHash: [UInt8], _ headers: CanonicalHeaders) -> Bool {
        let name: StaticString = "x-amz-content-sha256"
        guard headers.contains(name) else { return true }
        var hash: [UInt8] = []
        Hex.append(payloadHash, to: &hash)
        return headers.canonicalValue(name) == hash
    }
}
