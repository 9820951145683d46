// SPDX-License-Identifier: Apache-2.0

package import Cryptography
import Encoding
package import KMSProtocol

extension KeyService {
    func sign(_ request: SignRequest, _ call: Call) throws(KMSError) -> JSONObject {
        let parameters = request.parameters
        let (key, privateKey, scheme) = try signingKey(parameters, messageLengths: [request.message.count], call)
        guard !parameters.dryRun else { throw .dryRunSucceeded }
        let signature: [UInt8]
        do {
            signature =
                switch parameters.messageType {
                case .digest: try privateKey.sign(digest: request.message, scheme: scheme)
                case .raw, .externalMu: try privateKey.sign(message: request.message, scheme: scheme)
                }
        } catch {
            throw .cryptographyFailed
        }
        return JSONObject([
            ("KeyId", .string(key.arn)), ("Signature", .blob(signature)),
            ("SigningAlgorithm", .string(parameters.signingAlgorithm.rawValue)),
        ])
    }

    /// A bad signature is an error, of whatever form it is: KMS never answers `SignatureValid: false`.
    func verify(_ request: VerifyRequest, _ call: Call) throws(KMSError) -> JSONObject {
        let parameters = request.parameters
        let (key, privateKey, scheme) = try signingKey(parameters, messageLengths: [request.message.count], call)
        let publicKey = privateKey.publicKey
        let isValid =
            switch parameters.messageType {
            case .digest: publicKey.verify(request.signature, digest: request.message, scheme: scheme)
            case .raw, .externalMu: publicKey.verify(request.signature, message: request.message, scheme: scheme)
            }
        guard isValid else { throw .invalidSignature }
        guard !parameters.dryRun else { throw .dryRunSucceeded }
        return JSONObject([
            ("KeyId", .string(key.arn)), ("SignatureValid", true),
            ("SigningAlgorithm", .string(parameters.signingAlgorithm.rawValue)),
        ])
    }

    /// Everything before the act: the key, allowed, enabled, made for signing, and of a kind with the algorithm.
    func signingKey(
        _ parameters: SigningParameters,
        messageLengths: [Int],
        _ call: Call
    ) throws(KMSError) -> (key: KeyRecord, privateKey: PrivateKey, scheme: SignatureScheme) {
        let algorithm = parameters.signingAlgorithm
        let key = try call.key(
            parameters.keyID,
            parameters: [
                "kms:SigningAlgorithm": [algorithm.rawValue], "kms:MessageType": [parameters.messageType.rawValue],
            ]
        )
        try call.requireEnabled(key)
        try call.requireUsage(.signVerify, of: key)
        for length in messageLengths {
            try algorithm.check(spec: key.spec, messageType: parameters.messageType, messageLength: length)
        }
        guard case .asymmetric(let privateKey) = key.material, let scheme = algorithm.scheme else {
            throw .cryptographyFailed
        }
        return (key, privateKey, scheme)
    }
}

extension SigningAlgorithm {
    /// The scheme in cryptographic terms; nil for ED25519_PH_SHA_512, which OpenSSL 3.0 does not have.
    package var scheme: SignatureScheme? {
        switch self {
        case .rsaPSSSHA256: .rsaPSS(.sha256)
        case .rsaPSSSHA384: .rsaPSS(.sha384)
        case .rsaPSSSHA512: .rsaPSS(.sha512)
        case .rsaPKCS1SHA256: .rsaPKCS1(.sha256)
        case .rsaPKCS1SHA384: .rsaPKCS1(.sha384)
        case .rsaPKCS1SHA512: .rsaPKCS1(.sha512)
        case .ecdsaSHA256: .ecdsa(.sha256)
        case .ecdsaSHA384: .ecdsa(.sha384)
        case .ecdsaSHA512: .ecdsa(.sha512)
        case .ed25519SHA512: .ed25519
        case .ed25519PhSHA512: nil
        }
    }
}
