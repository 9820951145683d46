// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Cryptography
import EnclaveCore
import Encoding
import KMSProtocol
import KeyService
import Keyring
import NIOCore
import NIOHTTP1
import SecurityModule
import SoftwareModule
import Synchronization
import Transport

/// A broker whose boot is recorded: what its operator made, and what its host answers. As it is, it unlocks.
struct UnlockScene {
    static let account = "000000000000"
    static let region = "us-east-1"
    static let keyringID = "fixture-ring"
    static let brokerID = "fixture-broker"
    static let kmsKeyARN = "arn:aws:kms:us-east-1:000000000000:key/11111111-2222-3333-4444-555555555555"

    typealias Answer = UnlockRecording.RelayExchange.Answer

    let unlockKey: PrivateKey
    let chain: TestChain
    let tsk: [UInt8]
    var configuration: BrokerConfiguration
    /// In place of the configuration's JSON.
    var configurationBytes: [UInt8]?
    var isImageConfiguration = false
    var isSimulatedModule = true
    var module = FixtureModule.Behaviour()
    var keyring: Answer
    var kms: Answer
    /// To a keyring that is to be stored.
    var store: Answer = .response(status: 204, errorType: nil, body: [])

    init(unlockKey: PrivateKey, chain: TestChain) throws {
        self.unlockKey = unlockKey
        self.chain = chain
        self.tsk = try FixtureRandom("TSK").bytes(32)
        self.configuration = BrokerConfiguration(
            brokerID: Self.brokerID,
            account: Self.account,
            region: Self.region,
            kms: .init(keyARN: Self.kmsKeyARN),
            tsk: .init(
                ciphertext: try FixtureRandom("wrapped TSK").bytes(184),
                encryptionContext: BrokerConfiguration.encryptionContext(
                    brokerID: Self.brokerID,
                    keyringID: Self.keyringID
                ),
                commitment: try Self.keys(tsk).commitment()
            ),
            keyringID: Self.keyringID,
            hosts: ["broker.test"]
        )
        self.keyring = .timeout
        self.kms = .timeout
        self.keyring = Self.ok(try sealed())
        self.kms = try release(tsk)
    }

    // MARK: What the operator has

    private static func keys(_ tsk: [UInt8], id: String = keyringID) throws -> KeyringKeys {
        var copy = tsk
        return try TrustedSessionKey(try SecretBytes(movingFrom: &copy)).keys(keyringID: id, kmsKeyARN: kmsKeyARN)
    }

    func contents() throws -> KeyringContents {
        let time = TestChain.documentTime
        var macKey = try FixtureRandom("MAC key").bytes(32)
        var secret = Array(Base64.encode(try FixtureRandom("access key").bytes(30)).utf8)
        func record(_ number: Int, _ spec: KeySpec, _ usage: KeyUsage, _ material: KeyRecord.Material) -> KeyRecord {
            let id = "00000000-0000-4000-8000-00000000000\(number)"
            return KeyRecord(
                id: id,
                arn: KMSARN(region: Self.region, account: Self.account, resource: .key(id)).description,
                spec: spec,
                usage: usage,
                creationDate: time,
                policy: KeyService.defaultKeyPolicy(account: Self.account),
                origin: .offline,
                material: material
            )
        }
        return KeyringContents(
            keys: [
                record(
                    1,
                    .eccNISTP256,
                    .signVerify,
                    .asymmetric(try TestKey("unlock, audit signer", curve: .p256).privateKey)
                ),
                record(
                    2,
                    .hmac256,
                    .generateVerifyMAC,
                    .symmetric(SharedSecret(try SecretBytes(movingFrom: &macKey)))
                ),
            ],
            principals: [
                Principal(
                    accessKeyID: "KBAKFIXTUREFIXTUREFI",
                    secret: SharedSecret(try SecretBytes(movingFrom: &secret)),
                    arn: "arn:aws:iam::\(Self.account):user/administrator",
                    policies: [
                        #"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*"}]}"#
                    ]
                )
            ]
        )
    }

    func sealed(
        version: UInt64 = 1,
        id: String = keyringID,
        under tsk: [UInt8]? = nil,
        change: (inout KeyringContents) -> Void = { _ in }
    ) throws -> [UInt8] {
        var contents = try contents()
        change(&contents)
        let random = FixtureRandom("seal \(id) \(version)")
        return try contents.sealed(
            as: KeyringHeader(
                keyringID: id,
                version: version,
                previousDigest: [UInt8](repeating: version == 1 ? 0 : 1, count: 48)
            ),
            under: try Self.keys(tsk ?? self.tsk, id: id),
            random: { count throws(CryptographyError) in try random.bytes(count) }
        ).bytes
    }

    // MARK: What KMS or the host answers

    static func ok(_ body: [UInt8]) -> Answer { .response(status: 200, errorType: nil, body: body) }

    func release(_ plaintext: [UInt8], form: RecipientEnvelope.Form = .kms) throws -> Answer {
        Self.answer(
            try RecipientEnvelope(plaintext, to: unlockKey.publicKey, name: "release", form: form).bytes
        )
    }

    static func answer(_ envelope: [UInt8]) -> Answer {
        let members: [(String, JSON)] = [
            ("KeyId", .string(kmsKeyARN)), ("EncryptionAlgorithm", "SYMMETRIC_DEFAULT"),
            ("CiphertextForRecipient", .blob(envelope)),
        ]
        return ok(JSON.object(JSONObject(members)).serialized())
    }

    static func error(_ name: String, _ message: String, status: Int = 400) -> Answer {
        .response(status: status, errorType: name, body: KMSError(name, message).body)
    }

    // MARK: The boot

    /// Boots by the enclave's own code, and records it.
    func record() async throws -> UnlockRecording? {
        let recorded = Mutex<UnlockRecording?>(nil)
        let recorder = UnlockRecorder(producer: "generate-fixtures") { _, _, recording in
            recorded.withLock { $0 = recording }
        }
        let (random, unlockKey) = (FixtureRandom("boot"), unlockKey)
        let bytes = configurationBytes ?? configuration.json
        let environment = BootEnvironment(
            module: SecurityModule(FixtureModule(chain: chain, behaviour: module)),
            isSimulatedModule: isSimulatedModule,
            configuration: isImageConfiguration ? bytes : nil,
            relay: FixtureHost(configuration: Self.ok(bytes), keyring: keyring, store: store, kms: kms),
            random: { count throws(CryptographyError) in try random.bytes(count) },
            makeRecipientKey: { () throws(CryptographyError) in unlockKey },
            issueTLSIdentity: Self.issueTLSIdentity,
            addEntropy: { _ in true },
            retry: .never
        )
        _ = await LoneBoot.run(recorder.tap(environment), log: EnclaveLog { _ in })
        return recorded.withLock { $0 }
    }
}

extension UnlockScene {
    /// As the enclave does, with a key of a name and the nonce of RFC 6979.
    private static func issueTLSIdentity(_ request: TLSIdentity.Request) throws(CryptographyError) -> TLSIdentity {
        do {
            let key = try TestKey("TLS identity", curve: .p256)
            let random = FixtureRandom("TLS serial number")
            var request = request
            request.key = key.privateKey
            let issued = try TLSIdentity.issue(request) { count throws(CryptographyError) in try random.bytes(count) }
            let body = issued.certificate.toBeSigned
            let certificate = DER.sequence(
                body,
                DER.sequence(DER.objectIdentifier("1.2.840.10045.4.3.2")),
                DER.bitString(try key.signDER(body, hash: .sha256))
            )
            return try TLSIdentity(key: key.privateKey, certificate: certificate)
        } catch {
            throw CryptographyError(.libraryFailure)
        }
    }
}

/// A host that answers what it is told to.
private struct FixtureHost: RelayTransport {
    let configuration: UnlockScene.Answer
    let keyring: UnlockScene.Answer
    let store: UnlockScene.Answer
    let kms: UnlockScene.Answer

    func send(_ request: HTTPRequest) async throws(HTTPClientError) -> HTTPResponse {
        switch request.target {
        case RelayPath.configuration: try configuration.get()
        case RelayPath.keyring: try (request.method == .PUT ? store : keyring).get()
        default: try kms.get()
        }
    }
}
