// SPDX-License-Identifier: Apache-2.0

import AWSClient
import BrokerProtocol
import Cryptography
import Encoding
import KMSProtocol
import Keyring

/// Makes a keyring on a trusted machine: a data key of KMS is the TSK, keys are made or imported, all is sealed.
///
/// Whoever runs this has every key in their hands: attestations say `made offline` of them for their whole life.
enum OfflineKeyring: Sendable {
    struct Request: Sendable {
        var specification: KeyringSpecification
        /// Where the specification's import files are looked for.
        var importDirectory: String
        var brokerID: String
        /// Full ARN of the KMS key that wraps the TSK.
        var kmsKeyARN: String
        /// Names that clients sign as Host.
        var hosts: [String]
        /// TLS ends inside the enclave: the keyring gets a certificate for the hosts.
        var tls: Bool
    }

    struct Result: Sendable {
        /// The exact bytes to give to the enclave: measured into PCR16.
        let configuration: [UInt8]
        let sealed: SealedKeyring
        let contents: KeyringContents
        let commitment: [UInt8]
    }

    /// With a new data key, under the context that the ids make.
    static func create(_ request: Request, kms: KMSClient, now: Timestamp) async throws(CommandFailure) -> Result {
        let contents = try build(request, now: now)
        let context = BrokerConfiguration.encryptionContext(
            brokerID: request.brokerID,
            keyringID: request.specification.keyringID
        )
        let dataKey = try await DataKey.generate(under: request.kmsKeyARN, context: context, kms: kms)
        return try seal(contents, request, dataKey, context: context, now: now)
    }

    /// With a data key that exists, under the context that it has.
    static func create(_ request: Request, with existing: ExistingDataKey, now: Timestamp) throws(CommandFailure)
        -> Result
    {
        try seal(try build(request, now: now), request, existing.dataKey, context: existing.context, now: now)
    }

    private static func seal(
        _ contents: KeyringContents,
        _ request: Request,
        _ dataKey: DataKey,
        context: [String: String],
        now: Timestamp
    ) throws(CommandFailure) -> Result {
        // What a service sealed under its data key, used as a key itself, opens again once that is imported; the new TSK is
        // another one.
        if let index = contents.index(ofKey: dataKey.plaintext.bytes) {
            throw .usage(
                "the keyring cannot be made: keys[\(index)] is the data key itself, which would open the keyring for whoever has that key: import it under a new data key"
            )
        }
        var contents = contents
        let specification = request.specification
        do {
            let tsk = try TrustedSessionKey(try dataKey.plaintext.bytes.copy())
            let keys = try tsk.keys(keyringID: specification.keyringID, kmsKeyARN: request.kmsKeyARN)
            let commitment = try keys.commitment()
            let configuration = BrokerConfiguration(
                brokerID: request.brokerID,
                account: specification.account,
                region: specification.region,
                kms: .init(keyARN: request.kmsKeyARN),
                tsk: .init(ciphertext: dataKey.ciphertext, encryptionContext: context, commitment: commitment),
                keyringID: specification.keyringID,
                hosts: request.hosts,
                ingressTLS: request.tls
            )
            try configuration.validate()
            if request.tls {
                contents.tlsIdentity = try TLSIdentity.issue(
                    TLSIdentity.Request(
                        commonName: request.brokerID,
                        names: configuration.ingressNames.map(\.generalName),
                        time: now
                    ),
                    random: SecureRandom.bytes(count:)
                )
            }
            let sealed = try contents.sealed(
                as: KeyringHeader(
                    keyringID: specification.keyringID,
                    version: 1,
                    previousDigest: KeyringHeader.noPreviousDigest,
                    writerBootID: KeyringHeader.offlineWriter
                ),
                under: keys,
                random: SecureRandom.bytes(count:)
            )
            return Result(
                configuration: configuration.json,
                sealed: sealed,
                contents: contents,
                commitment: commitment
            )
        } catch {
            throw .failed("the keyring cannot be made: \(error)")
        }
    }

    private static func build(_ request: Request, now: Timestamp) throws(CommandFailure) -> KeyringContents {
        do {
            return try KeyringBuilder.build(
                request.specification,
                at: now,
                random: SecureRandom.bytes(count:)
            ) { path in
                var bytes = try SecretInput.read(path.hasPrefix("/") ? path : "\(request.importDirectory)/\(path)")
                return try SecretBytes(movingFrom: &bytes)
            }
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw .usage("the keyring cannot be made: \(error)")
        }
    }
}

/// A data key of KMS: in clear, in locked memory, and wrapped.
struct DataKey: Sendable {
    let plaintext: SharedSecret
    let ciphertext: [UInt8]

    /// GenerateDataKey, 32 bytes.
    static func generate(
        under keyARN: String,
        context: [String: String],
        kms: KMSClient
    ) async throws(CommandFailure) -> DataKey {
        let request: JSON = [
            "KeyId": .string(keyARN), "KeySpec": "AES_256", "EncryptionContext": encoded(context),
        ]
        let (plaintext, answer) = try await call("GenerateDataKey", request, kms: kms)
        guard let blob = answer["CiphertextBlob"]?.string, let ciphertext = try? Base64.decode(blob) else {
            throw .failed("GenerateDataKey: the answer has no CiphertextBlob")
        }
        return DataKey(plaintext: plaintext, ciphertext: ciphertext)
    }

    /// Decrypt, for whom the key policy lets do so without an enclave.
    static func unwrap(
        _ ciphertext: [UInt8],
        under keyARN: String,
        context: [String: String],
        kms: KMSClient
    ) async throws(CommandFailure) -> DataKey {
        let request: JSON = [
            "KeyId": .string(keyARN), "CiphertextBlob": .string(Base64.encode(ciphertext)),
            "EncryptionContext": encoded(context),
        ]
        return DataKey(plaintext: try await call("Decrypt", request, kms: kms).plaintext, ciphertext: ciphertext)
    }

    private static func call(_ operation: String, _ request: JSON, kms: KMSClient) async throws(CommandFailure)
        -> (plaintext: SharedSecret, answer: JSONObject)
    {
        var response: WebResponse
        do {
            response = try await kms.forward("\(TargetPrefix.kms).\(operation)", request.serialized())
        } catch {
            throw .failed("\(operation): \(error)")
        }
        guard response.status == 200 else {
            let error = KMSError(body: response.body)
            throw .failed("\(operation): \(error.map { KMSClient.Failure.line($0) } ?? "HTTP \(response.status)")")
        }
        do {
            guard let secret = try PlaintextMember.take(from: &response.body),
                let answer = try JSON.parse(response.body).object
            else { throw CommandFailure.failed("\(operation): the answer has no Plaintext") }
            return (SharedSecret(secret), answer)
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw .failed("\(operation): the answer is not what KMS returns")
        }
    }

    private static func encoded(_ context: [String: String]) -> JSON {
        .object(JSONObject(context.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }))
    }
}
