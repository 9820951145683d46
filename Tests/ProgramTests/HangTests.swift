// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Encoding
import Glibc
import TestSupport
import Testing

/// An enclave that hangs without ending: a real one, stopped.
struct HangTests {
    @Test func `an enclave that is stopped is killed and started again by its host, unlocks and signs`() async throws {
        let broker = try await RunningBroker()
        let file = broker.folder.file("host.json")
        try await broker.restart {
            var configuration = try #require(try JSON.parse(RunningBroker.bytes(file)).object)
            var enclave = try #require(configuration["enclave"]?.object)
            // The second one is for an enclave that is stopped before it was asked first.
            enclave["liveness"] = ["seconds": 3, "bootSeconds": 20]
            configuration["enclave"] = .object(enclave)
            try RunningBroker.write(JSON.object(configuration).serialized(), file)
        }
        let stopped = try broker.enclavePID()
        kill(stopped, SIGSTOP)
        func hang() -> Substring? {
            broker.folder.read("host.log").split(separator: "\n").first {
                $0.contains(#""event":"enclave hangs""#) && $0.contains(#""pid":"\#(stopped)""#)
            }
        }
        for _ in 0..<6000 where hang() == nil { try await Task.sleep(for: .milliseconds(20)) }
        #expect(hang()?.contains("no answer to GET /health for ") == true, "\(broker.folder.read("host.log"))")
        try await broker.waitUntilServing()
        #expect(try broker.enclavePID() != stopped)
        _ = try await broker.client().call(
            "TrentService.Sign",
            ["KeyId": "alias/audit-ed25519", "Message": "aGk=", "SigningAlgorithm": "ED25519_SHA_512"]
        )
    }
}
