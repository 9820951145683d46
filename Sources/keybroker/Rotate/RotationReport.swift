// SPDX-License-Identifier: Apache-2.0

import Encoding

/// What is said of a rotation: docs/reference/rotation-output.schema.json.
struct RotationReport: Sendable {
    let kind: RotationJournal.Kind
    let steps: [RotationStep]
    var journal: RotationJournal?
    let path: String
    var outcome: RotationRun.Outcome?
    var error: String?
    /// Given up, and what was there before put back.
    var isRestored = false
    /// What the user should know before.
    var notes: [String] = []
    /// The policies that the plan puts, by name.
    var policies: JSONObject?

    var json: JSON {
        var object = JSONObject([
            ("kind", .string(kind.rawValue)), ("rotation", journal.map { .string($0.rotation) } ?? .null),
            ("state", .string(state)), ("journal", .string(path)),
        ])
        switch outcome {
        case .waiting(let step, let time):
            object["next"] = .string(step)
            object["notBefore"] = .string(time.rfc3339)
        case .lacking(let step, let what):
            object["next"] = .string(step)
            object["lacks"] = .string(what)
        case .stopped(let next): object["next"] = .string(next)
        case .finished, nil: break
        }
        object["error"] = error.map { .string($0) }
        object["steps"] = .array(steps.map(json))
        object["notes"] = .array(notes.map { .string($0) })
        object["policies"] = policies.map { .object($0) }
        return .object(object)
    }

    private var state: String {
        if error != nil { return "failed" }
        if isRestored { return "restored" }
        return switch outcome {
        case .finished: "finished"
        case .waiting, .lacking: "waiting"
        case .stopped: "stopped"
        case nil: "planned"
        }
    }

    private func json(_ step: RotationStep) -> JSON {
        let entry = journal?[step.name]
        var object = JSONObject([
            ("step", .string(step.name)), ("title", .string(step.title)),
            ("state", .string(entry?.state.rawValue ?? "pending")), ("calls", .array(step.calls.map { .string($0) })),
        ])
        object["finished"] = entry?.finished.map { .string($0.rfc3339) }
        object["detail"] = entry?.detail.map { .string($0) }
        object["notBefore"] = journal.flatMap { step.due($0) }.map { .string($0.rfc3339) }
        return .object(object)
    }

    // MARK: For people

    func printPlan() {
        for (place, step) in steps.enumerated() {
            let entry = journal?[step.name]
            let state =
                switch entry?.state {
                case .done: " [done \(entry?.finished?.rfc3339 ?? "")]"
                case .started: " [begun \(entry?.started.rfc3339 ?? ""), and did not end]"
                case nil: journal.flatMap { step.due($0) }.map { " [not before \($0.rfc3339)]" } ?? ""
                }
            Console.line(Console.styled("\(place + 1) \(step.name)", .bold) + ": \(step.title)\(state)")
            for call in step.calls { Console.line("    \(call)") }
        }
        for note in notes { Console.line("note: \(note)") }
        Console.line("journal: \(path)")
    }

    func printOutcome() {
        switch outcome {
        case .finished: Console.line("finished: every step is done and checked")
        case .waiting(let step, let time):
            Console.line("waiting: \(step) is due \(time.rfc3339): run the same command again then")
        case .lacking(let step, let what):
            Console.line("waiting: before \(step), \(what). Run the same command again then")
        case .stopped(let next): Console.line("stopped before \(next), as you said: run again without --until to go on")
        case nil: break
        }
    }
}

/// One thing that a rehearsal looked at.
struct RehearsalCheck: Sendable {
    enum Status: String, Sendable {
        case ok = "ok"
        case failed = "failed"
        /// Nobody can tell without the change.
        case notCheckable = "not-checkable"
    }

    /// Stable; more may be added.
    let name: String
    let status: Status
    let message: String

    static func ok(_ name: String, _ message: String) -> RehearsalCheck {
        .init(name: name, status: .ok, message: message)
    }
    static func failed(_ name: String, _ message: String) -> RehearsalCheck {
        .init(name: name, status: .failed, message: message)
    }
    static func notCheckable(_ name: String, _ message: String) -> RehearsalCheck {
        .init(name: name, status: .notCheckable, message: message)
    }

    var json: JSON {
        ["check": .string(name), "status": .string(status.rawValue), "message": .string(message)]
    }
}

/// What a rehearsal found: docs/reference/rotation-output.schema.json.
struct RehearsalReport: Sendable {
    let kind: RotationJournal.Kind
    let checks: [RehearsalCheck]

    var isReady: Bool { checks.allSatisfy { $0.status != .failed } }

    func show(json: Bool) throws(CommandFailure) {
        if json {
            Console.json([
                "kind": .string(kind.rawValue), "state": "rehearsed", "ready": .bool(isReady),
                "checks": .array(checks.map(\.json)),
            ])
        } else {
            for check in checks {
                let style: Console.Style =
                    switch check.status {
                    case .ok: .green
                    case .failed: .red
                    case .notCheckable: .yellow
                    }
                Console.line(
                    "\(Console.styled(check.status.rawValue, style))  \(check.name): \(Console.printable(check.message, limit: 2048))"
                )
            }
            Console.line(isReady ? "ready: nothing was changed" : "not ready: nothing was changed")
        }
        guard isReady else { throw .reported }
    }
}
