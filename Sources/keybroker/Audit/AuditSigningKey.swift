// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import BrokerProtocol
import Cryptography
import Encoding
import KMSProtocol

/// A key of the broker that signs audit records. There is no other way to sign: no local key, and no fallback to one.
struct AuditSigningKey {
    /// How the systems that these commands replace begin the line of a signature that was not made.
    static let errorPrefix = "kms signing failed: "

    /// As KMS names it in its answers.
    let arn: String
    let algorithm: SignerAlgorithm
    /// Nil for an HMAC key.
    let publicKey: PublicKey?
    private let keyID: String
    private let session: BrokerSession

    /// Asks the broker what kind of key it is. `named` is what the user or a variable says it signs with; nil: what fits.
    init(_ keyID: String, named: SignerAlgorithm? = nil, session: BrokerSession) async throws(CommandFailure) {
        self.keyID = keyID
        self.session = session
        let described = try await Self.describe(keyID, isMAC: named == .hmacSHA256, session)
        arn = described.arn
        publicKey = described.publicKey
        guard let key = described.publicKey else {
            algorithm = .hmacSHA256
            guard named == nil || named == algorithm else {
                throw .usage("\(keyID) does not sign with \(named?.rawValue ?? ""): it is an HMAC key")
            }
            return
        }
        algorithm = named ?? SignerAlgorithm(default: key.algorithm)
        guard algorithm.fits(key.algorithm) else {
            throw .usage("\(keyID) does not sign with \(algorithm.rawValue)")
        }
        if case .ec(let curve) = key.algorithm, curve == .p384 || curve == .p521 {
            throw .usage("\(keyID): these formats sign SHA-256, and KMS signs that with P-256 and secp256k1 keys alone")
        }
    }

    /// A key without a public half is taken for an HMAC key; if it is none, KMS says so when it is to sign.
    private static func describe(_ keyID: String, isMAC: Bool, _ session: BrokerSession) async throws(CommandFailure)
        -> (arn: String, publicKey: PublicKey?)
    {
        let input = JSONObject([("KeyId", .string(keyID))])
        do throws(CommandFailure) {
            if !isMAC,
                case .success(let answer) = try await session.kms(
                    "GetPublicKey",
                    input,
                    answeredBy: ["UnsupportedOperationException"]
                )
            {
                guard let spki = answer.blob("PublicKey"), let key = try? PublicKey(spki: spki),
                    let arn = answer["KeyId"]?.string
                else { throw BrokerFailure.malformed(session.url) }
                return (arn, key)
            }
            let answer = try await session.kms("DescribeKey", input)
            guard let arn = answer["KeyMetadata"]?.object?["Arn"]?.string else {
                throw BrokerFailure.malformed(session.url)
            }
            return (arn, nil)
        } catch {
            throw error.whileSigning
        }
    }

    // MARK: Signing

    /// Signatures over SHA-256 digests, in their order, each checked before it is returned.
    func sign(digests: [Digest256]) async throws(CommandFailure) -> [[UInt8]] {
        let messages = digests.map(\.bytes)
        let signatures: [[UInt8]]
        if algorithm == .hmacSHA256 {
            signatures = try await macs(messages)
        } else {
            signatures = try await signBatch(messages, type: algorithm == .ed25519 ? .raw : .digest)
        }
        guard let signer else { return signatures }
        // Nobody signs the broker's answers: over plain HTTP they are anybody's.
        for (signature, message) in zip(signatures, messages) where !signer.verify(signature, digest: message) {
            throw .failed(Self.errorPrefix + "the answer is no signature of this key")
        }
        return signatures
    }

    /// Whether a record's signature over its digest, in base64 or hex, is this key's.
    func hasSigned(_ digest: Digest256, _ signature: String) async throws(CommandFailure) -> Bool {
        if let signer { return signer.verify(signature, digest: digest) }
        let readings = [try? Base64.decode(signature), try? Hex.decode(signature)]
        guard let mac = readings.compactMap({ $0 }).first(where: { $0.count == Digest256.length }) else { return false }
        return try await isMAC(mac, of: digest.bytes)
    }

    /// Who verifies what it signs; nil for an HMAC key.
    private var signer: Signer? { publicKey.map { Signer(id: arn, key: $0, algorithm: algorithm) } }

    /// A signature over a message, which KMS hashes: at most 4,096 bytes.
    func sign(message: [UInt8]) async throws(CommandFailure) -> [UInt8] {
        guard let publicKey, let scheme = algorithm.scheme else {
            throw .usage("\(keyID) is an HMAC key: nobody else could verify what it signs")
        }
        let signature = try await signOne(message, type: .raw)
        guard publicKey.verify(signature, message: message, scheme: scheme) else {
            throw .failed(Self.errorPrefix + "the answer is no signature of this key")
        }
        return signature
    }

    private var kmsAlgorithm: String {
        switch algorithm {
        case .rsaSHA256: SigningAlgorithm.rsaPKCS1SHA256.rawValue
        case .rsaPSSSHA256: SigningAlgorithm.rsaPSSSHA256.rawValue
        case .ecdsaSHA256: SigningAlgorithm.ecdsaSHA256.rawValue
        case .ed25519: SigningAlgorithm.ed25519SHA512.rawValue
        case .hmacSHA256: MACAlgorithm.hmacSHA256.rawValue
        }
    }

    /// One request for all, where the endpoint has it; KMS itself has not.
    private func signBatch(_ messages: [[UInt8]], type: MessageType) async throws(CommandFailure) -> [[UInt8]] {
        if messages.count > 1, let signatures = try await batch(messages, type: type) { return signatures }
        var signatures: [[UInt8]] = []
        for message in messages { signatures.append(try await signOne(message, type: type)) }
        return signatures
    }

    private func batch(_ messages: [[UInt8]], type: MessageType) async throws(CommandFailure) -> [[UInt8]]? {
        let input = JSONObject([
            ("KeyId", .string(keyID)), ("SigningAlgorithm", .string(kmsAlgorithm)),
            ("MessageType", .string(type.rawValue)), ("Messages", .array(messages.map { .blob($0) })),
        ])
        let answer: JSONObject
        do {
            answer = try await session.call(.signBatch, input)
        } catch {
            // An endpoint that is KMS, and knows no batches.
            if error.message.hasPrefix("UnknownOperationException") { return nil }
            throw error.whileSigning
        }
        let signatures = answer["Signatures"]?.array?.compactMap { $0.string.flatMap { try? Base64.decode($0) } }
        guard let signatures, signatures.count == messages.count else { throw BrokerFailure.malformed(session.url) }
        return signatures
    }

    private func signOne(_ message: [UInt8], type: MessageType) async throws(CommandFailure) -> [UInt8] {
        let answer = try await ask(
            "Sign",
            [
                "KeyId": .string(keyID), "Message": .blob(message), "MessageType": .string(type.rawValue),
                "SigningAlgorithm": .string(kmsAlgorithm),
            ]
        )
        guard let signature = answer.blob("Signature") else { throw BrokerFailure.malformed(session.url) }
        return signature
    }

    /// Each is given back to the broker to verify, for nobody else can. Over plain HTTP a host that forges both answers is not
    /// found out; one that changes what passes is.
    private func macs(_ messages: [[UInt8]]) async throws(CommandFailure) -> [[UInt8]] {
        var macs: [[UInt8]] = []
        for message in messages {
            let answer = try await ask(
                "GenerateMac",
                ["KeyId": .string(keyID), "Message": .blob(message), "MacAlgorithm": .string(kmsAlgorithm)]
            )
            guard let mac = answer.blob("Mac") else { throw BrokerFailure.malformed(session.url) }
            guard try await isMAC(mac, of: message) else {
                throw .failed(Self.errorPrefix + "the answer is no MAC of this key")
            }
            macs.append(mac)
        }
        return macs
    }

    private func isMAC(_ mac: [UInt8], of message: [UInt8]) async throws(CommandFailure) -> Bool {
        let input = JSONObject([
            ("KeyId", .string(keyID)), ("Message", .blob(message)), ("Mac", .blob(mac)),
            ("MacAlgorithm", .string(kmsAlgorithm)),
        ])
        do {
            switch try await session.kms("VerifyMac", input, answeredBy: ["KMSInvalidMacException"]) {
            case .success(let answer): return answer["MacValid"] == true
            case .failure: return false
            }
        } catch {
            throw error.whileSigning
        }
    }

    private func ask(_ operation: String, _ input: JSON) async throws(CommandFailure) -> JSONObject {
        do {
            return try await session.kms(operation, input.object ?? JSONObject())
        } catch {
            throw error.whileSigning
        }
    }
}

extension CommandFailure {
    /// As the systems that these commands replace say it.
    fileprivate var whileSigning: CommandFailure {
        CommandFailure(message: AuditSigningKey.errorPrefix + message, status: status)
    }
}
