// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Foundation
import SoftwareModule
import TestSupport
import Testing

struct `Measurements of a program` {
    private static func executable() throws -> String {
        try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    }

    @Test func `the prediction for a program is what it says of itself when it runs`() throws {
        let running = try SoftwareMeasurements.makingOfRunningProgram()()
        #expect(try SoftwareMeasurements.predicted(forExecutable: Self.executable()) == running)
        // Through a link as well.
        #expect(try SoftwareMeasurements.predicted(forExecutable: "/proc/self/exe") == running)
    }

    @Test(arguments: ["/usr/bin/openssl", "/bin/sh"])
    func `the definition gives the same with other tools`(program: String) async throws {
        let script = #"""
            set -e
            H() { openssl dgst -sha384 -binary; }
            Z() { head -c 48 /dev/zero; }
            L() {
                ldd "$1" | sed -n 's/.* => \(\/[^ ]*\) (.*/\1/p; s/^[[:space:]]*\(\/[^ ]*\) (.*/\1/p' |
                    while read -r path; do printf '%s %s\n' "${path##*/}" "$path"; done | LC_ALL=C sort |
                    while read -r name path; do printf '%s\0' "$name"; H < "$path"; done
            }
            (Z; H < "$1") | H
            (Z; L "$1" | H) | H
            (Z; printf 'keybroker software module 1' | H) | H
            """#
        let result = try await Tool.run("sh", ["-c", script, "sh", program])
        try #require(result.status == 0 && result.output.count == 144, "\(result.errors)")
        let measured = try SoftwareMeasurements.predicted(forExecutable: program)
        #expect(measured.pcr0 == [UInt8](result.output[0..<48]))
        #expect(measured.pcr1 == [UInt8](result.output[48..<96]))
        #expect(measured.pcr2 == [UInt8](result.output[96..<144]))
    }

    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/sbin/ldconfig")))
    func `a static program has no libraries, and is not run to find out`() throws {
        let nothing = Hash.digest(.sha384, zeros48, Hash.digest(.sha384))
        #expect(try SoftwareMeasurements.predicted(forExecutable: "/sbin/ldconfig").pcr1 == nothing)
    }

    @Test func `every byte of the executable counts`() throws {
        let directory = try TemporaryDirectory()
        let program = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "/bin/true")))
        let original = try SoftwareMeasurements.predicted(forExecutable: "/bin/true")
        let copy = try directory.write(program, as: "copy").path
        #expect(try SoftwareMeasurements.predicted(forExecutable: copy) == original)
        let changed = try directory.write(program.dropLast() + [program[program.count - 1] ^ 1], as: "changed").path
        let measured = try SoftwareMeasurements.predicted(forExecutable: changed)
        #expect(measured.pcr0 != original.pcr0)
        #expect(measured.pcr1 == original.pcr1 && measured.pcr2 == original.pcr2)
    }

    // MARK: What cannot be measured

    private static func patched(_ from: String, _ to: String) throws -> [UInt8] {
        var program = Data(try Data(contentsOf: URL(fileURLWithPath: "/bin/true")))
        let range = try #require(program.range(of: Data(from.utf8)))
        program.replaceSubrange(range, with: Data(to.utf8))
        return [UInt8](program)
    }

    @Test func `a program whose libraries are not there is an error`() throws {
        let directory = try TemporaryDirectory()
        let path = try directory.write(try Self.patched("libc.so.6", "libq.so.6"), as: "program").path
        #expect(throws: SoftwareModuleError.self) { try SoftwareMeasurements.predicted(forExecutable: path) }
    }

    @Test func `no loader is run that a program makes up`() throws {
        let directory = try TemporaryDirectory()
        let interpreter = "/lib64/ld-linux-x86-64.so.2"
        let program = try? Self.patched(interpreter, String(interpreter.dropLast()) + "3")
        // Other architectures have another name for it.
        guard let program else { return }
        let path = try directory.write(program, as: "program").path
        #expect(throws: SoftwareModuleError.self) { try SoftwareMeasurements.predicted(forExecutable: path) }
    }

    @Test func `what is no program is an error`() throws {
        let directory = try TemporaryDirectory()
        let program = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "/bin/true")))
        var wrong: [[UInt8]] = [[], [0x7f], [UInt8]("#!/bin/sh\n".utf8), [UInt8](repeating: 0, count: 4096)]
        // Cut inside the header, and inside the program headers.
        wrong += [63, 64, 100].map { [UInt8](program.prefix($0)) }
        // Program headers at the end of all numbers, and too many.
        var far = program
        far.replaceSubrange(32..<40, with: [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f])
        var many = program
        many.replaceSubrange(56..<58, with: [0xff, 0xff])
        for (index, contents) in (wrong + [far, many]).enumerated() {
            let path = try directory.write(contents, as: "program\(index)").path
            #expect(throws: SoftwareModuleError.self) { try SoftwareMeasurements.predicted(forExecutable: path) }
        }
        for path in ["/no/such/program", directory.url.path] {
            #expect(throws: SoftwareModuleError.self) { try SoftwareMeasurements.predicted(forExecutable: path) }
        }
    }

    @Test func `damaged programs are measured or refused, nothing else`() throws {
        let directory = try TemporaryDirectory()
        let program = [UInt8](try Data(contentsOf: URL(fileURLWithPath: "/bin/true")))
        var generator = SplitMix64(seed: 11)
        for _ in 0..<200 {
            var changed = program
            for _ in 0..<4 {
                changed[Int.random(in: 4..<1024, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
            }
            let path = try directory.write(changed, as: "program").path
            _ = try? SoftwareMeasurements.predicted(forExecutable: path)
        }
    }
}
