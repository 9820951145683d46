// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import Encoding

/// Prints verdicts on documents, and ends the program with their sum.
struct DocumentVerdicts {
    let json: Bool
    private var objects: [JSON] = []
    private var isAccepted = true

    init(json: Bool) { self.json = json }

    mutating func add(_ file: String, _ verdict: DocumentVerdict) {
        isAccepted = isAccepted && verdict.isAccepted
        if json {
            var object = JSONObject([("file", .string(file))])
            for member in verdict.json.members { object[member.name] = member.value }
            objects.append(.object(object))
            return
        }
        let word = verdict.isAccepted ? Console.styled("accepted", .green) : Console.styled("rejected", .red)
        let reason = verdict.rejection.map { ": \($0.rawValue): \($0.explanation)" } ?? ""
        Console.line("\(Console.printable(file)): \(word)\(reason)")
        for fact in verdict.facts { Console.line("  \(fact.name): \(Console.printable(fact.value))") }
    }

    func finish() throws(CommandFailure) {
        if json { Console.json(.array(objects)) }
        guard isAccepted else { throw .reported }
    }
}
