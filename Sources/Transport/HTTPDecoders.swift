// SPDX-License-Identifier: Apache-2.0

import NIOCore
import NIOHTTP1

/// NIO's decoders of HTTP/1.1, within the limits of a server or a client.
enum HTTPDecoders: Sendable {
    /// To be called before the first connection, whoever makes it.
    ///
    /// Swift's runtime (seen with 6.3.1 on Linux) may follow a null pointer when two threads need the metadata of these
    /// generic types for the first time at the same moment: a process whose first two connections came together on two
    /// event loops died of it, about once in two hundred starts. So one thread makes all of it before.
    static func prepare() { _ = metadata }

    private static let metadata: Void = {
        _ = request(HTTPLimits(bodyLength: 0))
        _ = response(HTTPLimits(bodyLength: 0))
    }()

    static func request(_ limits: HTTPLimits) -> ByteToMessageHandler<HTTPRequestDecoder> {
        ByteToMessageHandler(
            HTTPRequestDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: configuration(limits))
        )
    }

    static func response(_ limits: HTTPLimits) -> ByteToMessageHandler<HTTPResponseDecoder> {
        ByteToMessageHandler(
            HTTPResponseDecoder(leftOverBytesStrategy: .dropBytes, limitConfiguration: configuration(limits))
        )
    }

    private static func configuration(_ limits: HTTPLimits) -> NIOHTTPDecoderLimitConfiguration {
        var configuration = NIOHTTPDecoderLimitConfiguration()
        configuration.maxHeaderFieldSize = limits.headerBytes
        configuration.maxHeaderListSize = limits.headerBytes
        configuration.maxHeaderFieldCount = HTTPLimits.headerFields
        return configuration
    }
}
