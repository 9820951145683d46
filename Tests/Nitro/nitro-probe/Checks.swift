// SPDX-License-Identifier: Apache-2.0

import Glibc
import Synchronization

/// The checks of a run: one line each, as they happen.
final class Checks: Sendable {
    /// What a check found wrong.
    struct Failure: Error {
        let reason: String
        init(_ reason: String) { self.reason = reason }
    }

    private let failures = Mutex(0)

    var failed: Int { failures.withLock { $0 } }

    /// Runs one check.
    func check(_ name: String, _ body: () throws -> Void) {
        do {
            try body()
            Self.write("ok \(name)")
        } catch {
            failures.withLock { $0 += 1 }
            Self.write("FAIL \(name): \((error as? Failure)?.reason ?? "\(error)")")
        }
    }

    func check(_ name: String, _ body: () async throws -> Void) async {
        do {
            try await body()
            Self.write("ok \(name)")
        } catch {
            failures.withLock { $0 += 1 }
            Self.write("FAIL \(name): \((error as? Failure)?.reason ?? "\(error)")")
        }
    }

    /// One line on standard output, at once.
    static func write(_ line: String) {
        var rest = Array((line + "\n").utf8)[...]
        while !rest.isEmpty {
            let written = unsafe rest.withUnsafeBytes { unsafe Glibc.write(STDOUT_FILENO, $0.baseAddress, $0.count) }
            if written > 0 { rest = rest.dropFirst(written) } else if errno != EINTR { return }
        }
    }
}

/// Fails a check unless `found` is `expected`.
func expect<T: Equatable>(_ found: T, _ expected: T, _ what: String = "") throws {
    guard found == expected else { throw Checks.Failure("\(what.isEmpty ? "" : what + ": ")\(found), not \(expected)") }
}

func expect(_ holds: Bool, _ what: String) throws {
    guard holds else { throw Checks.Failure(what) }
}
