// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The system's own words for an error number.
enum SystemError: Sendable {
    static func text(_ number: Int32) -> String {
        unsafe strerror(number).map { unsafe String(cString: $0) } ?? "error \(number)"
    }
}
