// SPDX-License-Identifier: Apache-2.0

import Encoding

/// What a rotation set out to do, and how far it came: docs/reference/rotation-journal.schema.json.
struct RotationJournal: Sendable {
    /// What is rotated.
    enum Kind: String, Sendable {
        case key = "key"
        case enclave = "enclave"
    }

    enum State: String, Sendable {
        /// It may have happened, wholly, in part, or not at all.
        case started = "started"
        /// It happened, and was checked.
        case done = "done"
    }

    /// A step that was begun.
    struct Entry: Sendable {
        let step: String
        var state: State
        let started: Timestamp
        var finished: Timestamp?
        /// One line for people.
        var detail: String?
    }

    private static let format: Int64 = 1
    private static let limits = JSONLimits(totalLength: 1 << 20, depth: 16)

    let kind: Kind
    /// 32 hex digits, random: finds again what was made under it.
    let rotation: String
    let created: Timestamp
    /// What the user asked for. It does not change while the rotation goes on.
    let plan: JSONObject
    private(set) var entries: [Entry] = []
    /// What later steps need to know of earlier ones. Public values alone.
    var facts = JSONObject()

    init(_ kind: Kind, rotation: String, created: Timestamp, plan: JSONObject) {
        self.kind = kind
        self.rotation = rotation
        self.created = created
        self.plan = plan
    }

    subscript(step: String) -> Entry? { entries.first { $0.step == step } }

    func isDone(_ step: String) -> Bool { self[step]?.state == .done }

    /// When a step was finished.
    func finished(_ step: String) -> Timestamp? { self[step]?.finished }

    mutating func begin(_ step: String, at now: Timestamp) {
        guard self[step] == nil else { return }
        entries.append(Entry(step: step, state: .started, started: now))
    }

    mutating func finish(_ step: String, at now: Timestamp, detail: String) {
        guard let place = entries.firstIndex(where: { $0.step == step }) else { return }
        entries[place].state = .done
        entries[place].finished = now
        entries[place].detail = detail
    }

    /// A fact that an earlier step left.
    func fact(_ name: String) throws(CommandFailure) -> String {
        guard let text = facts[name]?.string else {
            throw .failed("the journal lacks \(name), which an earlier step writes: it was changed by hand")
        }
        return text
    }

    /// Whether nothing was changed yet, and the user asks for something else now: an enclave's first step only looks.
    func isAnotherTry(at asked: JSONObject) -> Bool {
        kind == .enclave && plan != asked
            && entries.allSatisfy { $0.step == EnclaveRotation.Step.measure && $0.state == .started }
    }

    /// Refuses another plan than the one that is under way, by the names of what differs.
    func requirePlan(_ asked: JSONObject, path: String) throws(CommandFailure) {
        let names = Set(plan.members.map(\.name)).union(asked.members.map(\.name))
        let different = names.filter { plan[$0] != asked[$0] }.sorted()
        guard !different.isEmpty else { return }
        let values = different.map { name in
            let value = plan[name].map { String(decoding: $0.serialized(), as: UTF8.self) } ?? "nothing"
            return "\(name) is \(Console.printable(value, limit: 256)) there"
        }
        throw .usage(
            "\(path): the rotation that is under way has another plan (\(values.joined(separator: "; "))): "
                + "go on with that one, or name another --state"
        )
    }

    // MARK: The file

    var json: JSON {
        let steps = entries.map { entry -> JSON in
            var object = JSONObject([
                ("step", .string(entry.step)), ("state", .string(entry.state.rawValue)),
                ("started", .string(entry.started.rfc3339)),
            ])
            object["finished"] = entry.finished.map { .string($0.rfc3339) }
            object["detail"] = entry.detail.map { .string($0) }
            return .object(object)
        }
        return [
            "format": .number(JSONNumber(Self.format)), "kind": .string(kind.rawValue), "rotation": .string(rotation),
            "created": .string(created.rfc3339), "plan": .object(plan), "steps": .array(steps), "facts": .object(facts),
        ]
    }

    init(_ bytes: [UInt8]) throws(JSONFieldError) {
        var fields = try JSONFields(json: bytes, limits: Self.limits)
        _ = try fields.integer("format", in: Self.format...Self.format)
        guard let kind = Kind(rawValue: try fields.string("kind")) else {
            throw JSONFieldError(path: "kind", problem: .invalid(reason: "must be key or enclave"))
        }
        self.init(
            kind,
            rotation: try fields.string("rotation"),
            created: try Self.time(try fields.string("created"), "created"),
            plan: try Self.object(try fields.value("plan"), "plan")
        )
        guard let list = try fields.value("steps").array else {
            throw JSONFieldError(path: "steps", problem: .wrongType(expected: "array"))
        }
        for value in list {
            var step = try JSONFields(value, at: "steps")
            guard let state = State(rawValue: try step.string("state")) else {
                throw JSONFieldError(path: "steps.state", problem: .invalid(reason: "must be started or done"))
            }
            var entry = Entry(
                step: try step.string("step"),
                state: state,
                started: try Self.time(try step.string("started"), "steps.started")
            )
            if let text = try step.optionalString("finished") { entry.finished = try Self.time(text, "steps.finished") }
            entry.detail = try step.optionalString("detail")
            try step.finish()
            entries.append(entry)
        }
        facts = try Self.object(try fields.value("facts"), "facts")
        try fields.finish()
    }

    private static func object(_ value: JSON, _ path: String) throws(JSONFieldError) -> JSONObject {
        guard let object = value.object else {
            throw JSONFieldError(path: path, problem: .wrongType(expected: "object"))
        }
        return object
    }

    private static func time(_ text: String, _ path: String) throws(JSONFieldError) -> Timestamp {
        guard let time = Timestamp(rfc3339: text) else {
            throw JSONFieldError(path: path, problem: .invalid(reason: "must be a time (RFC 3339)"))
        }
        return time
    }
}
