// SPDX-License-Identifier: Apache-2.0

import Glibc
import SecurityModule
import Synchronization
import Testing

/// The transport over a driver that answers as Linux's does (drivers/misc/nsm.c), and worse. The real one has its turn in
/// `make test-nitro`.
struct `The driver` {
    /// Answers each call with the next of its answers, and remembers what it was given.
    private final class Driver: Sendable {
        enum Answer {
            case failure(Int32)
            /// Copied to the buffer, as far as it goes; the length as stated, else as copied.
            case response([UInt8], length: Int? = nil)
        }

        private struct State {
            var answers: [Answer]
            var requests: [[UInt8]] = []
            var capacities: [Int] = []
        }

        private let state: Mutex<State>

        init(_ answers: Answer...) { state = Mutex(State(answers: answers)) }

        var requests: [[UInt8]] { state.withLock { $0.requests } }
        var capacities: [Int] { state.withLock { $0.capacities } }

        var transport: DeviceTransport {
            DeviceTransport { request, response, length in
                self.state.withLock { state in
                    state.requests.append(request)
                    state.capacities.append(length)
                    guard !state.answers.isEmpty else { return EIO }
                    switch state.answers.removeFirst() {
                    case .failure(let code):
                        // A failed call leaves anything behind.
                        length = -1
                        response[0] = 0xff
                        return code
                    case .response(let bytes, let stated):
                        let count = min(bytes.count, length)
                        response.replaceSubrange(0..<count, with: bytes.prefix(count))
                        length = stated ?? count
                        return 0
                    }
                }
            }
        }
    }

    @Test func `gets a request as it is, and room for 0x3000 bytes`() throws {
        let driver = Driver(.response([1, 2, 3]))
        #expect(try driver.transport.exchange([4, 5]) == [1, 2, 3])
        #expect(driver.requests == [[4, 5]])
        #expect(driver.capacities == [0x3000])
    }

    @Test(arguments: [1, 3, 1000])
    func `is called again when a signal interrupts it, with the same request and all of the room`(times: Int) throws {
        let driver = Driver(.response([7]))
        let interruptions = Mutex(times)
        let transport = driver.transport
        let interrupted = DeviceTransport { request, response, length in
            let isInterrupted = interruptions.withLock { left in
                defer { left = max(0, left - 1) }
                return left > 0
            }
            guard !isInterrupted else {
                length = 0
                return EINTR
            }
            guard length == 0x3000, let answer = try? transport.exchange(request) else { return EIO }
            response.replaceSubrange(0..<answer.count, with: answer)
            length = answer.count
            return 0
        }
        #expect(try interrupted.exchange([9]) == [7])
        #expect(driver.requests == [[9]])
    }

    @Test func `an interrupted request to a module comes out as one answer`() throws {
        let value = [UInt8](1...48)
        let driver = Driver(
            .failure(EINTR),
            .failure(EINTR),
            .response(map(("ExtendPCR", map(("data", bytes(value))))))
        )
        #expect(try SecurityModule(driver.transport).extendPCR(16, with: [1]) == value)
        #expect(driver.requests.count == 3 && Set(driver.requests).count == 1)
    }

    @Test(arguments: [EIO, ETIMEDOUT, EFAULT, ENODEV, EINVAL, EAGAIN, ENOTTY])
    func `another failure is told and not repeated`(code: Int32) {
        let driver = Driver(.failure(code), .response([1]))
        #expect(throws: SecurityModuleError.unavailable(errno: code)) { try driver.transport.exchange([1]) }
        #expect(driver.requests.count == 1)
    }

    @Test func `a request that the driver finds too long is too long`() {
        #expect(throws: SecurityModuleError.requestTooLarge) {
            try Driver(.failure(EMSGSIZE)).transport.exchange([1])
        }
    }

    @Test func `a request has at most 0x1000 bytes`() throws {
        let driver = Driver(.response([1]))
        #expect(throws: SecurityModuleError.requestTooLarge) {
            try driver.transport.exchange([UInt8](repeating: 0, count: 0x1001))
        }
        #expect(driver.requests.isEmpty)
        _ = try driver.transport.exchange([UInt8](repeating: 0, count: 0x1000))
        #expect(driver.requests.map(\.count) == [0x1000])
    }

    @Test func `a response that was cut to the buffer is refused`() throws {
        let cut = Driver(.response([UInt8](repeating: 1, count: 0x3001)))
        #expect(throws: SecurityModuleError.responseTooLarge) { try cut.transport.exchange([1]) }
        let exact = Driver(.response([UInt8](repeating: 1, count: 0x3000)))
        #expect(throws: SecurityModuleError.responseTooLarge) { try exact.transport.exchange([1]) }
        let largest = Driver(.response([UInt8](repeating: 1, count: 0x2fff)))
        #expect(try largest.transport.exchange([1]).count == 0x2fff)
    }

    @Test(arguments: [0x3001, Int.max, -1, Int.min])
    func `a length that the buffer does not have is refused`(length: Int) {
        let driver = Driver(.response([1], length: length))
        #expect(throws: SecurityModuleError.responseTooLarge) { try driver.transport.exchange([1]) }
    }

    @Test func `a response of nothing is malformed`() {
        let driver = Driver(.response([]))
        #expect(throws: SecurityModuleError.malformedResponse) { try SecurityModule(driver.transport).random() }
    }
}
