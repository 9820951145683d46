// SPDX-License-Identifier: Apache-2.0

import CPlatform
import Glibc

/// `/dev/nsm`, open until the last copy of the transport is gone. The driver serves one exchange at a time.
package struct DeviceTransport: SecurityModuleTransport {
    /// One call of the driver: 0, or an errno. `length` is the capacity of `response`, and then the length of what the
    /// driver has for it.
    package typealias Call = @Sendable (_ request: [UInt8], _ response: inout [UInt8], _ length: inout Int) -> Int32

    private let call: Call

    /// - Throws: `unavailable` if the device cannot be opened.
    package init(path: String = "/dev/nsm") throws(SecurityModuleError) {
        var descriptor: Int32
        repeat { descriptor = unsafe open(path, O_RDWR | O_CLOEXEC) } while descriptor < 0 && errno == EINTR
        guard descriptor >= 0 else { throw .unavailable(errno: errno) }
        let device = Device(descriptor: descriptor)
        self.init { request, response, length in
            unsafe kb_nsm_exchange(device.descriptor, request, request.count, &response, &length)
        }
    }

    /// With another driver than the kernel's.
    package init(call: @escaping Call) {
        self.call = call
    }

    /// A call that a signal interrupts is repeated. A driver gives up only while it waits for its turn, with nothing
    /// sent (Linux's waits through signals); and whoever extends a register compares it with what it must be then.
    package func exchange(_ request: [UInt8]) throws(SecurityModuleError) -> [UInt8] {
        guard request.count <= SecurityModule.maximumRequestLength else { throw .requestTooLarge }
        var response = [UInt8](repeating: 0, count: SecurityModule.maximumResponseLength)
        var length: Int
        var failure: Int32
        repeat {
            length = response.count
            failure = call(request, &response, &length)
        } while failure == EINTR
        // What the driver says when the request is too long for it.
        guard failure != EMSGSIZE else { throw .requestTooLarge }
        guard failure == 0 else { throw .unavailable(errno: failure) }
        // The driver cuts a response to the buffer and does not say so: one that fills it may be longer.
        guard (0..<response.count).contains(length) else { throw .responseTooLarge }
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
