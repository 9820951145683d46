// SPDX-License-Identifier: Apache-2.0

import CPlatform
import Glibc
import Synchronization

/// A running enclave program.
///
/// It has an empty environment and no descriptor of the host's, and the kernel kills it if the host dies. A thread of its
/// own starts it and waits for its end, so that the end is known at once.
package final class EnclaveProcess: Sendable {
    package enum Exit: Equatable, Sendable, CustomStringConvertible {
        case code(Int32)
        case signal(Int32)

        package var description: String {
            switch self {
            case .code(let code): "exit code \(code)"
            case .signal(let number): "signal \(number)"
            }
        }
    }

    private enum State {
        case running
        case ended(Exit)
    }

    package let processID: Int32
    private let state = Mutex(State.running)
    /// Finishes when the process has ended.
    private let end: AsyncStream<Never>
    private let endContinuation: AsyncStream<Never>.Continuation

    private init(_ processID: Int32) {
        self.processID = processID
        (end, endContinuation) = AsyncStream.makeStream(of: Never.self)
    }

    /// Starts `executable` with `arguments` (without the program's name).
    ///
    /// - Throws: ``EnclaveLaunchError``.
    package static func start(
        _ executable: String,
        _ arguments: [String]
    ) async throws(EnclaveLaunchError) -> EnclaveProcess {
        let result: Result<EnclaveProcess, EnclaveLaunchError> = await withCheckedContinuation { continuation in
            let isRunning = DedicatedThread.run {
                switch spawn(executable, arguments) {
                case .failure(let error): continuation.resume(returning: .failure(error))
                case .success(let process):
                    continuation.resume(returning: .success(process))
                    process.waitForEnd()
                }
            }
            if !isRunning { continuation.resume(returning: .failure(EnclaveLaunchError(executable, EAGAIN))) }
        }
        return try result.get()
    }

    /// Waits for the end; only one caller may wait.
    package func exit() async -> Exit {
        for await _ in end {}
        return state.withLock { if case .ended(let exit) = $0 { exit } else { .code(127) } }
    }

    /// Sends a signal to the process and what it started; nothing once it has ended.
    package func signal(_ number: Int32) {
        // The lock keeps the id from being given to another process in between.
        state.withLock { state in
            guard case .running = state else { return }
            if kill(-processID, number) != 0 { kill(processID, number) }
        }
    }

    private static func spawn(
        _ executable: String,
        _ arguments: [String]
    ) -> Result<EnclaveProcess, EnclaveLaunchError> {
        let count = 1 + arguments.count
        let vector = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: count + 1)
        for (index, argument) in ([executable] + arguments).enumerated() {
            unsafe (vector + index).initialize(to: strdup(argument))
        }
        unsafe (vector + count).initialize(to: nil)
        defer {
            for index in 0..<count { unsafe free(vector[index]) }
            unsafe vector.deallocate()
        }
        var code: CInt = 0
        let processID = unsafe kb_spawn_child(executable, vector, &code)
        return processID > 0 ? .success(EnclaveProcess(processID)) : .failure(EnclaveLaunchError(executable, code))
    }

    private func waitForEnd() {
        _ = kb_wait_for_child(processID)
        state.withLock { state in
            let result = kb_reap_child(processID)
            state = .ended(result < 0 ? .signal(-result) : .code(result))
        }
        endContinuation.finish()
    }
}

extension EnclaveLaunchError {
    /// The program and the system's reason.
    init(_ executable: String, _ code: CInt) {
        let text = unsafe strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
        self.init("\(executable): \(text)")
    }
}

/// A detached thread for one long wait.
private enum DedicatedThread {
    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// False if the system has no thread left.
    static func run(_ body: @escaping @Sendable () -> Void) -> Bool {
        let context = unsafe Unmanaged.passRetained(Body(body))
        var thread = pthread_t()
        let code = unsafe pthread_create(
            &thread,
            nil,
            { context in
                if let context = unsafe context { unsafe Unmanaged<Body>.fromOpaque(context).takeRetainedValue().run() }
                return nil
            },
            context.toOpaque()
        )
        guard code == 0 else {
            unsafe context.release()
            return false
        }
        pthread_detach(thread)
        return true
    }
}
