// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import KMSProtocol

/// The input of Sign and Verify, or of GenerateMac and VerifyMac, which the algorithm's name tells apart.
struct SignatureJob: Sendable {
    let isMAC: Bool
    let input: JSONObject

    /// A long `message` becomes its digest, where the algorithm signs digests.
    init(key: String, algorithm: String, message: [UInt8]?, digest: [UInt8]?) throws(CommandFailure) {
        isMAC = MACAlgorithm(rawValue: algorithm) != nil
        var bytes = digest ?? message ?? []
        var type = digest == nil ? MessageType.raw : .digest
        if type == .raw, bytes.count > KMSLimits.plaintext.upperBound {
            guard let hash = Self.hash(algorithm) else {
                throw .usage(
                    "\(algorithm) takes messages of at most \(KMSLimits.plaintext.upperBound) bytes: hash it, and sign the hash as a message"
                )
            }
            bytes = Hash.digest(hash, bytes)
            type = .digest
        }
        var input = JSONObject([("KeyId", .string(key)), ("Message", .blob(bytes))])
        if isMAC {
            guard type == .raw else { throw .usage("\(algorithm) takes the message itself: --message") }
            input["MacAlgorithm"] = .string(algorithm)
        } else {
            input["MessageType"] = .string(type.rawValue)
            input["SigningAlgorithm"] = .string(algorithm)
        }
        self.input = input
    }

    /// The hash whose digests the algorithm signs; nil where it signs none, or is not known here.
    private static func hash(_ algorithm: String) -> HashAlgorithm? {
        switch SigningAlgorithm(rawValue: algorithm) {
        case .rsaPSSSHA256, .rsaPKCS1SHA256, .ecdsaSHA256: .sha256
        case .rsaPSSSHA384, .rsaPKCS1SHA384, .ecdsaSHA384: .sha384
        case .rsaPSSSHA512, .rsaPKCS1SHA512, .ecdsaSHA512: .sha512
        case .ed25519SHA512, .ed25519PhSHA512, nil: nil
        }
    }
}
