// SPDX-License-Identifier: Apache-2.0

package import KeyringFiles
package import Logging
package import NIOCore
import NIOHTTP1
import NIOPosix
package import Transport

/// The enclave's way out: configuration, keyring store, KMS, log and metrics over HTTP.
package final class RelayServer: Sendable {
    private let server: HTTPServer

    private init(_ server: HTTPServer) { self.server = server }

    /// Where it listens.
    package var endpoint: Endpoint { server.endpoint }

    /// Binds and serves.
    ///
    /// `peers` says who may connect; nil: whoever can.
    ///
    /// - Throws: ``ListenerError``.
    package static func start(
        on endpoint: Endpoint,
        peers: RelayPeers? = nil,
        group: any EventLoopGroup,
        configurationFile: String,
        store: StateStore,
        forwarder: KMSForwarder,
        writer: LineWriter,
        metrics: HostMetrics = HostMetrics(),
        logger: Logger
    ) async throws -> RelayServer {
        let routes = RelayRoutes(
            configurationFile: configurationFile,
            store: store,
            forwarder: forwarder,
            reports: EnclaveReports(writer: writer, metrics: metrics),
            metrics: metrics,
            logger: logger
        )
        let door = RelayDoor(peers, metrics: metrics, logger: logger)
        let server = try await HTTPServer.start(
            on: endpoint,
            group: group,
            limits: RelayLimits.server,
            prelude: { channel in
                try door.check(channel)
                return []
            },
            handler: { routes.answer($0, on: $1) }
        )
        return RelayServer(server)
    }

    /// Lets requests under way finish, and closes.
    package func shutdown() async { await server.shutdown(grace: RelayLimits.shutdownGrace) }
}

/// Which request does what.
private struct RelayRoutes: Sendable {
    let configurationFile: String
    let store: StateStore
    let forwarder: KMSForwarder
    let reports: EnclaveReports
    let metrics: HostMetrics
    let logger: Logger

    func answer(_ request: HTTPRequest, on loop: any EventLoop) -> EventLoopFuture<HTTPResponse> {
        switch (request.method, request.target) {
        case (.GET, RelayContract.configuration): offLoop(loop) { configuration() }
        case (.GET, RelayContract.keyring): offLoop(loop) { keyring() }
        case (.PUT, RelayContract.keyring): offLoop(loop) { store(request) }
        case (.POST, RelayContract.kms): loop.makeFutureWithTask { await forwarder.forward(request) }
        case (.POST, RelayContract.log): done(loop, HTTPResponse(status: reports.log(request.body)))
        case (.PUT, RelayContract.metrics): done(loop, HTTPResponse(status: reports.keepMetrics(request.body)))
        // For the channel in which TLS to KMS ends inside the enclave.
        case (.CONNECT, _), (.GET, RelayContract.credentials):
            done(loop, HTTPResponse(status: .notImplemented))
        case (_, RelayContract.configuration), (_, RelayContract.keyring), (_, RelayContract.kms),
            (_, RelayContract.log),
            (_, RelayContract.metrics), (_, RelayContract.credentials):
            done(loop, HTTPResponse(status: .methodNotAllowed))
        default: done(loop, HTTPResponse(status: .notFound))
        }
    }

    private func done(_ loop: any EventLoop, _ response: HTTPResponse) -> EventLoopFuture<HTTPResponse> {
        loop.makeSucceededFuture(response)
    }

    /// Files are read and written on other threads.
    private func offLoop(
        _ loop: any EventLoop,
        _ work: @escaping @Sendable () -> HTTPResponse
    ) -> EventLoopFuture<HTTPResponse> {
        NIOThreadPool.singleton.runIfActive(eventLoop: loop, work)
    }

    private func configuration() -> HTTPResponse {
        do throws(DurableFile.Failure) {
            guard let bytes = try DurableFile.read(configurationFile, limit: RelayLimits.configurationLength) else {
                logger.error("no configuration for the enclave", metadata: ["file": "\(configurationFile)"])
                return HTTPResponse(status: .notFound)
            }
            return HTTPResponse(
                status: .ok,
                headers: ["Content-Type": "application/json"],
                body: ByteBuffer(bytes: bytes)
            )
        } catch {
            logger.error("configuration unreadable", metadata: ["reason": "\(error.description)"])
            return HTTPResponse(status: .internalServerError)
        }
    }

    private func keyring() -> HTTPResponse {
        do {
            guard let stored = try store.current() else { return HTTPResponse(status: .notFound) }
            return HTTPResponse(
                status: .ok,
                headers: [
                    "Content-Type": "application/cose", RelayContract.keyringVersion: String(stored.version),
                ],
                body: ByteBuffer(bytes: stored.bytes)
            )
        } catch {
            logger.error("keyring unreadable", metadata: ["reason": "\(error)"])
            return HTTPResponse(status: .internalServerError)
        }
    }

    private func store(_ request: HTTPRequest) -> HTTPResponse {
        let versions = request.headers[RelayContract.keyringVersion]
        guard versions.count == 1, let text = versions.first, let version = UInt64(text), String(version) == text,
            version > 0, request.body.readableBytes > 0
        else { return HTTPResponse(status: .badRequest) }
        do {
            switch try store.store(version: version, bytes: Array(request.body.readableBytesView)) {
            case .stored:
                metrics.stored("stored")
                logger.info("keyring stored", metadata: ["version": "\(version)"])
                return HTTPResponse(status: .noContent)
            case .alreadyStored:
                return HTTPResponse(status: .noContent)
            case .conflict(let stored):
                metrics.stored("conflict")
                logger.warning("keyring refused", metadata: ["version": "\(version)", "stored": "\(stored)"])
                return HTTPResponse(status: .conflict)
            }
        } catch {
            metrics.stored("failed")
            logger.error("keyring not stored", metadata: ["version": "\(version)", "reason": "\(error)"])
            return HTTPResponse(status: .internalServerError)
        }
    }
}
