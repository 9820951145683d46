// SPDX-License-Identifier: Apache-2.0

import Glibc

/// What libFuzzer hands to a target.
package enum FuzzInput: Sendable {
    /// A copy of the input.
    package static func bytes(_ start: UnsafePointer<UInt8>?, _ count: Int) -> [UInt8] {
        unsafe Array(UnsafeBufferPointer(start: start, count: count))
    }
}

/// A law that an input has broken: the fuzzer keeps it.
package func law(_ holds: Bool, _ name: String) {
    if !holds { fail("law broken: \(name)") }
}

/// Says why on standard error, and ends as a crash does.
package func fail(_ reason: String) -> Never {
    let line = Array("\(reason)\n".utf8)
    _ = unsafe line.withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
    abort()
}
