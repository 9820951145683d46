// SPDX-License-Identifier: Apache-2.0

import AWSClient
import BrokerProtocol
import Cryptography
import Encoding
import KMSProtocol

/// Calls the broker as a program with an AWS SDK would.
struct DemoSigner: Sendable {
    let client: KMSClient
    let key: DemoKeyring.Key

    /// Ed25519 signs the digest as a message; the others take it as a digest.
    func sign(_ digest: [UInt8], algorithm: SigningAlgorithm) async throws -> [UInt8] {
        let answer = try await call(
            "Sign",
            [
                "Message": .string(Base64.encode(digest)),
                "MessageType": algorithm == .ed25519SHA512 ? "RAW" : "DIGEST",
                "SigningAlgorithm": .string(algorithm.rawValue),
            ]
        )
        return try blob("Signature", of: answer)
    }

    func macRoundTrip(_ digest: [UInt8]) async throws {
        let message = JSON.string(Base64.encode(digest))
        let answer = try await call("GenerateMac", ["Message": message, "MacAlgorithm": "HMAC_SHA_256"])
        let mac = try blob("Mac", of: answer)
        let verified = try await call(
            "VerifyMac",
            ["Message": message, "MacAlgorithm": "HMAC_SHA_256", "Mac": .string(Base64.encode(mac))]
        )
        guard verified["MacValid"]?.bool == true else { throw CommandFailure.failed("VerifyMac did not confirm") }
    }

    /// The key's public half, believed only because the attestation names its digest.
    func publicKey(attestedBy enclave: AttestedEnclave) async throws -> PublicKey {
        let spki = try blob("PublicKey", of: try await call("GetPublicKey", [:]))
        guard let attested = enclave.userData.signingKeyDigest, attested == Hash.digest(.sha256, spki) else {
            throw CommandFailure.failed("GetPublicKey answered with another key than the attestation names")
        }
        return try PublicKey(spki: spki)
    }

    private func call(_ operation: String, _ members: JSON) async throws -> JSONObject {
        var input = members.object ?? JSONObject()
        input["KeyId"] = .string(key.id)
        do {
            return try await client.call("TrentService.\(operation)", .object(input))
        } catch {
            throw CommandFailure.failed("\(operation): \(error.line)")
        }
    }

    private func blob(_ name: String, of answer: JSONObject) throws(CommandFailure) -> [UInt8] {
        guard let text = answer[name]?.string, let bytes = try? Base64.decode(text) else {
            throw .failed("the answer has no \(name)")
        }
        return bytes
    }
}
