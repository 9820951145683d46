// SPDX-License-Identifier: Apache-2.0

package import Encoding
package import KMSProtocol
package import SigV4

/// Calls operations of AWS JSON 1.1 with SigV4: KMS, the development KMS, and this broker.
package struct KMSClient: Sendable {
    package enum Failure: Error, Sendable, CustomStringConvertible {
        /// Nothing was sent.
        case credentials(CredentialError)
        case service(KMSError, status: Int)
        case transport(WebError)
        /// Not JSON, or without what the operation returns.
        case malformedResponse

        /// One line for people.
        package var description: String {
            switch self {
            case .credentials(let error): error.description
            case .service(let error, _): error.message.map { "\(error.name): \($0)" } ?? error.name
            case .transport(let error): error.description
            case .malformedResponse: "the answer is not what the operation returns"
            }
        }
    }

    /// Asked for each request.
    package typealias Credentials = @Sendable () async throws(CredentialError) -> AWSCredentials

    private let endpoint: ServiceURL?
    private let scope: SigV4Scope
    private let credentials: Credentials
    private let transport: WebTransport
    private let clock: @Sendable () -> Timestamp

    /// A client for `endpoint`: `https://kms.us-east-1.amazonaws.com`, `http://127.0.0.1:4599`. One that is no such URL
    /// fails at each call.
    package init(
        endpoint: String,
        region: String,
        credentials: @escaping Credentials,
        transport: WebTransport,
        clock: @escaping @Sendable () -> Timestamp
    ) {
        self.endpoint = try? ServiceURL(endpoint)
        scope = SigV4Scope(region: region, service: "kms")
        self.credentials = credentials
        self.transport = transport
        self.clock = clock
    }

    /// The same with credentials that stay.
    package init(
        endpoint: String,
        region: String,
        credentials: AWSCredentials,
        transport: WebTransport,
        clock: @escaping @Sendable () -> Timestamp
    ) {
        self.init(
            endpoint: endpoint,
            region: region,
            credentials: { () throws(CredentialError) in credentials },
            transport: transport,
            clock: clock
        )
    }

    /// Calls an operation; `target` is `TrentService.Decrypt`. The answer's JSON object; an empty body is an empty object.
    package func call(_ target: String, _ body: JSON) async throws(Failure) -> JSONObject {
        let response = try await forward(target, body.serialized())
        guard response.status == 200 else {
            guard let error = KMSError(body: response.body, errorTypeHeader: response.header("x-amzn-errortype")) else {
                throw .malformedResponse
            }
            throw .service(error, status: response.status)
        }
        if response.body.isEmpty { return JSONObject() }
        guard let object = (try? JSON.parse(response.body))?.object else { throw .malformedResponse }
        return object
    }

    /// The same with bytes in and the answer as it came: what the relay uses.
    package func forward(_ target: String, _ body: [UInt8]) async throws(Failure) -> WebResponse {
        guard let endpoint else { throw .transport(.unreachable("the endpoint is not an http or https URL")) }
        let current: AWSCredentials
        do {
            current = try await credentials()
        } catch {
            throw .credentials(error)
        }
        var headers = [
            (name: "Host", value: endpoint.host),
            (name: "Content-Type", value: amzJSON),
            (name: "X-Amz-Target", value: target),
        ]
        let request = SigV4Request(method: "POST", target: endpoint.path, headers: headers, body: body)
        headers += SigV4Signer.sign(request, credentials: current, scope: scope, at: clock())
        do {
            return try await transport.post(endpoint.origin + endpoint.path, headers: headers, body: body)
        } catch {
            throw .transport(error)
        }
    }
}
