// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Encoding
import KMSProtocol
import NIOCore
import SigV4

/// Signed requests as bytes, made ahead: signing costs the client what it would cost anybody, and is not measured.
///
/// A signed request holds for five minutes and the operations here may be repeated, so that a pool is sent again and again,
/// and signed anew well before it expires.
struct SignedRequests: Sendable {
    /// A fifth of the skew that brokers bear (SigV4, five minutes).
    static let renewal = TimeAmount.seconds(60)

    let endpoint: ServiceURL
    let region: String
    let credentials: AWSCredentials
    let target: String
    let bodies: [[UInt8]]

    /// The whole pool, signed now.
    func sign(at time: Timestamp) -> [ByteBuffer] {
        bodies.map { body in
            var headers = [
                (name: "Host", value: endpoint.host),
                (name: "Content-Type", value: amzJSON),
                (name: KMSHeader.target, value: target),
            ]
            let request = SigV4Request(method: "POST", target: endpoint.path, headers: headers, body: body)
            headers += SigV4Signer.sign(
                request,
                credentials: credentials,
                scope: SigV4Scope(region: region, service: "kms"),
                at: time
            )
            var buffer = ByteBuffer()
            buffer.writeString("POST \(endpoint.path) HTTP/1.1\r\n")
            for header in headers { buffer.writeString("\(header.name): \(header.value)\r\n") }
            buffer.writeString("Content-Length: \(body.count)\r\n\r\n")
            buffer.writeBytes(body)
            return buffer
        }
    }
}
