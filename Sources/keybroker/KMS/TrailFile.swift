// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// Where `--log` writes: each line whole, in the order of the requests' ends, before their answers.
final class TrailFile: Sendable {
    private let descriptor: Int32
    /// Lines of several threads do not mix.
    private let writing = Mutex<Void>(())

    /// `-` is standard output; a file is appended to.
    init(_ path: String) throws(CommandFailure) {
        if path == "-" {
            descriptor = STDOUT_FILENO
            return
        }
        descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .usage("--log \(path): \(SystemError.text(errno))") }
    }

    /// A log that cannot be written does not stop the service.
    func write(_ line: [UInt8]) {
        writing.withLock { _ in
            var rest = (line + [UInt8(ascii: "\n")])[...]
            while !rest.isEmpty {
                let count = unsafe rest.withUnsafeBytes {
                    unsafe Foundation.write(descriptor, $0.baseAddress, $0.count)
                }
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { return }
                rest = rest.dropFirst(count)
            }
        }
    }

    deinit { if descriptor != STDOUT_FILENO { close(descriptor) } }
}
