// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Encoding
import KMSProtocol
import KeyService
import NIOHTTP1
import SigV4
import Transport

/// A request whose sender is known. Only ``Authenticator`` makes one.
struct Authenticated: Sendable {
    let caller: Caller
    /// The time that the client put into its signature.
    let signedAt: Timestamp
    /// 64 bits of the signature: two requests with the same are the same request.
    let mark: UInt64
}

/// Says who sent a request. One for an opened keyring, so that signing keys are derived once a day, not once a request.
struct Authenticator: Sendable {
    /// The service that clients sign for, for the broker's own operations too.
    private static let signingName = "kms"

    private let verifier: SigV4Verifier<Caller>
    let principals: PrincipalTable

    init(_ configuration: BrokerConfiguration, _ principals: PrincipalTable) {
        self.principals = principals
        verifier = SigV4Verifier(
            scope: SigV4Scope(region: configuration.region, service: Self.signingName),
            hosts: configuration.hosts,
            maximumSkew: EnclaveLimits.clockSkew
        ) { principals.lookup($0) }
    }

    /// SigV4 over the bytes as they were received; a principal comes out of this function alone.
    func authenticate(_ request: HTTPRequest, body: [UInt8], at now: Timestamp) throws(KMSError) -> Authenticated {
        let (caller, signedAt, signature) = try verifier.authenticate(
            method: request.method.rawValue,
            target: request.target,
            headers: request.headers,
            body: body,
            at: now
        )
        let mark = signature.prefix(8).reduce(0) { $0 << 8 | UInt64($1) }
        return Authenticated(caller: caller, signedAt: signedAt, mark: mark)
    }
}
