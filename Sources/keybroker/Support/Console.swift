// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation

/// Standard output and error, in one place: colour only on a terminal and without `NO_COLOR`.
enum Console: Sendable {
    enum Style: String, Sendable {
        case bold = "1"
        case dim = "2"
        case red = "31"
        case green = "32"
        case yellow = "33"
    }

    private static let isColoured =
        isatty(STDOUT_FILENO) == 1 && ProcessInfo.processInfo.environment["NO_COLOR"] == nil

    static func write(_ text: String) { put(text, to: STDOUT_FILENO) }
    static func line(_ text: String = "") { put(text + "\n", to: STDOUT_FILENO) }
    static func error(_ text: String) { put(text.hasSuffix("\n") ? text : text + "\n", to: STDERR_FILENO) }
    static func writeError(_ text: String) { put(text, to: STDERR_FILENO) }
    static func write(bytes: [UInt8]) { put(bytes, to: STDOUT_FILENO) }
    static func json(_ value: JSON) { put(value.serialized(pretty: true) + [UInt8(ascii: "\n")], to: STDOUT_FILENO) }

    static func styled(_ text: String, _ style: Style) -> String {
        isColoured ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
    }

    /// Text from outside, safe to show: control characters escaped, bounded.
    static func printable(_ text: String, limit: Int = 512) -> String {
        var result = ""
        for scalar in text.unicodeScalars.prefix(limit) {
            if scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format {
                result += "\\u{\(String(scalar.value, radix: 16))}"
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        return text.unicodeScalars.count > limit ? result + "…" : result
    }

    static func exit(_ status: ExitStatus) -> Never { Foundation.exit(status.rawValue) }

    static func ignoreBrokenPipes() { _ = signal(SIGPIPE, SIG_IGN) }

    private static func put(_ text: String, to descriptor: Int32) { put(Array(text.utf8), to: descriptor) }

    private static func put(_ bytes: [UInt8], to descriptor: Int32) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = unsafe rest.withUnsafeBytes { unsafe Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if written < 0 && errno == EINTR { continue }
            guard written > 0 else { return }
            rest = rest.dropFirst(written)
        }
    }
}
