// SPDX-License-Identifier: Apache-2.0

package import Cryptography
import Encoding
package import KMSProtocol

extension KeyService {
    func generateMAC(_ request: GenerateMacRequest, _ call: Call) throws(KMSError) -> JSONObject {
        let parameters = request.parameters
        let (key, mac) = try authenticate(parameters, call)
        guard !parameters.dryRun else { throw .dryRunSucceeded }
        return JSONObject([
            ("KeyId", .string(key.arn)), ("Mac", .blob(mac)),
            ("MacAlgorithm", .string(parameters.macAlgorithm.rawValue)),
        ])
    }

    /// A bad MAC is an error, of whatever length it is: KMS never answers `MacValid: false`.
    func verifyMAC(_ request: VerifyMacRequest, _ call: Call) throws(KMSError) -> JSONObject {
        let parameters = request.parameters
        let (key, mac) = try authenticate(parameters, call)
        guard constantTimeEquals(mac, request.mac) else { throw .invalidMAC }
        guard !parameters.dryRun else { throw .dryRunSucceeded }
        return JSONObject([
            ("KeyId", .string(key.arn)), ("MacValid", true),
            ("MacAlgorithm", .string(parameters.macAlgorithm.rawValue)),
        ])
    }

    /// The MAC of the request's message, by a key that is allowed, enabled, and made for that.
    private func authenticate(_ parameters: MACParameters, _ call: Call) throws(KMSError) -> (
        key: KeyRecord, mac: [UInt8]
    ) {
        let algorithm = parameters.macAlgorithm
        let key = try call.key(parameters.keyID, parameters: ["kms:MacAlgorithm": [algorithm.rawValue]])
        try call.requireEnabled(key)
        try call.requireUsage(.generateVerifyMAC, of: key)
        try algorithm.check(spec: key.spec)
        guard case .symmetric(let secret) = key.material else { throw .cryptographyFailed }
        return (key, HMAC.authenticate(algorithm.hash, key: secret.bytes, message: parameters.message))
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
