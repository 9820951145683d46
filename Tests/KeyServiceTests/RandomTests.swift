// SPDX-License-Identifier: Apache-2.0

import Encoding
import KMSProtocol
import KeyService
import Testing

struct RandomTests {
    private static let allowing: JSON = [
        "Version": "2012-10-17",
        "Statement": [["Effect": "Allow", "Action": "kms:GenerateRandom", "Resource": "*"]],
    ]

    @Test(arguments: [1, 32, 1024]) func `as many bytes as were asked for, others each time`(count: Int) throws {
        let bench = try Bench()
        let input: JSON = ["NumberOfBytes": .number(JSONNumber(Int64(count)))]
        let output = try bench.answer("GenerateRandom", input)
        let first = try #require(output.blob("Plaintext"))
        #expect(first.count == count)
        #expect(output.members.map(\.name) == ["Plaintext"])
        if count > 1 { #expect(try bench.answer("GenerateRandom", input).blob("Plaintext") != first) }
    }

    @Test(arguments: [0, 1025, -1]) func `less than one byte or more than 1024 are refused`(count: Int64) throws {
        let error = try Bench().error("GenerateRandom", ["NumberOfBytes": .number(JSONNumber(count))])
        #expect(error?.name == "ValidationException")
    }

    @Test func `an IAM policy must allow it, on no resource`() throws {
        var bench = try Bench(caller: Bench.user())
        #expect(bench.error("GenerateRandom", ["NumberOfBytes": 8])?.name == "AccessDeniedException")
        bench.caller = try Bench.user(policies: [Self.allowing])
        #expect(try bench.answer("GenerateRandom", ["NumberOfBytes": 8]).blob("Plaintext")?.count == 8)
    }

    @Test func `a custom key store is not supported`() throws {
        let error = try Bench().error("GenerateRandom", ["NumberOfBytes": 8, "CustomKeyStoreId": "cks-1"])
        #expect(error?.name == "UnsupportedOperationException")
    }

    @Test(arguments: ["GenerateRandom", "GenerateDataKey", "Decrypt"])
    func `where plaintext needs TLS, it leaves over TLS alone`(operation: String) throws {
        var bench = try Bench([.make(.symmetricDefault, aliases: ["alias/aes"])])
        let blob = try bench.answer("Encrypt", ["KeyId": "alias/aes", "Plaintext": "AAAA"])["CiphertextBlob"]
        bench.service = KeyService(
            account: Bench.account,
            region: Bench.region,
            operations: bench.service.operations
        )
        let input: JSON =
            switch operation {
            case "GenerateRandom": ["NumberOfBytes": 32]
            case "GenerateDataKey": ["KeyId": "alias/aes", "KeySpec": "AES_256"]
            default: ["CiphertextBlob": try #require(blob)]
            }
        #expect(
            bench.error(operation, input)
                == KMSError(
                    "UnsupportedOperationException",
                    "\(operation) answers with a secret, which leaves this service only over TLS that ends inside it: "
                        + "set ingress.tls in the broker's configuration, and connect with https."
                )
        )
        bench.circumstances.isSecureTransport = true
        #expect(try bench.answer(operation, input)["Plaintext"] != nil)
    }
}
