// SPDX-License-Identifier: Apache-2.0

/// `/etc/nitro_enclaves/allocator.yaml`, read as nitro-enclaves-allocator reads it: lines `key: value` after `---`,
/// comments, nothing else.
struct AllocatorFile: Sendable, Equatable {
    static let path = "/etc/nitro_enclaves/allocator.yaml"

    enum CPUs: Sendable, Equatable {
        case count(Int64)
        case pool(Set<Int64>)

        var count: Int64 {
            switch self {
            case .count(let count): count
            case .pool(let ids): Int64(ids.count)
            }
        }
    }

    struct Problem: Error, Equatable {
        let text: String
    }

    var memoryMiB: Int64
    var cpus: CPUs

    init(_ text: String) throws(Problem) {
        var values: [String: String] = [:]
        var hasBegun = false
        for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = line.drop { $0 == " " || $0 == "\t" }
            if line.first == "#" || line.allSatisfy({ $0 == " " || $0 == "\t" || $0 == "\r" }) { continue }
            if line.hasPrefix("---") {
                hasBegun = true
                continue
            }
            // The allocator passes over what comes before.
            guard hasBegun else { continue }
            let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            let key = String(parts[0])
            guard ["memory_mib", "cpu_count", "cpu_pool"].contains(key) else {
                throw Problem(text: "line \(number + 1): \(key.prefix(40)) is not known")
            }
            let value = (parts.count > 1 ? parts[1] : "").filter { $0 != " " && $0 != "\"" && $0 != "\t" && $0 != "\r" }
            guard !value.isEmpty else { throw Problem(text: "line \(number + 1): \(key) has no value") }
            values[key] = String(value)
        }
        guard hasBegun else { throw Problem(text: "there is no line ---, so the allocator reads nothing of it") }
        guard let memory = values["memory_mib"].flatMap({ Int64($0) }), memory > 0 else {
            throw Problem(text: "memory_mib is missing, or not a number")
        }
        memoryMiB = memory
        switch (values["cpu_count"], values["cpu_pool"]) {
        case (let count?, nil):
            guard let count = Int64(count), count > 0 else { throw Problem(text: "cpu_count is not a number") }
            cpus = .count(count)
        case (nil, let pool?):
            guard let ids = Self.numbers(pool) else { throw Problem(text: "cpu_pool is not a list such as 2,3,6-9") }
            cpus = .pool(ids)
        case (nil, nil): throw Problem(text: "neither cpu_count nor cpu_pool is there")
        case (.some, .some): throw Problem(text: "both cpu_count and cpu_pool are there")
        }
    }

    /// `2,3,6-9`, as the kernel writes lists of CPUs too; nil if it is no such list. An empty one has none.
    static func numbers(_ text: String) -> Set<Int64>? {
        var ids: Set<Int64> = []
        for part in text.split(separator: ",") {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { Int64($0) }
            guard (1...2).contains(ends.count), let first = ends.first ?? nil, let last = ends.last ?? nil,
                first >= 0, first <= last, last < 65_536
            else { return nil }
            ids.formUnion(first...last)
        }
        return ids
    }
}
