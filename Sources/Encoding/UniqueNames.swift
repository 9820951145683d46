// SPDX-License-Identifier: Apache-2.0

/// Tells duplicates in an object: by looking while it is small, by hash when it grows.
struct UniqueNames {
    private static let hashedFrom = 16
    private var names: Set<ScalarString> = []

    mutating func insert(_ name: String, among members: [(name: String, value: JSON)]) -> Bool {
        guard members.count >= Self.hashedFrom else {
            return !members.contains { $0.name.hasSameScalars(as: name) }
        }
        if names.isEmpty { names = Set(members.map { ScalarString($0.name) }) }
        return names.insert(ScalarString(name)).inserted
    }
}
