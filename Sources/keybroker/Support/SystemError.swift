// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The system's own words for an error number.
enum SystemError: Sendable {
    static func text(_ number: Int32) -> String {
        (POSIXErrorCode(rawValue: number).map { POSIXError($0) } as NSError?)?.localizedDescription ?? "error \(number)"
    }
}
