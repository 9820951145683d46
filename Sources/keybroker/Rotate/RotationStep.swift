// SPDX-License-Identifier: Apache-2.0

import Encoding

/// One step of a rotation: what it does, from when on it may, and how.
struct RotationStep: Sendable {
    /// Stable: stands in journals.
    let name: String
    /// One line for people.
    let title: String
    /// What it asks for and writes, exactly.
    let calls: [String]
    /// Not before then; nil: at once.
    var due: @Sendable (RotationJournal) -> Timestamp? = { _ in nil }
    /// What somebody has to do first; nil: nothing.
    var lacks: @Sendable (RotationJournal) async throws(CommandFailure) -> String? = { _ in nil }
    /// Does what is not done yet and checks the result: also after a run that ended anywhere in it. One line for people.
    let perform: @Sendable (inout RotationJournal) async throws(CommandFailure) -> String
}

/// Takes a rotation from where its journal says that it is to where it may go now.
struct RotationRun: Sendable {
    let steps: [RotationStep]
    let file: RotationFile
    /// The last step of this run; nil: as far as possible.
    let last: String?

    enum Outcome: Sendable {
        case finished
        /// The next step is not due.
        case waiting(step: String, until: Timestamp)
        /// The next step wants something done by somebody else.
        case lacking(step: String, what: String)
        /// As the user wished.
        case stopped(next: String)
    }

    /// Each step is in the journal before it begins and after it is checked; so whoever finds the journal knows.
    func go(_ journal: inout RotationJournal, say: (RotationStep, String) -> Void) async throws(CommandFailure)
        -> Outcome
    {
        let end = last.flatMap { name in steps.firstIndex { $0.name == name } } ?? steps.count
        for (place, step) in steps.enumerated() where !journal.isDone(step.name) {
            if place > end { return .stopped(next: step.name) }
            if let due = step.due(journal), SystemClock.now() < due { return .waiting(step: step.name, until: due) }
            if let what = try await step.lacks(journal) { return .lacking(step: step.name, what: what) }
            journal.begin(step.name, at: SystemClock.now())
            try journal.write(to: file)
            let detail = try await step.perform(&journal)
            journal.finish(step.name, at: SystemClock.now(), detail: detail)
            try journal.write(to: file)
            say(step, detail)
        }
        return .finished
    }
}
