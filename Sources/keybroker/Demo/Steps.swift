// SPDX-License-Identifier: Apache-2.0

/// The story of a demo: one line a step with the time it took, as it happens.
@MainActor
final class Steps {
    private let clock = ContinuousClock()

    /// Runs a step and prints `  0.123 s  title  detail`. A step that fails prints its line before the error leaves.
    func step<T>(_ title: String, _ body: () async throws -> (detail: String, value: T)) async throws -> T {
        let start = clock.now
        do {
            let (detail, value) = try await body()
            line(title, clock.now - start, Console.styled("ok", .green), detail)
            return value
        } catch {
            line(title, clock.now - start, Console.styled("FAILED", .red), "")
            throw error
        }
    }

    /// A step that only has a detail to tell.
    func step(_ title: String, _ body: () async throws -> String) async throws {
        try await step(title) { (try await body(), ()) }
    }

    /// Runs an attack, which must fail with an error that `body` returns. Returning nil means that it succeeded.
    func refused(_ title: String, _ body: () async throws -> String?) async throws {
        let start = clock.now
        guard let reason = try await body() else {
            line(title, clock.now - start, Console.styled("NOT REFUSED", .red), "")
            throw CommandFailure.failed("\(title): was not refused")
        }
        line(title, clock.now - start, Console.styled("refused", .green), reason)
    }

    func heading(_ text: String) { Console.line(Console.styled(text, .bold)) }

    private func line(_ title: String, _ duration: Duration, _ outcome: String, _ detail: String) {
        let milliseconds = duration.components.seconds * 1000 + duration.components.attoseconds / 1_000_000_000_000_000
        let time = "\(milliseconds) ms"
        let padding = String(repeating: " ", count: max(0, 8 - time.count))
        let name = title + String(repeating: " ", count: max(0, 34 - title.count))
        Console.line("\(padding)\(time)  \(name)  \(outcome)\(detail.isEmpty ? "" : "  ")\(detail)")
    }
}
