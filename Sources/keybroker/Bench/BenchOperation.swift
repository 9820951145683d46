// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import KMSProtocol

/// What `keybroker bench` can ask of a broker.
enum BenchOperation: String, CaseIterable, ExpressibleByArgument, Sendable {
    case sign
    case verify
    case generateMAC = "generate-mac"
    case getPublicKey = "get-public-key"
    case signBatch = "sign-batch"

    /// `X-Amz-Target`.
    var target: String {
        switch self {
        case .sign: "\(TargetPrefix.kms).Sign"
        case .verify: "\(TargetPrefix.kms).Verify"
        case .generateMAC: "\(TargetPrefix.kms).GenerateMac"
        case .getPublicKey: "\(TargetPrefix.kms).GetPublicKey"
        case .signBatch: "\(TargetPrefix.broker).SignBatch"
        }
    }
}
