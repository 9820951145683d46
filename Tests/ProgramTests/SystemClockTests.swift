// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Encoding
import Foundation
import KMSProtocol
import TestSupport
import Testing

/// The enclave's program while somebody sets the clock of its machine.
@Suite(.serialized)
struct SystemClockTests {
    private static let hasCompiler = FileManager.default.isExecutableFile(atPath: "/usr/bin/cc")
    private static let hour: Int64 = 3600

    /// A file of two numbers, mapped by the shim: seconds that the clock is moved by, and how often it was asked for.
    private struct Shim {
        let library: String
        let numbers: String

        init(_ folder: TemporaryDirectory) async throws {
            library = folder.file("clock_shim.so")
            numbers = folder.file("clock")
            let source = ClientTests.clients.appendingPathComponent("clock_shim.c").path
            _ = try await Tool.succeed("cc", ["-shared", "-fPIC", "-O1", "-o", library, source])
            _ = try folder.write([UInt8](repeating: 0, count: 16), as: "clock")
        }

        var environment: [String: String] { ["LD_PRELOAD": library, "CLOCK_SHIM": numbers] }

        func move(by seconds: Int64) throws {
            let file = try FileHandle(forUpdating: URL(fileURLWithPath: numbers))
            defer { try? file.close() }
            try file.write(contentsOf: unsafe withUnsafeBytes(of: seconds.littleEndian) { unsafe Data($0) })
        }

        var uses: UInt8 { (try? RunningBroker.bytes(numbers))?.dropFirst(8).reduce(0, |) ?? 0 }
    }

    @Test(.enabled(if: hasCompiler, "there is no C compiler"))
    func `a system clock that is moved by hours either way changes nothing`() async throws {
        let folder = try TemporaryDirectory()
        let shim = try await Shim(folder)
        let broker = try await RunningBroker { scene in
            let environment = shim.environment.map { "\($0)='\($1)'" }.joined(separator: " ")
            _ = try scene.write(
                "enclave",
                "#!/bin/sh\nexec env \(environment) '\(Programs.path("keybroker-enclave"))' \"$@\"\n",
                mode: 0o700
            )
        }
        // The enclave runs under the shim: its software module reads the clock once, when it is made.
        #expect(shim.uses > 0)
        for move in [0, 3 * Self.hour, -3 * Self.hour, 400 * 24 * Self.hour] {
            try shim.move(by: move)
            let shown = try await Tool.succeed("date", ["+%s"], environment: shim.environment).text
            let moved = try #require(Int64(shown.dropLast())) - RunningBroker.now().seconds
            #expect(abs(moved - move) < 60, "the shim does not move the clock")

            let status = try await broker.client().call("KeyBroker.GetStatus", .object(JSONObject()))
            guard case .number(let time) = status["Time"] else { throw Unexpected("no time") }
            let seconds = try #require(Double(time.text))
            #expect(abs(seconds - Double(RunningBroker.now().seconds)) < 60)
            #expect(try await Self.sign(broker, skew: 0) == nil)
            if move != 0 {
                // Whoever believes the moved clock is refused: in the words of someone who knows the time.
                let message = try #require(try await Self.sign(broker, skew: move))
                #expect(message.contains(move < 0 ? "Signature expired" : "Signature not yet current"))
            }
        }
    }

    /// The message of the refusal, if there was one.
    private static func sign(_ broker: RunningBroker, skew: Int64) async throws -> String? {
        let client = try broker.client { RunningBroker.now().advanced(byMilliseconds: skew * 1000) }
        do {
            let answer = try await client.call(
                "TrentService.Sign",
                ["KeyId": "alias/audit-ed25519", "Message": "aGk=", "SigningAlgorithm": "ED25519_SHA_512"]
            )
            #expect(answer["Signature"] != nil)
            return nil
        } catch {
            return "\(error)"
        }
    }
}
