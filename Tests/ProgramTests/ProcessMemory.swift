// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport

/// The memory of another process, searched for byte strings.
struct ProcessMemory {
    let process: Int32

    /// Which of `needles` stand anywhere in what the process has mapped and can read.
    func finds(_ needles: [[UInt8]]) throws -> Set<[UInt8]> {
        let maps = try String(contentsOfFile: "/proc/\(process)/maps", encoding: .utf8)
        let descriptor = unsafe open("/proc/\(process)/mem", O_RDONLY)
        guard descriptor >= 0 else { throw Unexpected("the memory of \(process) cannot be read: errno \(errno)") }
        defer { close(descriptor) }
        let longest = needles.map(\.count).max() ?? 0
        var found: Set<[UInt8]> = []
        for line in maps.split(separator: "\n") {
            let fields = line.split(separator: " ")
            guard fields.count >= 2, fields[1].hasPrefix("r"), !line.hasSuffix("[vvar]"), !line.hasSuffix("[vsyscall]")
            else { continue }
            let bounds = fields[0].split(separator: "-").compactMap { UInt64($0, radix: 16) }
            guard bounds.count == 2 else { continue }
            var start = bounds[0]
            while start < bounds[1] {
                let chunk = read(descriptor, at: start, count: Int(min(bounds[1] - start, 4 << 20)))
                for needle in needles where chunk.range(of: Data(needle)) != nil { found.insert(needle) }
                // Pieces overlap, so that nothing hides at a seam.
                let step = chunk.count > longest ? chunk.count - longest : max(chunk.count, 4096)
                guard start + UInt64(chunk.count) < bounds[1] else { break }
                start += UInt64(step)
            }
        }
        return found
    }

    private func read(_ descriptor: Int32, at offset: UInt64, count: Int) -> Data {
        var bytes = [UInt8](repeating: 0, count: count)
        let length = unsafe bytes.withUnsafeMutableBytes {
            unsafe pread(descriptor, $0.baseAddress, $0.count, off_t(bitPattern: offset))
        }
        return Data(bytes.prefix(max(0, length)))
    }
}

extension off_t {
    fileprivate init(bitPattern value: UInt64) { self = off_t(Int64(bitPattern: value)) }
}
