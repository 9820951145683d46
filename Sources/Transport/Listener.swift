// SPDX-License-Identifier: Apache-2.0

import Glibc
package import NIOCore
import NIOPosix
import Synchronization

/// Accepts connections on an endpoint, at most so many at a time, and closes them in order at the end.
///
/// What a connection does is the initializer's business. At shutdown each connection's pipeline gets a
/// ``ListenerDraining`` event: finish, then close.
package final class Listener: Sendable {
    /// Where it listens; the port is the real one where 0 was asked.
    package let endpoint: Endpoint

    private let channel: any Channel
    private let connections: ConnectionRegister
    private let socketFile: UnixSocketFile?

    private init(endpoint: Endpoint, channel: any Channel, connections: ConnectionRegister, socketFile: UnixSocketFile?)
    {
        self.endpoint = endpoint
        self.channel = channel
        self.connections = connections
        self.socketFile = socketFile
    }

    /// Binds and listens.
    ///
    /// With `inherited`, a socket that somebody else has bound and made to listen there is used, owned from now on;
    /// otherwise one is made. Connections beyond `maximumConnections` are closed as soon as they are accepted. `initialize` sets up the
    /// pipeline of a new one, on its event loop.
    ///
    /// - Throws: ``ListenerError``.
    package static func bind(
        _ endpoint: Endpoint,
        inherited: CInt? = nil,
        group: any EventLoopGroup,
        maximumConnections: Int,
        initialize: @escaping @Sendable (any Channel) -> EventLoopFuture<Void>
    ) async throws(ListenerError) -> Listener {
        let register = ConnectionRegister(maximum: maximumConnections)
        let bootstrap = ServerBootstrap(group: group)
            .serverChannelOption(.backlog, value: backlog)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.maxMessagesPerRead, value: 1)
            // A peer that has said all it has to say still gets its answer.
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                guard register.admit(channel) else {
                    return channel.eventLoop.makeFailedFuture(ListenerError.unusable("too many connections"))
                }
                return initialize(channel)
            }
        var socketFile: UnixSocketFile?
        do {
            let channel: any Channel
            switch (inherited, endpoint) {
            case (let descriptor?, _):
                channel = try await bootstrap.withBoundSocket(descriptor).get()
            case (nil, .tcp(let host, let port)):
                channel = try await bootstrap.bind(host: host, port: port).get()
            case (nil, .unix(let path)):
                let file = try UnixSocketFile(binding: path)
                socketFile = file
                channel = try await bootstrap.withBoundSocket(file.descriptor).get()
            case (nil, .vsock(let cid, let port)):
                let address = VsockAddress(
                    cid: cid.map { VsockAddress.ContextID(rawValue: $0) } ?? .any,
                    port: VsockAddress.Port(rawValue: port)
                )
                channel = try await bootstrap.bind(to: address).get()
            }
            var actual = endpoint
            if case .tcp(let host, _) = endpoint, let port = channel.localAddress?.port {
                actual = .tcp(host: host, port: port)
            }
            return Listener(endpoint: actual, channel: channel, connections: register, socketFile: socketFile)
        } catch {
            socketFile?.remove()
            if let error = error as? ListenerError { throw error }
            throw .unusable("cannot listen on \(endpoint): \(reason(of: error))")
        }
    }

    /// Connections open now.
    package var connectionCount: Int { connections.open.count }

    /// Accepts no more; open connections go on.
    package func stopListening() async {
        try? await channel.close().get()
        socketFile?.remove()
        connections.refuseMore()
    }

    /// Stops listening, lets each connection finish for at most `grace`, closes what is left. A second call waits too.
    package func shutdown(grace: TimeAmount) async {
        await stopListening()
        let open = connections.open
        guard !open.isEmpty else { return }
        for connection in open {
            connection.eventLoop.execute { connection.pipeline.fireUserInboundEventTriggered(ListenerDraining()) }
        }
        let forced = channel.eventLoop.scheduleTask(in: grace) {
            for connection in open { connection.close(promise: nil) }
        }
        try? await EventLoopFuture.andAllComplete(open.map(\.closeFuture), on: channel.eventLoop).get()
        forced.cancel()
    }

    /// Connections that the kernel keeps for us before they are accepted (listen(2)).
    private static let backlog: Int32 = 256
}

/// Sent through the pipeline of each connection when its listener shuts down.
package struct ListenerDraining: Sendable {}

/// Why nothing listens. One line for people.
package enum ListenerError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The call that failed and its errno.
    case system(String, CInt)
    case unusable(String)

    package var description: String {
        switch self {
        case .system(let call, let code): "\(call): \(errorText(code))"
        case .unusable(let reason): reason
        }
    }
}

/// The open connections of one listener.
private final class ConnectionRegister: Sendable {
    private struct State {
        var open: [ObjectIdentifier: any Channel] = [:]
        var accepting = true
    }

    private let maximum: Int
    private let state = Mutex(State())

    init(maximum: Int) { self.maximum = maximum }

    var open: [any Channel] { state.withLock { Array($0.open.values) } }

    func admit(_ channel: any Channel) -> Bool {
        let admitted = state.withLock { state in
            guard state.accepting, state.open.count < maximum else { return false }
            state.open[ObjectIdentifier(channel)] = channel
            return true
        }
        if admitted {
            let id = ObjectIdentifier(channel)
            channel.closeFuture.whenComplete { _ in self.state.withLock { _ = $0.open.removeValue(forKey: id) } }
        }
        return admitted
    }

    func refuseMore() { state.withLock { $0.accepting = false } }
}
