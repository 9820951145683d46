// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Encoding
import TestSupport
import Testing

/// What those who look after a whole installation see of it.
struct AdminAddressTests {
    private func get(_ target: String, of broker: RunningBroker) async throws -> String {
        let connection = try RawConnection(path: broker.folder.file("admin.sock"))
        try connection.send("GET \(target) HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
        return await connection.receiveText()
    }

    @Test(arguments: [false, true])
    func `it is ready once the enclave serves, in clear and over TLS, and counts what the enclave did`(
        tls: Bool
    ) async throws {
        let broker = try await RunningBroker(tls: tls)
        let ready = try await get("/ready", of: broker)
        #expect(
            ready.hasPrefix("HTTP/1.1 200 OK\r\n") && ready.hasSuffix(#"{"ready":true,"state":"unlocked"}"#),
            "\(ready)"
        )
        let client = try broker.client()
        for number in 0..<3 {
            _ = try await client.call(
                "TrentService.Sign",
                [
                    "KeyId": "alias/audit-p256", "Message": .string("AAA\(number)"),
                    "SigningAlgorithm": "ECDSA_SHA_256",
                ]
            )
        }
        var page = ""
        for _ in 0..<1500 where !page.contains(#"keybroker_requests_total{operation="Sign",outcome="ok"} 3"#) {
            try await Task.sleep(for: .milliseconds(20))
            page = try await get("/metrics", of: broker)
        }
        for line in [
            #"keybroker_requests_total{operation="Sign",outcome="ok"} 3"#, "keybroker_signatures_total 3",
            #"keybroker_enclave_state{state="unlocked"} 1"#, "keybroker_enclave_keyring_version 1",
            "keybroker_enclave_restarts_total 0",
            #"keybroker_kms_requests_total{operation="Decrypt",outcome="ok"} 1"#,
        ] {
            #expect(page.contains("\n\(line)\n"), "\(line)")
        }
    }
}
