// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation

/// The clock of this machine: for its own user's tools, never for the enclave.
enum SystemClock: Sendable {
    static func now() -> Timestamp { Timestamp(milliseconds: Int64(Date().timeIntervalSince1970 * 1000)) }
}
