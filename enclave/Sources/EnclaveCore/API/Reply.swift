// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Cryptography
import Encoding
import KMSProtocol
import NIOCore
import NIOHTTP1
import Transport

/// Responses, each with a request id of its own.
enum Reply: Sendable {
    static func success(_ output: JSONObject) -> HTTPResponse {
        response(.ok, contentType: amzJSON, body: JSON.object(output).serialized())
    }

    /// As KMS answers operations without output.
    static func empty() -> HTTPResponse { response(.ok, contentType: amzJSON, body: []) }

    /// As AWS JSON 1.1 has them: the name in a header and in the body.
    static func failure(_ error: KMSError) -> HTTPResponse {
        var response = response(
            HTTPResponseStatus(statusCode: error.httpStatus),
            contentType: amzJSON,
            body: error.body
        )
        response.headers.add(name: KMSHeader.errorType, value: error.name)
        return response
    }

    /// For paths outside the API, with a status of HTTP's own.
    static func failure(_ status: HTTPResponseStatus, _ error: KMSError) -> HTTPResponse {
        var response = failure(error)
        response.status = status
        return response
    }

    static func document(_ document: [UInt8]) -> HTTPResponse {
        response(.ok, contentType: BrokerPath.attestationContentType, body: document)
    }

    static func response(_ status: HTTPResponseStatus, contentType: String, body: [UInt8]) -> HTTPResponse {
        let headers: HTTPHeaders = [
            KMSHeader.contentType: contentType, KMSHeader.requestID: RequestID.next(), "Cache-Control": "no-store",
        ]
        return HTTPResponse(status: status, headers: headers, body: ByteBuffer(bytes: body))
    }
}

extension EnclaveState {
    /// What a request gets that needs another state. KMS's clients know it as worth a retry.
    var unavailable: KMSError {
        let what =
            switch self {
            case .started: "it waits for its configuration"
            case .configured: "it waits for its keyring and for KMS to release the key to it"
            case .failed: "it refused what it was given and needs a restart"
            case .unlocked: "it cannot do this now"
            }
        let reason = reason.map { " (\($0))" } ?? ""
        return KMSError("KeyUnavailableException", "The key broker is \(name): \(what)\(reason).")
    }
}
