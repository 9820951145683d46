// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import KMSProtocol
import NIOCore
import NIOHTTP1
package import Transport

extension UnlockRecording.RelayExchange {
    init(_ request: HTTPRequest, answer: Answer) {
        self.init(
            method: request.method.rawValue,
            path: request.target,
            target: request.headers.first(name: RelayHeader.target),
            body: Array(request.body.readableBytesView),
            answer: answer
        )
    }

    /// Whether this is what the boot asks now.
    func isAsked(by request: HTTPRequest) -> Bool { isSame(as: Self(request, answer: .timeout)) }

    /// The same request, whatever the answer.
    func isSame(as other: Self) -> Bool {
        method == other.method && path == other.path && target == other.target && body == other.body
    }

    /// Whether the boot asks this within one try until it is answered as it must be.
    var isRepeated: Bool { path == RelayPath.configuration || isStore }

    /// Whether a keyring is to be stored.
    var isStore: Bool { path == RelayPath.keyring && method == HTTPMethod.PUT.rawValue }
}

extension UnlockRecording.RelayExchange.Answer {
    init(_ response: HTTPResponse) {
        self = .response(
            status: Int(response.status.code),
            errorType: response.headers.first(name: KMSHeader.errorType),
            body: Array(response.body.readableBytesView)
        )
    }

    init(_ error: HTTPClientError) {
        self =
            switch error {
            case .unreachable(let reason): .unreachable(reason)
            case .timeout: .timeout
            case .malformedResponse: .malformedResponse
            }
    }

    /// The same as the HTTP client gives it.
    package func get() throws(HTTPClientError) -> HTTPResponse {
        switch self {
        case .unreachable(let reason): throw .unreachable(reason)
        case .timeout: throw .timeout
        case .malformedResponse: throw .malformedResponse
        case .response(let status, let errorType, let body):
            var headers = HTTPHeaders()
            if let errorType { headers.add(name: KMSHeader.errorType, value: errorType) }
            return HTTPResponse(
                status: HTTPResponseStatus(statusCode: status),
                headers: headers,
                body: ByteBuffer(bytes: body)
            )
        }
    }
}
