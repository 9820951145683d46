// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Cryptography
import Encoding
import KMSProtocol

/// The key that is measured, and with which algorithm.
struct BenchSubject: Sendable {
    let keyID: String
    let spec: KeySpec
    /// Nil for operations without one.
    let algorithm: String?
    /// DIGEST wherever the algorithm takes digests: that is what auditors sign.
    let messageType: MessageType
    /// Bytes of a message: a digest of the algorithm's hash, or 32.
    let messageLength: Int

    /// Asks the broker what the key is; `algorithm` overrides the first that fits the operation.
    static func find(_ keyID: String, for operation: BenchOperation, algorithm: String?, _ client: KMSClient)
        async throws
        -> BenchSubject
    {
        let metadata: JSONObject
        do {
            let answer = try await client.call("\(TargetPrefix.kms).DescribeKey", ["KeyId": .string(keyID)])
            metadata = answer["KeyMetadata"]?.object ?? JSONObject()
        } catch {
            throw CommandFailure.failed("DescribeKey \(keyID): \(error.line)")
        }
        guard let spec = metadata["KeySpec"]?.string.flatMap(KeySpec.init(rawValue:)) else {
            throw CommandFailure.failed("DescribeKey \(keyID): the answer names no known KeySpec")
        }
        let offered: [String]
        switch operation {
        case .sign, .verify, .signBatch: offered = spec.signingAlgorithms.map(\.rawValue)
        case .generateMAC: offered = spec.macAlgorithms.map(\.rawValue)
        case .getPublicKey: return BenchSubject(keyID, spec, algorithm: nil)
        }
        guard let first = offered.first else {
            throw CommandFailure.usage("a key of spec \(spec.rawValue) cannot do \(operation.rawValue)")
        }
        guard offered.contains(algorithm ?? first) else {
            throw CommandFailure.usage(
                "a key of spec \(spec.rawValue) has the algorithms \(offered.joined(separator: ", "))"
            )
        }
        return BenchSubject(keyID, spec, algorithm: algorithm ?? first)
    }

    private init(_ keyID: String, _ spec: KeySpec, algorithm: String?) {
        self.keyID = keyID
        self.spec = spec
        self.algorithm = algorithm
        let signing = algorithm.flatMap(SigningAlgorithm.init(rawValue:))
        let takesDigests = signing?.messageTypes.contains(.digest) ?? false
        messageType = takesDigests ? .digest : .raw
        messageLength = takesDigests ? signing?.digestLength ?? 32 : 32
    }

    /// A random message of the right length.
    func message() throws(CommandFailure) -> [UInt8] {
        do { return try SecureRandom.bytes(count: messageLength) } catch { throw .failed("no random bytes") }
    }
}
