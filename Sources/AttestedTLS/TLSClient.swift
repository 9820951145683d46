// SPDX-License-Identifier: Apache-2.0

import Cryptography
package import NIOCore
import NIOSSL
import NIOTLS

/// The client's end of TLS: handlers for one connection, TLS 1.2 or later.
package struct TLSClient: Sendable {
    private let context: NIOSSLContext
    private let serverName: String?

    /// Trusts what a bundle holds, for the name or address of the endpoint.
    ///
    /// - Throws: ``AttestedTLSError``.
    package init(trusting bundle: String, host: String) throws(AttestedTLSError) {
        do {
            context = try Self.context { configuration in
                configuration.trustRoots = .file(bundle)
            }
        } catch {
            throw .unusableBundle(bundle)
        }
        serverName = Self.serverName(host)
    }

    private init(unverifiedHost host: String) throws(AttestedTLSError) {
        do {
            // Names are judged with the rest, by whoever gets the certificates.
            context = try Self.context { configuration in
                configuration.certificateVerification = .noHostnameVerification
                // The system's have no say in it, and a machine may have none.
                configuration.trustRoots = .certificates([])
            }
        } catch {
            throw .handshake("no TLS context")
        }
        serverName = Self.serverName(host)
    }

    private static func context(_ change: (inout TLSConfiguration) -> Void) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.applicationProtocols = [TLSServer.applicationProtocol]
        configuration.shutdownTimeout = TLSServer.closeTimeout
        change(&configuration)
        return try NIOSSLContext(configuration: configuration)
    }

    /// Server Name Indication is for names alone (RFC 6066 section 3).
    private static func serverName(_ host: String) -> String? {
        (try? SocketAddress(ipAddress: host, port: 0)) == nil ? host : nil
    }

    /// What stands first on a connection.
    package func handlers() throws -> [any ChannelHandler] {
        [try NIOSSLClientHandler(context: context, serverHostname: serverName), PromptClose()]
    }
}

extension TLSClient {
    /// The certificates that a peer presented in one handshake, DER, its own first. The handshake proved that the peer
    /// has the key of the first; who the peer is was not checked.
    package typealias PresentedCertificates = [[UInt8]]

    /// Handlers for a connection to whoever is there: **no certificate is checked**, they are handed over for somebody
    /// else to judge.
    ///
    /// - Parameters:
    ///   - host: Name or address of the endpoint.
    ///   - presented: Completed when the handshake is done, failed with ``AttestedTLSError`` when it fails.
    /// - Returns: What stands first on the connection.
    /// - Throws: ``AttestedTLSError``; an error of NIOSSL for a host that is no name.
    package static func unverifiedHandlers(host: String, presented: EventLoopPromise<PresentedCertificates>) throws
        -> [any ChannelHandler]
    {
        let client = try TLSClient(unverifiedHost: host)
        let capture = HandshakeCapture(presented)
        return [
            try NIOSSLClientHandler(context: client.context, serverHostname: client.serverName) {
                certificates,
                verdict in
                capture.certificates = certificates.compactMap { try? $0.toDERBytes() }
                verdict.succeed(.certificateVerified)
            },
            PromptClose(), capture,
        ]
    }
}

/// Hands over the certificates of a handshake once it is done.
private final class HandshakeCapture: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    var certificates: TLSClient.PresentedCertificates = []
    private var presented: EventLoopPromise<TLSClient.PresentedCertificates>?

    init(_ presented: EventLoopPromise<TLSClient.PresentedCertificates>) { self.presented = presented }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case TLSUserEvent.handshakeCompleted = event { presented.take()?.succeed(certificates) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        fail(
            error is NIOSSLError || error is BoringSSLError
                ? "no TLS handshake: \(Self.reason(error))" : "the connection broke in the handshake"
        )
        context.fireErrorCaught(error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail("the connection was closed in the handshake")
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) { fail("the connection was closed in the handshake") }

    private func fail(_ reason: String) { presented.take()?.fail(AttestedTLSError.handshake(reason)) }

    /// Names of BoringSSL's errors, nothing of the peer's words.
    private static func reason(_ error: any Error) -> String {
        let text = "\(error)"
        if text.contains("WRONG_VERSION_NUMBER") || text.contains("HTTP_REQUEST") {
            return "what answers does not speak TLS"
        }
        if text.contains("eof") || text.contains("EOF") { return "the connection was closed" }
        return "refused"
    }
}
