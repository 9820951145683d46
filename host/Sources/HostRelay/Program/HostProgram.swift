// SPDX-License-Identifier: Apache-2.0

import Glibc
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
        // Whoever asks for the configuration to be read again may ask before we are there.
        signal(SIGHUP, SIG_IGN)
        switch HostArguments.parse(arguments) {
        case .print(let text):
            output(text)
            return 0
        case .usage(let problem):
            complain(problem)
            return 2
        case .check(let file):
            guard let configuration = load(file) else { return 2 }
            return await check(configuration)
        case .run(let file, let launches):
            guard let configuration = load(file) else { return 2 }
            return await run { writer, manager in
                let service = HostService(configuration, file: file, manager: manager, writer: writer, logger(writer))
                try await service.run(launcher: launches ? launcher(configuration) : nil)
            }
        case .launch(let file):
            guard let configuration = load(file) else { return 2 }
            guard let launcher = launcher(configuration) else {
                complain("\(file): enclave.launch: there is nothing to launch")
                return 2
            }
            return await run { try await launch(launcher, configuration, manager: $1, writer: $0) }
        }
    }

    private static func run(_ body: (LineWriter, ServiceManager) async throws -> Void) async -> Int32 {
        OpenFiles.raiseLimit()
        let manager = ServiceManager.fromEnvironment()
        let writer = LineWriter(descriptor: STDOUT_FILENO, marksLevels: manager.logsToJournal)
        defer { writer.flush() }
        do {
            try await body(writer, manager)
            return 0
        } catch {
            complain("\(error)")
            return 1
        }
    }

    private static func load(_ file: String) -> HostConfiguration? {
        do throws(HostConfigurationError) {
            return try HostConfiguration(file: file)
        } catch {
            complain(error.description)
            return nil
        }
    }

    private static func check(_ configuration: HostConfiguration) async -> Int32 {
        var code: Int32 = 0
        for (subject, problem) in await HostCheck.findings(configuration) {
            output(problem.map { "\(subject): \($0)\n" } ?? "\(subject): ok\n")
            if problem != nil { code = 1 }
        }
        return code
    }

    private static func logger(_ writer: LineWriter) -> Logger {
        Logger(label: "keybroker-host") { _ in JSONLinesLogHandler(writer: writer) }
    }

    /// How the configuration says that the enclave is started; nil: not by us.
    private static func launcher(_ configuration: HostConfiguration) -> HostService.MakeLauncher? {
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
        _ launcher: HostService.MakeLauncher,
        _ configuration: HostConfiguration,
        manager: ServiceManager,
        writer: LineWriter
    ) async throws {
        let logger = logger(writer)
        logger.info("launcher started", metadata: ["version": "\(hostVersion)"])
        defer { logger.info("launcher stopped") }
        let supervisor = EnclaveSupervisor(
            launcher(configuration.relay, logger),
            status: configuration.enclave.status,
            liveness: Liveness(configuration.enclave, group: MultiThreadedEventLoopGroup.singleton),
            logger: logger
        )
        let watchdog = Watchdog(manager: manager, group: MultiThreadedEventLoopGroup.singleton)
        let announcement = UntilShutdown(
            start: { manager.ready("keeping the enclave running") },
            stop: { manager.stopping() }
        )
        try await lifecycle([watchdog, supervisor, announcement], logger).run()
    }

    static func lifecycle(_ services: [any Service], _ logger: Logger) -> ServiceGroup {
        var quiet = logger
        quiet.logLevel = .warning
        return ServiceGroup(services: services, gracefulShutdownSignals: [.sigterm, .sigint], logger: quiet)
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
