// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Glibc
import NIOCore
import NIOPosix
package import SecurityModule
import Synchronization
import Transport

/// The process around an enclave.
package enum EnclaveProgram: Sendable {
    /// What keeps OpenSSL from doing its part, in one line; nil: nothing. Asked before anything else is done.
    package static var cryptographyProblem: String? {
        do {
            try LibraryCheck.run()
            return nil
        } catch {
            let code = TerminalFailure.Code.cryptography.rawValue
            return "\(code): libcrypto lacks an algorithm or randomness: is this OpenSSL 3 with its default provider?"
        }
    }

    /// Runs until SIGTERM or SIGINT.
    ///
    /// - Parameters:
    ///   - arguments: The command line.
    ///   - module: The security module that it names.
    ///   - tap: What stands between the boot and its environment.
    ///   - warning: Goes to standard error and into the log first.
    /// - Returns: The exit code: 0 after a signal, 1 if the enclave does not start, 2 for an unreadable file.
    package static func run(
        _ arguments: EnclaveArguments,
        module: SecurityModule,
        tap: @escaping BootTap = { $0 },
        warning: String? = nil
    ) -> Int32 {
        let signals = TerminationSignals()
        let log = EnclaveLog(unsent: StandardStreams.log)
        if let warning {
            StandardStreams.error(warning)
            log.warning(warning)
        }
        if arguments.module == .nsm { StandardStreams.output(ModuleReport.line(of: module)) }
        if !ProcessMemory.forbidDumps() { log.warning("memory dumps of this process are not forbidden") }
        var environment = EnclaveEnvironment(
            module: module,
            isSimulatedModule: arguments.module != .nsm,
            relay: arguments.relay,
            listen: arguments.listen,
            tap: tap
        )
        if let path = arguments.configurationFile {
            guard let bytes = BoundedFile.read(path) else {
                StandardStreams.error("cannot read \(path), or it is longer than a configuration may be")
                return 2
            }
            environment.configuration = bytes
        }
        let group = MultiThreadedEventLoopGroup(numberOfThreads: System.coreCount)
        let enclave: Enclave
        switch wait({ [environment] in try await Enclave(environment, group: group, log: log) }) {
        case .success(let started): enclave = started
        case .failure(let error):
            StandardStreams.error(describe(error))
            return 1
        }
        signals.wait()
        _ = wait {
            await enclave.shutdown()
            try await group.shutdownGracefully()
        }
        return 0
    }

    private static func describe(_ error: any Error) -> String {
        if let failure = error as? TerminalFailure { return "\(failure.code.rawValue): \(failure.detail)" }
        return "\(error)"
    }

    /// Runs asynchronous work from the main thread, which has nothing else to do.
    private static func wait<Value: Sendable>(_ work: @escaping @Sendable () async throws -> Value)
        -> Result<Value, any Error>
    {
        let done = DispatchedResult<Value>()
        Task.detached {
            do {
                done.finish(.success(try await work()))
            } catch {
                done.finish(.failure(error))
            }
        }
        return done.wait()
    }
}
