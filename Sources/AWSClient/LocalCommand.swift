// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Glibc

/// Runs a program of this machine to its end and keeps what it says: `credential_process`, `nitro-cli`.
package enum LocalCommand: Sendable {
    package struct Output: Sendable {
        /// The exit code; 128 plus the signal's number if one ended it, as shells say it.
        package var status: Int32
        package var output: [UInt8]
        package var errors: [UInt8]
    }

    package enum Failure: Error, Equatable, Sendable, CustomStringConvertible {
        case cannotStart(CInt)
        case tooMuchOutput
        case timeout

        /// One line for people.
        package var description: String {
            switch self {
            case .cannotStart(let code):
                unsafe strerror(code).map { unsafe String(cString: $0) } ?? "cannot be started: error \(code)"
            case .tooMuchOutput: "said more than is read of it"
            case .timeout: "did not end in time"
            }
        }
    }

    /// Bytes of each stream: credentials and descriptions of enclaves have a few thousand.
    private static let maximumOutput = 1 << 20
    /// How long the end of a program whose streams others still hold goes unnoticed.
    private static let pollInterval: CInt = 20

    /// Runs `program` (a path, or looked for in this process's PATH) with nothing on its standard input. Beyond `timeout` it and its process group are killed.
    ///
    /// Returns when the program has ended, also while something that it left behind holds its streams.
    package static func run(
        _ program: String,
        _ arguments: [String],
        environment: [String: String],
        timeout: Duration
    ) async throws(Failure) -> Output {
        let result: Result<Output, Failure> = await withCheckedContinuation { continuation in
            DispatchQueue.global().async {
                continuation.resume(returning: runHere(program, arguments, environment, timeout))
            }
        }
        return try result.get()
    }

    private static func runHere(
        _ program: String,
        _ arguments: [String],
        _ environment: [String: String],
        _ timeout: Duration
    ) -> Result<Output, Failure> {
        let deadline = ContinuousClock.now + timeout
        guard let output = OutputPipe() else { return .failure(.cannotStart(errno)) }
        guard let errors = OutputPipe() else { return .failure(.cannotStart(errno)) }
        var child = pid_t()
        let code = spawn(&child, program, arguments, environment, output: output, errors: errors)
        output.closeWriteEnd()
        errors.closeWriteEnd()
        guard code == 0 else { return .failure(.cannotStart(code)) }

        while true {
            // The end first, then what it had said before it.
            let status = reap(child, wait: false)
            let fits = output.drain(limit: maximumOutput) && errors.drain(limit: maximumOutput)
            if let status, fits {
                return .success(Output(status: status, output: output.bytes, errors: errors.bytes))
            }
            let isLate = ContinuousClock.now >= deadline
            if !fits || isLate {
                if status == nil {
                    kill(-child, SIGKILL)
                    kill(child, SIGKILL)
                    _ = reap(child, wait: true)
                }
                return .failure(fits ? .timeout : .tooMuchOutput)
            }
            OutputPipe.wait(output, errors, milliseconds: pollInterval)
        }
    }

    /// Nil: it has not ended.
    private static func reap(_ child: pid_t, wait: Bool) -> Int32? {
        var status: CInt = 0
        while true {
            let reaped = unsafe waitpid(child, &status, wait ? 0 : WNOHANG)
            if reaped == 0 { return nil }
            if reaped < 0 && errno == EINTR { continue }
            guard reaped == child else { return 127 }
            // WIFEXITED, WEXITSTATUS and WTERMSIG of wait(2), which are macros.
            return status & 0x7F == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F)
        }
    }

    /// 0, or an errno.
    private static func spawn(
        _ child: inout pid_t,
        _ program: String,
        _ arguments: [String],
        _ environment: [String: String],
        output: OutputPipe,
        errors: OutputPipe
    ) -> CInt {
        var actions = unsafe posix_spawn_file_actions_t()
        var attributes = posix_spawnattr_t()
        guard unsafe posix_spawn_file_actions_init(&actions) == 0 else { return ENOMEM }
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        guard unsafe posix_spawnattr_init(&attributes) == 0 else { return ENOMEM }
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        unsafe sigfillset(&signals)
        var none = sigset_t()
        unsafe sigemptyset(&none)
        let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK
        let steps = [
            unsafe posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0),
            unsafe posix_spawn_file_actions_adddup2(&actions, output.writeEnd, 1),
            unsafe posix_spawn_file_actions_adddup2(&actions, errors.writeEnd, 2),
            unsafe posix_spawnattr_setpgroup(&attributes, 0),
            unsafe posix_spawnattr_setsigdefault(&attributes, &signals),
            unsafe posix_spawnattr_setsigmask(&attributes, &none),
            unsafe posix_spawnattr_setflags(&attributes, Int16(truncatingIfNeeded: flags)),
        ]
        if let failed = steps.first(where: { $0 != 0 }) { return failed }
        let vector = CStringVector([program] + arguments)
        let variables = CStringVector(environment.map { "\($0.key)=\($0.value)" })
        return withExtendedLifetime((vector, variables)) {
            unsafe posix_spawnp(&child, program, &actions, &attributes, vector.pointers, variables.pointers)
        }
    }
}

/// One stream of a child. It blocks nobody.
private final class OutputPipe {
    private var readEnd: CInt
    private(set) var writeEnd: CInt
    private(set) var bytes: [UInt8] = []

    init?() {
        var ends: [CInt] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else { return nil }
        (readEnd, writeEnd) = (ends[0], ends[1])
        // A child that another thread starts in between holds them open, which delays nothing: see `run`.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        _ = fcntl(readEnd, F_SETFL, O_NONBLOCK)
    }

    deinit {
        closeWriteEnd()
        closeReadEnd()
    }

    func closeWriteEnd() {
        if writeEnd >= 0 { close(writeEnd) }
        writeEnd = -1
    }

    private func closeReadEnd() {
        if readEnd >= 0 { close(readEnd) }
        readEnd = -1
    }

    /// Takes what is there; false beyond `limit`.
    func drain(limit: Int) -> Bool {
        var chunk = [UInt8](repeating: 0, count: 16_384)
        while readEnd >= 0 {
            let count = unsafe chunk.withUnsafeMutableBytes { unsafe read(readEnd, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            if count < 0 && errno == EAGAIN { return true }
            guard count > 0 else {
                closeReadEnd()
                return true
            }
            guard count <= limit - bytes.count else { return false }
            bytes += chunk.prefix(count)
        }
        return true
    }

    /// Until one of them has something, or the time has passed. An ended stream (-1) is not looked at by poll(2).
    static func wait(_ a: OutputPipe, _ b: OutputPipe, milliseconds: CInt) {
        var descriptors = [a, b].map { pollfd(fd: $0.readEnd, events: Int16(POLLIN), revents: 0) }
        _ = unsafe poll(&descriptors, 2, a.readEnd < 0 && b.readEnd < 0 ? 1 : milliseconds)
    }
}

/// What exec(3) takes: C strings and a null at the end.
@safe
private final class CStringVector {
    let pointers: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    private let count: Int

    init(_ texts: [String]) {
        count = texts.count
        unsafe pointers = .allocate(capacity: texts.count + 1)
        for (index, text) in texts.enumerated() { unsafe (pointers + index).initialize(to: strdup(text)) }
        unsafe (pointers + texts.count).initialize(to: nil)
    }

    deinit {
        for index in 0..<count { unsafe free(pointers[index]) }
        unsafe pointers.deallocate()
    }
}
