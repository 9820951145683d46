// SPDX-License-Identifier: Apache-2.0

import AWSClient
import KeyringFiles
import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Transport
import UnixSignals

/// The host as it serves: relay, ingress, the admin address and, unless another service does, the enclave's launch.
struct HostService {
    private let configuration: HostConfiguration
    private let file: String
    private let manager: ServiceManager
    private let writer: LineWriter
    private let logger: Logger
    private let metrics = HostMetrics()
    private let group = MultiThreadedEventLoopGroup.singleton

    /// `file` is read again when that is asked for.
    init(
        _ configuration: HostConfiguration,
        file: String,
        manager: ServiceManager,
        writer: LineWriter,
        _ logger: Logger
    ) {
        self.configuration = configuration
        self.file = file
        self.manager = manager
        self.writer = writer
        self.logger = logger
    }

    /// What makes an enclave that finds the relay there.
    typealias MakeLauncher = (_ relay: Endpoint, Logger) -> any EnclaveLauncher

    /// Serves until a signal or a failure. `launcher` is nil where another service launches.
    func run(launcher: MakeLauncher?) async throws {
        let credentials = HostCredentials(configuration.kms, logger: logger)
        defer { credentials.stop() }
        let forwarder = makeForwarder(credentials)
        let store = try StateStore(directory: configuration.stateDirectory)
        let relay = try await RelayServer.start(
            on: configuration.relay,
            peers: RelayPeers(relay: configuration.relay, enclave: configuration.enclave.address),
            group: group,
            configurationFile: configuration.configurationFile,
            store: store,
            forwarder: forwarder,
            writer: writer,
            metrics: metrics,
            logger: logger
        )
        let ingress: Ingress
        do {
            ingress = try await startIngress()
        } catch {
            await relay.shutdown()
            throw error
        }
        let readiness = Readiness(enclave: configuration.enclave.address, group: group)
        let admin: AdminServer?
        do {
            admin = try await startAdmin(readiness, ingress, credentials, launches: launcher != nil)
        } catch {
            await ingress.shutdown()
            await relay.shutdown()
            throw error
        }
        var started: Logger.Metadata = [
            "ingress": "\(ingress.endpoint)", "relay": "\(relay.endpoint)", "version": "\(hostVersion)",
        ]
        if let admin { started["admin"] = "\(admin.endpoint)" }
        logger.info("host started", metadata: started)
        // Before anybody is told that we are ready, and may ask for it.
        let reloads = await UnixSignalsSequence(trapping: .sighup)
        // They stop in the reverse order: no new clients; then the enclave, which answers what it has and closes its
        // connections; then what is left of them, and what the enclave needed.
        var services: [any Service] = [
            Watchdog(manager: manager, group: group), UntilShutdown { await admin?.shutdown() },
            UntilShutdown { await relay.shutdown() }, UntilShutdown { await ingress.shutdown() },
        ]
        if let launcher {
            services.append(
                EnclaveSupervisor(
                    launcher(relay.endpoint, logger),
                    status: configuration.enclave.status,
                    liveness: Liveness(configuration.enclave, group: group),
                    metrics: metrics,
                    logger: logger
                )
            )
        } else if let status = configuration.enclave.status {
            metrics.launcherSays(status.read())
        }
        services += [
            reloader(reloads, ingress, forwarder, credentials),
            // Started when signals to stop are heard already.
            UntilShutdown(
                start: { [manager] in manager.ready("serving") },
                stop: { [manager] in
                    manager.stopping()
                    readiness.drain()
                    await ingress.stopListening()
                }
            ),
        ]
        defer { logger.info("host stopped") }
        try await HostProgram.lifecycle(services, logger).run()
    }

    // MARK: Parts

    private func makeForwarder(_ credentials: HostCredentials) -> KMSForwarder {
        let kms = configuration.kms
        return KMSForwarder(
            kms,
            transport: Self.transport(kms),
            credentials: credentials.current,
            refused: { await credentials.forget() },
            clock: wallClock,
            metrics: metrics,
            logger: logger
        )
    }

    private static func transport(_ kms: HostConfiguration.KMS) -> WebTransport {
        WebTransport(certificateAuthorityFile: kms.certificateAuthorityFile)
    }

    private func startIngress() async throws -> Ingress {
        let inherited = try manager.socket(named: Self.ingressSocket)
        if let unknown = manager.sockets.first(where: { $0.descriptor != inherited }) {
            throw ServiceManagerError(
                "the service manager passed a socket named \(unknown.name) that nothing here is for: "
                    + "FileDescriptorName=\(Self.ingressSocket) makes it the ingress"
            )
        }
        return try await Ingress.start(
            on: configuration.ingress,
            inherited: inherited,
            to: configuration.enclave.address,
            group: group,
            logger: logger,
            limits: configuration.ingressLimits,
            metrics: metrics
        )
    }

    /// The socket's `FileDescriptorName=`.
    private static let ingressSocket = "ingress"

    private func startAdmin(
        _ readiness: Readiness,
        _ ingress: Ingress,
        _ credentials: HostCredentials,
        launches: Bool
    ) async throws -> AdminServer? {
        guard let endpoint = configuration.admin else { return nil }
        let status = launches ? nil : configuration.enclave.status
        return try await AdminServer.start(on: endpoint, group: group, readiness: readiness) { [metrics, writer] in
            if let status { metrics.launcherSays(status.read()) }
            let (waiting, forwarded) = ingress.counts
            var gauges = HostMetrics.Gauges(
                waiting: waiting,
                forwarded: forwarded,
                linesDropped: writer.droppedCount
            )
            let standing = credentials.standing
            gauges.credentialsObtained = standing.obtained
            gauges.credentialsExpiry = standing.expiration
            return metrics.text(gauges, version: hostVersion, now: wallClock())
        }
    }

    /// What can change while it runs: bounds for clients that come, and where requests to KMS go, in whose name.
    private func reloader(
        _ signals: UnixSignalsSequence,
        _ ingress: Ingress,
        _ forwarder: KMSForwarder,
        _ credentials: HostCredentials
    ) -> Reloader {
        Reloader(
            signals: signals,
            read: { [file] in try HostConfiguration(file: file) },
            initial: configuration,
            apply: { fresh in
                ingress.update(fresh.ingressLimits)
                credentials.update(fresh.kms)
                forwarder.update(fresh.kms, transport: Self.transport(fresh.kms))
            },
            manager: manager,
            metrics: metrics,
            logger: logger
        )
    }
}

/// Something that runs by itself already and has to be stopped.
struct UntilShutdown: Service {
    let start: @Sendable () -> Void
    let stop: @Sendable () async -> Void

    init(_ stop: @escaping @Sendable () async -> Void) { self.init(start: {}, stop: stop) }

    init(start: @escaping @Sendable () -> Void, stop: @escaping @Sendable () async -> Void) {
        self.start = start
        self.stop = stop
    }

    func run() async throws {
        start()
        try? await gracefulShutdown()
        await stop()
    }
}
