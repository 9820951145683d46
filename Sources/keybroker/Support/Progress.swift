// SPDX-License-Identifier: Apache-2.0

import Foundation

/// One line on standard error that is written over, if that is a terminal.
enum Progress: Sendable {
    private static let isTerminal = isatty(STDERR_FILENO) == 1

    static func show(_ text: String) {
        if isTerminal { FileHandle.standardError.write(Data("\r\u{1B}[K\(text)".utf8)) }
    }
    static func clear() { show("") }
}
