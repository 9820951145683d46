// SPDX-License-Identifier: Apache-2.0

import EnclaveCore
import Encoding
import KMSProtocol
import TestSupport
import Testing

/// What bounds the envelopes of an enclave. What is in them is tested over TLS, with the programs.
struct EnvelopeLimitTests {
    @Test func `a key seals as many envelopes as its nonces bear, and others go on`() throws {
        let counts = EnvelopeCounts(limit: 3)
        for _ in 0..<3 { try counts.count("a") }
        for _ in 0..<2 {
            let error = #expect(throws: KMSError.self) { try counts.count("a") }
            #expect(error?.name == "LimitExceededException")
            #expect(error?.message?.contains("NIST SP 800-38D") == true)
        }
        try counts.count("b")
    }

    @Test func `GetStatus says that it is 2 to the 32nd, and how long a payload may be`() async throws {
        try await Rig.run { rig in
            try await rig.waitForState("unlocked")
            let status = try await rig.call("KeyBroker.GetStatus", [:]).output
            #expect(status["Limits"]?.object?["EnvelopesPerKey"]?.int64 == 4_294_967_296)
            #expect(status["Limits"]?.object?["PayloadBytes"]?.int64 == 122_880)
            #expect(status["Requests"]?.object?["Envelopes"] == 0)
        }
    }

    @Test func `a long envelope costs more than a short one, in each of its forms`() {
        let long = JSON.string(String(repeating: "A", count: 160 * 1024))
        #expect(RequestCost.envelope(JSONObject([("Plaintext", "AAAA")])) == .work(2))
        #expect(RequestCost.envelope(JSONObject([("Plaintext", long)])) == .work(22))
        #expect(RequestCost.envelope(JSONObject([("Envelope", long)])) == .work(22))
        #expect(RequestCost.envelope(JSONObject([("Envelope", ["ciphertext": long, "nonce": "A"])])) == .work(22))
        #expect(RequestCost.envelope(JSONObject()) == .work(2))
    }

    @Test(arguments: ["Encrypt", "Decrypt"])
    func `over plain HTTP nothing is sealed or opened, whoever asks for whatever`(operation: String) async throws {
        try await Rig.run { rig in
            try await rig.waitForState("unlocked")
            for input: JSON in [[:], ["KeyId": "alias/mac", "Plaintext": "c2VjcmV0", "Envelope": "AAAA"]] {
                let answer = try await rig.call("KeyBroker.\(operation)", input)
                #expect(answer.status == 400)
                #expect(answer.error?.name == "UnsupportedOperationException")
                #expect(answer.error?.message?.contains("only over TLS that ends inside it: set ingress.tls") == true)
            }
            #expect(!rig.lines.all.contains { $0.contains("c2VjcmV0") || $0.contains("secret") })
        }
    }
}
