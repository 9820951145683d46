// SPDX-License-Identifier: Apache-2.0

package import Cryptography
import Encoding
package import KMSProtocol

extension KeyService {
    func generateMAC(_ request: GenerateMacRequest, _ call: Call) throws(KMSError) -> JSONObject {
        let (key, secret) = try macKey(request.keyID, request.macAlgorithm, call)
        guard !request.dryRun else { throw .dryRunSucceeded }
        let mac = HMAC.authenticate(request.macAlgorithm.hash, key: secret.bytes, message: request.message)
        return JSONObject([
            ("KeyId", .string(key.arn)), ("Mac", .blob(mac)), ("MacAlgorithm", .string(request.macAlgorithm.rawValue)),
        ])
    }

    /// A bad MAC is an error, of whatever length it is: KMS never answers `MacValid: false`.
    func verifyMAC(_ request: VerifyMacRequest, _ call: Call) throws(KMSError) -> JSONObject {
        let (key, secret) = try macKey(request.keyID, request.macAlgorithm, call)
        let mac = HMAC.authenticate(request.macAlgorithm.hash, key: secret.bytes, message: request.message)
        guard constantTimeEquals(mac, request.mac) else { throw .invalidMAC }
        guard !request.dryRun else { throw .dryRunSucceeded }
        return JSONObject([
            ("KeyId", .string(key.arn)), ("MacValid", true), ("MacAlgorithm", .string(request.macAlgorithm.rawValue)),
        ])
    }

    private func macKey(
        _ keyID: String,
        _ algorithm: MACAlgorithm,
        _ call: Call
    ) throws(KMSError) -> (key: KeyRecord, secret: SharedSecret) {
        let key = try call.key(keyID, parameters: ["kms:MacAlgorithm": [algorithm.rawValue]])
        try call.requireEnabled(key)
        try call.requireUsage(.generateVerifyMAC, of: key)
        try algorithm.check(spec: key.spec)
        guard case .symmetric(let secret) = key.material else { throw .cryptographyFailed }
        return (key, secret)
    }
}

extension MACAlgorithm {
    package var hash: HashAlgorithm {
        switch self {
        case .hmacSHA224: .sha224
        case .hmacSHA256: .sha256
        case .hmacSHA384: .sha384
        case .hmacSHA512: .sha512
        }
    }
}
