// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Glibc
import KeyringFiles
import Logging
import NIOPosix
import ServiceLifecycle
import Transport
import UnixSignals

/// `keybroker-host` as a whole.
package enum HostProgram {
    /// Does what the arguments say and returns the exit code.
    package static func run(_ arguments: [String]) async -> Int32 {
        // A reader of our standard output that goes away is not the end of the host.
        signal(SIGPIPE, SIG_IGN)
        switch HostArguments.parse(arguments) {
        case .print(let text):
            output(text)
            return 0
        case .usage(let problem):
            complain(problem)
            return 2
        case .check(let file):
            guard let configuration = load(file) else { return 2 }
            return check(configuration)
        case .run(let file, let launches):
            guard let configuration = load(file) else { return 2 }
            return await run { try await serve(configuration, launches: launches, writer: $0) }
        case .launch(let file):
            guard let configuration = load(file) else { return 2 }
            guard let launcher = launcher(configuration) else {
                complain("\(file): enclave.launch: there is nothing to launch")
                return 2
            }
            return await run { try await launch(launcher, configuration, writer: $0) }
        }
    }

    private static func run(_ body: (LineWriter) async throws -> Void) async -> Int32 {
        let writer = LineWriter(descriptor: STDOUT_FILENO)
        defer { writer.flush() }
        do {
            try await body(writer)
            return 0
        } catch {
            complain("\(error)")
            return 1
        }
    }

    private static func load(_ file: String) -> HostConfiguration? {
        do {
            guard let bytes = try DurableFile.read(file, limit: HostConfiguration.maximumLength) else {
                complain("\(file) does not exist")
                return nil
            }
            return try HostConfiguration(bytes)
        } catch {
            complain(error is HostConfigurationError ? "\(file): \(error)" : "\(error)")
            return nil
        }
    }

    private static func check(_ configuration: HostConfiguration) -> Int32 {
        var code: Int32 = 0
        for (subject, problem) in HostCheck.findings(configuration) {
            output(problem.map { "\(subject): \($0)\n" } ?? "\(subject): ok\n")
            if problem != nil { code = 1 }
        }
        return code
    }

    private static func logger(_ writer: LineWriter) -> Logger {
        Logger(label: "keybroker-host") { _ in JSONLinesLogHandler(writer: writer) }
    }

    /// How the configuration says that the enclave is started; nil: not by us.
    private static func launcher(_ configuration: HostConfiguration) -> (
        (_ relay: Endpoint, Logger) -> any EnclaveLauncher
    )? {
        let enclave = configuration.enclave
        switch enclave.launch {
        case .none: return nil
        case .process:
            guard let executable = enclave.executable, let module = enclave.module else { return nil }
            return { relay, _ in
                ProcessLauncher(
                    executable: executable,
                    arguments: [
                        "--relay", relay.onThisMachine.description, "--listen", enclave.endpoint.description,
                        "--module", module,
                    ]
                )
            }
        case .nitro:
            guard let nitro = enclave.nitro, case .vsock(let cid, _) = enclave.endpoint else { return nil }
            return { _, logger in NitroLauncher(nitro, cid: cid, logger: logger) }
        }
    }

    /// Launches the enclave and keeps it running, and nothing else: for a service of its own.
    private static func launch(
        _ launcher: (Endpoint, Logger) -> any EnclaveLauncher,
        _ configuration: HostConfiguration,
        writer: LineWriter
    ) async throws {
        let logger = logger(writer)
        logger.info("launcher started", metadata: ["version": "\(hostVersion)"])
        defer { logger.info("launcher stopped") }
        let supervisor = EnclaveSupervisor(
            launcher(configuration.relay, logger),
            status: configuration.enclave.status,
            logger: logger
        )
        try await lifecycle([supervisor], logger).run()
    }

    private static func lifecycle(_ services: [any Service], _ logger: Logger) -> ServiceGroup {
        var quiet = logger
        quiet.logLevel = .warning
        return ServiceGroup(services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet)
    }

    /// Serves until a signal or a failure.
    static func serve(_ configuration: HostConfiguration, launches: Bool, writer: LineWriter) async throws {
        let logger = logger(writer)
        let group = MultiThreadedEventLoopGroup.singleton
        let kms = configuration.kms
        let forwarder = KMSForwarder(
            kms,
            transport: WebTransport(certificateAuthorityFile: kms.certificateAuthorityFile),
            credentials: { () throws(CredentialError) in
                try CredentialChain.resolve(environment: CredentialChain.processEnvironment(), profile: kms.profile)
            },
            clock: wallClock,
            logger: logger
        )
        let store = try StateStore(directory: configuration.stateDirectory)
        let relay = try await RelayServer.start(
            on: configuration.relay,
            group: group,
            configurationFile: configuration.configurationFile,
            store: store,
            forwarder: forwarder,
            writer: writer,
            logger: logger
        )
        let ingress: Ingress
        do {
            ingress = try await Ingress.start(
                on: configuration.ingress,
                to: configuration.enclave.address,
                group: group,
                logger: logger,
                limits: configuration.ingressLimits
            )
        } catch {
            await relay.shutdown()
            throw error
        }
        logger.info(
            "host started",
            metadata: ["ingress": "\(ingress.endpoint)", "relay": "\(relay.endpoint)", "version": "\(hostVersion)"]
        )
        // They stop in the reverse order: no new clients; then the enclave, which answers what it has and closes its
        // connections; then what is left of them, and what the enclave needed.
        var services: [any Service] = [
            UntilShutdown { await relay.shutdown() }, UntilShutdown { await ingress.shutdown() },
        ]
        if launches, let launcher = launcher(configuration) {
            services.append(
                EnclaveSupervisor(
                    launcher(relay.endpoint, logger),
                    status: configuration.enclave.status,
                    logger: logger
                )
            )
        }
        services.append(UntilShutdown { await ingress.stopListening() })
        defer { logger.info("host stopped") }
        try await lifecycle(services, logger).run()
    }

    private static func output(_ text: String) { write(text, STDOUT_FILENO) }

    private static func complain(_ text: String) { write("keybroker-host: \(text)\n", STDERR_FILENO) }

    private static func write(_ text: String, _ descriptor: CInt) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}

/// Something that runs by itself already and has to be stopped.
private struct UntilShutdown: Service {
    let stop: @Sendable () async -> Void

    init(_ stop: @escaping @Sendable () async -> Void) { self.stop = stop }

    func run() async throws {
        try? await gracefulShutdown()
        await stop()
    }
}
