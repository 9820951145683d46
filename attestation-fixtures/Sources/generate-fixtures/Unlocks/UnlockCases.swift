// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Cryptography
import EnclaveCore
import Encoding
import KMSProtocol
import KeyService
import Keyring
import SoftwareModule

/// One recording, and where its boot ends.
struct UnlockFixture {
    var id: String
    var summary: String
    var state: String
    var reason: String?
    var recording: UnlockRecording

    var path: String { "unlocks/\(id)" }
}

/// Gathers recorded unlocks: some that succeed, and one at least that fails in each way that a recording can show.
struct UnlockCollection {
    private(set) var fixtures: [UnlockFixture] = []
    private(set) var problems: [String] = []
    private let unlockKey: PrivateKey
    private let chain: TestChain

    init(unlockKey: PrivateKey, chain: TestChain) async throws {
        self.unlockKey = unlockKey
        self.chain = chain
        try await addUnlocked()
        try await addFailedBeforeKMS()
        try await addRefusedTSKs()
        try await addRefusedKeyrings()
        try await addRetryable()
        checkCodes()
    }

    // MARK: Unlocked

    private mutating func addUnlocked() async throws {
        try await unlocks("kms-shape", "KMS's answer has the shape that real KMS gives it.") { _ in }
        try await unlocks("chunked", "The envelope's ciphertext stands in chunks of one block.") {
            $0.kms = try $0.release($0.tsk, form: .chunked)
        }
        try await unlocks("image-configuration", "The configuration is the image's own: the host is not asked for it.")
        {
            $0.isImageConfiguration = true
        }
        try await unlocks("no-context", "The TSK was wrapped without an encryption context: the request has none.") {
            $0.configuration.tsk.encryptionContext = [:]
        }
        try await unlocks("later-version", "The keyring's version is 3, the lowest that the configuration allows.") {
            $0.configuration.minimumKeyringVersion = 3
            $0.keyring = UnlockScene.ok(try $0.sealed(version: 3))
        }
        try await unlocks("tls-issued", "TLS ends inside and the keyring has no certificate: one is issued and stored.")
        {
            $0.configuration.ingressTLS = true
        }
    }

    // MARK: Failed before KMS is asked

    private mutating func addFailedBeforeKMS() async throws {
        try await fails(.configuration, "not-json", "The configuration is no JSON.") {
            $0.configurationBytes = Array("{".utf8)
        }
        try await fails(.configuration, "unknown-member", "The configuration has a member that is not known.") {
            $0.configurationBytes = Array("{\"debug\":true,".utf8) + $0.configuration.json.dropFirst()
        }
        try await fails(.debugMode, "pcr0-zero", "The module is no software module, and PCR0 to PCR2 are zero.") {
            $0.isSimulatedModule = false
            $0.module.isDebugMode = true
        }
        try await fails(.securityModule, "pcr16-extended", "PCR16 was extended before the configuration was measured.")
        {
            $0.module.isConfigurationExtended = true
        }
        try await fails(
            .securityModule,
            "no-document",
            "The module answers InternalError to the request for a document."
        ) {
            $0.module.refusesDocuments = true
        }
        try await fails(.keyringMalformed, "truncated", "The last byte of the sealed keyring is missing.") {
            $0.keyring = UnlockScene.ok(try $0.sealed().dropLast())
        }
    }

    // MARK: The TSK

    private mutating func addRefusedTSKs() async throws {
        try await fails(.tsk, "altered-envelope", "One bit of the encrypted key in the envelope is flipped.") {
            var envelope = try RecipientEnvelope($0.tsk, to: $0.unlockKey.publicKey, name: "release")
            envelope.encryptedKey[100] ^= 1
            $0.kms = UnlockScene.answer(envelope.bytes)
        }
        try await fails(.tsk, "other-recipient", "The envelope names another recipient than the document's key.") {
            var envelope = try RecipientEnvelope($0.tsk, to: $0.unlockKey.publicKey, name: "release")
            envelope.subjectKeyIdentifier = Hash.digest(.sha256, Array("another key".utf8))
            $0.kms = UnlockScene.answer(envelope.bytes)
        }
        try await fails(.tsk, "not-an-envelope", "CiphertextForRecipient is no CMS message.") {
            $0.kms = UnlockScene.answer([0, 0, 0])
        }
        try await fails(.tsk, "short-tsk", "What is released is the TSK without its last byte.") {
            $0.kms = try $0.release($0.tsk.dropLast())
        }
        try await fails(
            .tsk,
            "known-tsk",
            "The host encrypted a TSK of its own to the document's key, and sealed a keyring under it."
        ) {
            let known = try FixtureRandom("a TSK that the host knows").bytes(32)
            $0.kms = try $0.release(known)
            $0.keyring = UnlockScene.ok(try $0.sealed(under: known))
        }
        try await fails(.tsk, "other-commitment", "The configuration commits to another TSK than the one released.") {
            $0.configuration.tsk.commitment[0] ^= 1
        }
    }

    // MARK: The keyring

    private mutating func addRefusedKeyrings() async throws {
        try await fails(.keyringID, "other-keyring", "The keyring that is stored has another id.") {
            $0.keyring = UnlockScene.ok(try $0.sealed(id: "other-ring"))
        }
        try await fails(.keyringSeal, "other-tsk", "The keyring is sealed under another TSK.") {
            let other = try FixtureRandom("another TSK").bytes(32)
            $0.keyring = UnlockScene.ok(try $0.sealed(under: other))
        }
        try await fails(.keyringSeal, "altered", "One bit of the keyring's ciphertext is flipped.") {
            var bytes = try $0.sealed()
            bytes[bytes.count - 20] ^= 1
            $0.keyring = UnlockScene.ok(bytes)
        }
        try await fails(.keyringVersion, "below-floor", "The keyring's version is 2, and the configuration asks for 3.")
        {
            $0.configuration.minimumKeyringVersion = 3
            $0.keyring = UnlockScene.ok(try $0.sealed(version: 2))
        }
        try await fails(.keyringContents, "key-policy", "The key policy of a key in the keyring is no policy.") {
            $0.keyring = UnlockScene.ok(try $0.sealed { $0.keys[0].policy = "{}" })
        }
        try await fails(.keyringConflict, "tls-issued", "The host does not store the keyring with the TLS certificate.")
        {
            $0.configuration.ingressTLS = true
            $0.store = .response(status: 409, errorType: nil, body: [])
        }
    }

    // MARK: Worth another try

    private mutating func addRetryable() async throws {
        try await waits(.kms, "access-denied", "KMS does not release the TSK to these measurements.") {
            $0.kms = UnlockScene.error(
                "AccessDeniedException",
                "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or "
                    + "you are not allowed to access."
            )
        }
        try await waits(.kms, "throttled", "KMS answers that there are too many requests.") {
            $0.kms = UnlockScene.error("ThrottlingException", "Rate exceeded")
        }
        try await waits(.kms, "plaintext", "The answer holds the TSK in clear and no CiphertextForRecipient.") {
            $0.kms = UnlockScene.ok(Array(#"{"Plaintext":"\#(Base64.encode($0.tsk))"}"#.utf8))
        }
        try await waits(.noKeyring, "not-found", "The host stores no keyring.") {
            $0.keyring = .response(status: 404, errorType: nil, body: [])
        }
        try await waits(.relay, "keyring-unavailable", "The host answers 503 when it is asked for the keyring.") {
            $0.keyring = .response(status: 503, errorType: nil, body: [])
        }
        try await waits(.relay, "kms-timeout", "The host does not answer the KMS request in time.") {
            $0.kms = .timeout
        }
        try await waits(.relay, "kms-unreachable", "The connection to the host is refused.") {
            $0.kms = .unreachable("connection refused")
        }
    }

    // MARK: Gathering

    private mutating func unlocks(_ id: String, _ summary: String, _ change: (inout UnlockScene) throws -> Void)
        async throws
    {
        try await add("unlocked.\(id)", summary, "unlocked", nil, change)
    }

    private mutating func fails(
        _ code: TerminalFailure.Code,
        _ id: String,
        _ summary: String,
        _ change: (inout UnlockScene) throws -> Void
    ) async throws {
        try await add("\(code.rawValue).\(id)", summary, "failed", code.rawValue, change)
    }

    private mutating func waits(
        _ code: RetryableFailure.Code,
        _ id: String,
        _ summary: String,
        _ change: (inout UnlockScene) throws -> Void
    ) async throws {
        try await add("\(code.rawValue).\(id)", summary, "configured", code.rawValue, change)
    }

    private mutating func add(
        _ id: String,
        _ summary: String,
        _ state: String,
        _ reason: String?,
        _ change: (inout UnlockScene) throws -> Void
    ) async throws {
        var scene = try UnlockScene(unlockKey: unlockKey, chain: chain)
        try change(&scene)
        guard var recording = try await scene.record() else {
            problems.append("\(id): not recorded")
            return
        }
        recording.summary = summary
        let report = await UnlockReplay.run(recording)
        if recording.outcome.state != state || recording.outcome.reason != reason {
            problems.append("\(id): ends \(recording.outcome.state) \(recording.outcome.reason ?? "")")
        } else if !report.isSame(as: recording.outcome) {
            problems.append("\(id): the replay differs: \(report.divergence ?? report.outcome.reason ?? "")")
        }
        if fixtures.contains(where: { $0.id == id }) { problems.append("\(id): the id repeats") }
        fixtures.append(UnlockFixture(id: id, summary: summary, state: state, reason: reason, recording: recording))
    }

    /// Each code has a recording, but for a failure of OpenSSL itself.
    private mutating func checkCodes() {
        let all =
            TerminalFailure.Code.allCases.filter { $0 != .cryptography }.map(\.rawValue)
            + RetryableFailure.Code.allCases.map(\.rawValue)
        let shown = Set(fixtures.compactMap(\.reason))
        for code in all where !shown.contains(code) { problems.append("no recorded unlock for \(code)") }
    }
}
