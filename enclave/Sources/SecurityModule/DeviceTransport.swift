// SPDX-License-Identifier: Apache-2.0

import CPlatform
import Glibc

/// `/dev/nsm`, open until the last copy of the transport is gone. The driver serves one exchange at a time.
package struct DeviceTransport: SecurityModuleTransport {
    private let device: Device

    /// - Throws: `unavailable` if the device cannot be opened.
    package init(path: String = "/dev/nsm") throws(SecurityModuleError) {
        let descriptor = unsafe open(path, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else { throw .unavailable(errno: errno) }
        device = Device(descriptor: descriptor)
    }

    package func exchange(_ request: [UInt8]) throws(SecurityModuleError) -> [UInt8] {
        guard request.count <= SecurityModule.maximumRequestLength else { throw .requestTooLarge }
        var response = [UInt8](repeating: 0, count: SecurityModule.maximumResponseLength)
        var length = response.count
        let failure = unsafe kb_nsm_exchange(device.descriptor, request, request.count, &response, &length)
        // What the driver says when the request is too long for it.
        guard failure != EMSGSIZE else { throw .requestTooLarge }
        guard failure == 0 else { throw .unavailable(errno: failure) }
        guard length < response.count else { throw .responseTooLarge }
        response.removeLast(response.count - length)
        return response
    }
}

/// Owns the descriptor: closed once, when nobody can use it any more.
private final class Device: Sendable {
    let descriptor: Int32

    init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    deinit {
        _ = close(descriptor)
    }
}
