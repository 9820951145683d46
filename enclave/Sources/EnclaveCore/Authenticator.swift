// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Encoding
import KMSProtocol
import KeyService
import NIOHTTP1
import SigV4
import Transport

/// Says who sent a request. One for an opened keyring, so that signing keys are derived once a day, not once a request.
struct Authenticator: Sendable {
    /// The service that clients sign for, for the broker's own operations too.
    private static let signingName = "kms"

    private let verifier: SigV4Verifier<Caller>

    init(_ configuration: BrokerConfiguration, _ principals: PrincipalTable) {
        verifier = SigV4Verifier(
            scope: SigV4Scope(region: configuration.region, service: Self.signingName),
            hosts: configuration.hosts
        ) { principals.lookup($0) }
    }

    /// SigV4 over the bytes as they were received; a principal comes out of this function alone.
    func authenticate(_ request: HTTPRequest, body: [UInt8], at now: Timestamp) throws(KMSError) -> Caller {
        let signed = SigV4Request(
            method: request.method.rawValue,
            target: request.target,
            headers: request.headers.map { (name: $0.name, value: $0.value) },
            body: body
        )
        do {
            return try verifier.verify(signed, at: now).principal
        } catch {
            throw KMSError(error.name, error.message)
        }
    }
}
