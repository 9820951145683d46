// SPDX-License-Identifier: Apache-2.0

import CPlatform

/// The kernel's entropy pool.
package enum KernelEntropy: Sendable {
    /// The most that one call takes; a real module gives 256 bytes at a time.
    package static let maximumLength = 512

    /// Mixes `bytes` (1 to ``maximumLength``) into the kernel's pool, credited with 8 bits each.
    ///
    /// - Returns: whether the kernel credited them. Without CAP_SYS_ADMIN it mixes them in uncredited.
    @discardableResult
    package static func credit(_ bytes: [UInt8]) -> Bool {
        unsafe kb_credit_entropy(bytes, bytes.count) == 0
    }
}

/// Time since boot, suspended time included: what the host cannot set.
package enum BootClock: Sendable {
    /// Milliseconds since boot (CLOCK_BOOTTIME). Nil only on a kernel older than 2.6.39.
    package static var milliseconds: Int64? {
        let now = kb_boottime_milliseconds()
        return now >= 0 ? now : nil
    }
}

/// What keeps this process's memory its own.
package enum ProcessMemory: Sendable {
    /// No core files; no ptrace and no `/proc/PID/mem` for other processes of the same user. For good.
    ///
    /// - Returns: whether both took effect.
    package static func forbidDumps() -> Bool { kb_forbid_memory_dumps() == 0 }
}
