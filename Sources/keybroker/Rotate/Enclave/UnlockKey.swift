// SPDX-License-Identifier: Apache-2.0

import AWSClient
import AuditTrail
import Encoding

/// The KMS key whose policy releases the TSK, asked with the operator's own credentials.
struct UnlockKey: Sendable {
    let arn: String
    let client: KMSClient

    /// KMS is eventually consistent (Developer Guide, "AWS KMS eventual consistency"): what was put may be read a little later.
    private static let reads = 10
    private static let pause = Duration.seconds(1)

    func policy() async throws(CommandFailure) -> String {
        let answer = try await call("GetKeyPolicy", KeyPolicyPutCommand.input(arn))
        guard let policy = answer["Policy"]?.string else { throw .failed("\(arn): KMS answers without a policy") }
        return policy
    }

    /// Replaces the policy, and reads it back until it is the new one.
    func put(_ policy: String) async throws(CommandFailure) {
        var input = KeyPolicyPutCommand.input(arn)
        input["Policy"] = .string(policy)
        _ = try await call("PutKeyPolicy", input)
        for read in 1...Self.reads {
            if Self.isSame(try await self.policy(), policy) { return }
            if read < Self.reads { try? await Task.sleep(for: Self.pause) }
        }
        throw .failed("\(arn): reads back another policy than was put: somebody else puts policies now, too")
    }

    /// Whether two policies say the same in the same words, whatever the order of their members.
    static func isSame(_ a: String, _ b: String) -> Bool {
        guard let a = canonical(a), let b = canonical(b) else { return false }
        return a == b
    }

    private static func canonical(_ policy: String) -> [UInt8]? {
        (try? JSON.parse(Array(policy.utf8))).flatMap { try? CanonicalForm.rfc8785.encode($0) }
    }

    private func call(_ operation: String, _ input: JSONObject) async throws(CommandFailure) -> JSONObject {
        do {
            return try await client.call("TrentService.\(operation)", .object(input))
        } catch {
            throw .failed(
                "\(operation) \(arn): \(error.line) (KMS is asked with the operator's credentials: --kms-endpoint, --profile)"
            )
        }
    }
}
