// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import SecurityModule
import TestSupport
import Testing

struct `The device and the kernel` {
    @Test func `a missing device is unavailable`() {
        #expect(throws: SecurityModuleError.unavailable(errno: ENOENT)) {
            try DeviceTransport(path: "/dev/no-such-nsm")
        }
    }

    @Test func `a device that is no NSM is unavailable`() throws {
        let transport = try DeviceTransport(path: "/dev/null")
        #expect(throws: SecurityModuleError.unavailable(errno: ENOTTY)) { try transport.exchange([0xa0]) }
        #expect(throws: SecurityModuleError.unavailable(errno: ENOTTY)) { try SecurityModule(transport).random() }
    }

    @Test func `a request above 4096 bytes does not reach the device`() throws {
        let transport = try DeviceTransport(path: "/dev/null")
        #expect(throws: SecurityModuleError.requestTooLarge) {
            try transport.exchange([UInt8](repeating: 0, count: 4097))
        }
    }

    @Test func `the device stays open as long as a copy of the transport lives`() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write([], as: "device").path
        func isOpen() throws -> Bool {
            try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").contains {
                (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\($0)")) == path
            }
        }
        do {
            var modules = [SecurityModule(try DeviceTransport(path: path))]
            modules.append(modules[0])
            modules.removeFirst()
            #expect(try isOpen())
            #expect(throws: SecurityModuleError.self) { try modules[0].random() }
        }
        #expect(try !isOpen())
    }

    @Test func `the boot clock goes with the kernel's uptime`() throws {
        let uptime = try String(contentsOfFile: "/proc/uptime", encoding: .utf8)
        let seconds = try #require(uptime.split(separator: " ").first.flatMap { Double($0) })
        let now = try #require(BootClock.milliseconds)
        #expect(abs(Double(now) / 1000 - seconds) < 5)
        let later = try #require(BootClock.milliseconds)
        #expect(later >= now)
    }

    @Test func `entropy is credited only with the right to`() throws {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = try #require(status.split(separator: "\n").first { $0.hasPrefix("CapEff:") })
        let capabilities = try #require(line.split(separator: "\t").last.flatMap { UInt64($0, radix: 16) })
        let administrates = capabilities >> 21 & 1 == 1
        if !administrates { #expect(!KernelEntropy.credit([UInt8](repeating: 1, count: 256))) }
        #expect(!KernelEntropy.credit([]))
        #expect(!KernelEntropy.credit([UInt8](repeating: 1, count: KernelEntropy.maximumLength + 1)))
    }
}
