// SPDX-License-Identifier: Apache-2.0

import Encoding

/// An encryption context as the `aws` command takes it: `name=value,name=value`, or a JSON object of texts.
enum EncryptionContextOption: Sendable {
    static func parse(_ text: String) throws(CommandFailure) -> [String: String] {
        var context: [String: String] = [:]
        for (name, value) in text.hasPrefix("{") ? try object(text) : try pairs(text) {
            guard !name.isEmpty else { throw failure("a name is empty") }
            guard context.updateValue(value, forKey: name) == nil else { throw failure("\(name) is there twice") }
        }
        return context
    }

    private static func object(_ text: String) throws(CommandFailure) -> [(String, String)] {
        guard let members = (try? JSON.parse(Array(text.utf8)))?.object?.members else {
            throw failure("not a JSON object, or a name is there twice")
        }
        var pairs: [(String, String)] = []
        for (name, value) in members {
            guard let value = value.string else { throw failure("the value of \(name) is not a text") }
            pairs.append((name, value))
        }
        return pairs
    }

    private static func pairs(_ text: String) throws(CommandFailure) -> [(String, String)] {
        var pairs: [(String, String)] = []
        for pair in text.split(separator: ",", omittingEmptySubsequences: false) {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2 else {
                throw failure("expected name=value,name=value; values with a comma need a JSON object")
            }
            pairs.append((String(parts[0]), String(parts[1])))
        }
        return pairs
    }

    private static func failure(_ reason: String) -> CommandFailure {
        .usage("--encryption-context: \(Console.printable(reason))")
    }
}
