// SPDX-License-Identifier: Apache-2.0

package import Encoding

/// What a broker answers without authentication: `GET /health` and `GET /attestation`.
///
/// Nothing of it is to be believed before the attestation document is verified.
package struct BrokerEndpoint: Sendable {
    package enum Failure: Error, Equatable, Sendable, CustomStringConvertible {
        case transport(WebError)
        /// An answer other than 200, with what it says of itself.
        case refused(status: Int, message: String?)
        case malformedResponse

        /// One line for people.
        package var description: String {
            switch self {
            case .transport(let error): error.description
            case .refused(let status, let message): message.map { "\($0) (HTTP \(status))" } ?? "HTTP \(status)"
            case .malformedResponse: "the answer is not a broker's"
            }
        }
    }

    private let url: ServiceURL?
    private let transport: WebTransport

    /// The broker behind `url`, for instance `http://127.0.0.1:4600`.
    package init(_ url: String, transport: WebTransport) {
        self.url = try? ServiceURL(url)
        self.transport = transport
    }

    /// State, version, and the reason where it does not serve (HTTP status 503).
    package func health() async throws(Failure) -> JSONObject {
        let response = try await get("/health")
        guard [200, 503].contains(response.status), let object = (try? JSON.parse(response.body))?.object,
            object["state"]?.string != nil
        else { throw .malformedResponse }
        return object
    }

    /// An attestation document over `nonce`, CBOR as it came. With `keyID` it names that key's public half.
    package func attestation(nonce: [UInt8], keyID: String? = nil) async throws(Failure) -> [UInt8] {
        let key = keyID.map { "&key=\(PercentEncoding.encode($0))" } ?? ""
        let response = try await get("/attestation?nonce=\(Hex.encode(nonce))\(key)")
        guard response.status == 200 else {
            let object = (try? JSON.parse(response.body))?.object
            throw .refused(status: response.status, message: (object?["message"] ?? object?["Message"])?.string)
        }
        guard !response.body.isEmpty else { throw .malformedResponse }
        return response.body
    }

    private func get(_ path: String) async throws(Failure) -> WebResponse {
        guard let url else { throw .transport(.unreachable("the endpoint is not an http or https URL")) }
        do {
            return try await transport.get(url.origin + path, headers: [(name: "Host", value: url.host)])
        } catch {
            throw .transport(error)
        }
    }
}
