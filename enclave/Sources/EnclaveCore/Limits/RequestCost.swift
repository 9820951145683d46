// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
package import Encoding
import KMSProtocol
import KeyService

/// What a request takes of its principal's allowance.
package enum RequestCost: Sendable, Equatable {
    /// Processor time, in signatures of Ed25519: some 40 µs of one core.
    case work(Int)
    /// A new version of the keyring, sealed and stored.
    case change(Int)

    /// A document of the security module: a P-384 signature, and on Nitro a call that takes milliseconds.
    static let attestation = RequestCost.work(50)
    /// What reads the keyring and answers with some of it.
    static let reading = RequestCost.work(2)

    /// Of an operation of KMS with a key of this spec.
    static func kms(_ operation: String, _ spec: KeySpec?) -> RequestCost {
        switch operation {
        case "Sign": .work(spec?.signingCost ?? 1)
        case "Verify": .work(spec?.verifyingCost ?? 1)
        // KMS grants 5 CreateKey a second, and 15 of other changes.
        case "CreateKey": .change(3)
        case "CreatePrincipal", "DeletePrincipal", "PutPrincipalPolicy": .change(1)
        default: KeyService.changeOperations.contains(operation) ? .change(1) : reading
        }
    }

    /// Of a SignBatch: its signatures. More of them than it takes are refused there, whatever they cost here.
    static func batch(_ input: JSONObject, _ spec: KeySpec?) -> RequestCost {
        let count = min(input["Messages"]?.array?.count ?? 1, SignBatchRequest.messageCount.upperBound)
        return .work((spec?.signingCost ?? 1) * max(1, count))
    }

    /// Of an envelope sealed or opened: by its text, 8 KiB of which cost about what a signature does.
    package static func envelope(_ input: JSONObject) -> RequestCost {
        let members = [input["Plaintext"], input["Envelope"], input["Envelope"]?.object?["ciphertext"]]
        let length = members.compactMap { $0?.string?.utf8.count }.max() ?? 0
        return .work(2 + length / 8192)
    }

    /// Whether an event loop must not wait for it: longer than some 100 µs, as RSA signs, and as the curves without
    /// optimised code sign and verify.
    var isSlow: Bool { if case .work(let units) = self { units > 3 } else { false } }

    /// What it takes of the queue for slow work.
    var units: Int {
        switch self {
        case .work(let units): units
        case .change: 1
        }
    }
}

extension KeySpec {
    /// One signature or MAC, in signatures of Ed25519. `openssl speed` (3.0, x86-64), rounded up: RSA-2048 0.3 to
    /// 0.7 ms, RSA-3072 2 ms, RSA-4096 5 ms, the curves without optimised code up to 1 ms.
    var signingCost: Int {
        switch self {
        case .rsa2048: 15
        case .rsa3072: 50
        case .rsa4096: 125
        case .eccNISTP384, .eccNISTP521, .eccSECGP256K1: 25
        case .eccNISTP256, .eccNISTEdwards25519, .symmetricDefault, .hmac224, .hmac256, .hmac384, .hmac512: 1
        }
    }

    /// One verification.
    var verifyingCost: Int {
        switch self {
        case .eccNISTP384, .eccNISTP521, .eccSECGP256K1: 25
        case .rsa2048, .rsa3072, .rsa4096, .eccNISTP256, .eccNISTEdwards25519: 3
        case .symmetricDefault, .hmac224, .hmac256, .hmac384, .hmac512: 1
        }
    }
}
