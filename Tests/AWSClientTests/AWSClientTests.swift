// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import NIOCore
import NIOHTTP1
import NIOPosix
import SigV4
import Transport

/// A server for one test on 127.0.0.1; `body` gets its URL.
func withWebServer(
    _ handler: @escaping HTTPServer.Handler,
    _ body: (HTTPServer, String) async throws -> Void
) async throws {
    let server = try await HTTPServer.start(
        on: .tcp(host: "127.0.0.1", port: 0),
        group: MultiThreadedEventLoopGroup.singleton,
        limits: HTTPLimits(bodyLength: 1 << 20),
        handler: handler
    )
    guard case .tcp(_, let port) = server.endpoint else { return }
    do {
        try await body(server, "http://127.0.0.1:\(port)")
    } catch {
        await server.shutdown(grace: .zero)
        throw error
    }
    await server.shutdown(grace: .zero)
}

func answer(_ loop: any EventLoop, _ status: HTTPResponseStatus, _ body: String = "", _ headers: HTTPHeaders = [:])
    -> EventLoopFuture<HTTPResponse>
{
    loop.makeSucceededFuture(HTTPResponse(status: status, headers: headers, body: ByteBuffer(string: body)))
}

extension SigV4Request {
    init(_ request: HTTPRequest) {
        self.init(
            method: request.method.rawValue,
            target: request.target,
            headers: request.headers.map { (name: $0.name, value: $0.value) },
            body: Array(buffer: request.body)
        )
    }
}

func testCredentials(_ id: String = "AKIDEXAMPLE", secret: String = "wJalrXUtnFEMI", token: String? = nil) throws
    -> AWSCredentials
{
    AWSCredentials(
        accessKeyID: id,
        secretAccessKey: SharedSecret(try SecretBytes(copying: Array(secret.utf8))),
        sessionToken: token
    )
}

func secretText(_ credentials: AWSCredentials) -> String {
    credentials.secretAccessKey.bytes.withBytes { span in
        String(
            decoding: (0..<span.byteCount).map { unsafe span.unsafeLoad(fromByteOffset: $0, as: UInt8.self) },
            as: UTF8.self
        )
    }
}
