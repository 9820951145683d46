// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Glibc

/// Standard output and standard error without buffers: a line is out when the call returns.
package enum StandardStreams: Sendable {
    package static func output(_ text: String) { write(Array(text.utf8), to: STDOUT_FILENO) }
    package static func error(_ line: String) { write(Array("keybroker-enclave: \(line)\n".utf8), to: STDERR_FILENO) }
    package static func log(_ line: [UInt8]) { write(line, to: STDERR_FILENO) }

    /// What cannot be written is lost: a log that is full or closed does not stop the service.
    private static func write(_ bytes: [UInt8], to descriptor: Int32) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written > 0 {
                rest = rest.dropFirst(written)
            } else if written == 0 || errno != EINTR {
                return
            }
        }
    }
}

/// Files that the image carries.
package enum BoundedFile: Sendable {
    /// Reads a file of at most `limit` bytes.
    ///
    /// - Parameters:
    ///   - path: Where it is.
    ///   - limit: Bytes that it may have.
    /// - Returns: Its bytes; nil if it cannot be read or is longer.
    package static func read(_ path: String, limit: Int = BrokerConfiguration.maximumLength) -> [UInt8]? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { _ = close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = unsafe chunk.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count == 0 { return bytes }
            if count < 0 {
                if errno == EINTR { continue }
                return nil
            }
            bytes += chunk.prefix(count)
            guard bytes.count <= limit else { return nil }
        }
    }
}
