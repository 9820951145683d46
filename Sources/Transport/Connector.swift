// SPDX-License-Identifier: Apache-2.0

import Glibc
package import NIOCore
import NIOPosix

/// Opens connections to endpoints of all kinds.
package enum Connector: Sendable {
    /// Starts to connect; the result is the open channel, its pipeline set up by `initialize`.
    ///
    /// A vsock endpoint needs its CID.
    package static func connect(
        to endpoint: Endpoint,
        group: any EventLoopGroup,
        timeout: TimeAmount,
        initialize: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
    ) -> EventLoopFuture<any Channel> {
        let bootstrap = ClientBootstrap(group: group)
            .connectTimeout(timeout)
            .channelOption(.maxMessagesPerRead, value: 1)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer(initialize)
        switch endpoint {
        case .tcp(let host, let port):
            return bootstrap.connect(host: host, port: port)
        case .unix(let path):
            return bootstrap.connect(unixDomainSocketPath: path)
        case .vsock(let cid, let port):
            guard let cid else {
                return group.next().makeFailedFuture(ListenerError.unusable("\(endpoint) names no one to connect to"))
            }
            return bootstrap.connect(
                to: VsockAddress(cid: VsockAddress.ContextID(rawValue: cid), port: VsockAddress.Port(rawValue: port))
            )
        }
    }

    /// One line for people on why a connection could not be made, without addresses of ours in it.
    package static func reason(of error: any Error) -> String { Transport.reason(of: error) }
}

/// One line for people on an error of the event loop.
func reason(of error: any Error) -> String {
    switch error {
    case let error as IOError: errorText(error.errnoCode)
    case let error as NIOConnectionError:
        error.connectionErrors.first.map { reason(of: $0.error) } ?? "the name has no address"
    case let error as ChannelError:
        if case .connectTimeout = error { "no answer in time" } else { "the connection is closed" }
    case let error as ListenerError: error.description
    case is SocketAddressError: "the name has no address"
    default: "the connection failed"
    }
}

func errorText(_ code: CInt) -> String {
    guard let text = unsafe strerror(code) else { return "error \(code)" }
    return unsafe String(cString: text)
}
