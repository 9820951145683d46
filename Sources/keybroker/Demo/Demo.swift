// SPDX-License-Identifier: Apache-2.0

import AWSClient
import AccessPolicy
import AuditTrail
import BrokerProtocol
import Cryptography
import DevelopmentKMS
import Encoding
import Foundation
import KMSProtocol
import Keyring
import Logging
import NIOCore
import NIOPosix
import NitroAttestation
import PolicyTools
import SigV4
import SoftwareModule
import Transport

/// The main job, end to end, on one machine: every process, key and signature is real.
@MainActor
final class Demo {
    nonisolated static let account = "000000000000"
    nonisolated static let region = "us-east-1"
    nonisolated static let administrator = "arn:aws:iam::\(account):root"
    nonisolated static let hostRole = "arn:aws:iam::\(account):role/keybroker-host"

    let folder: DemoFolder
    let programs: DemoPrograms
    let transport: DemoTransport
    let steps: Steps
    let web = WebTransport(timeoutSeconds: 5)
    /// For the broker: trusts its attested certificate and nothing else.
    private(set) var trustedWeb = WebTransport(timeoutSeconds: 5)
    private var servers: [HTTPServer] = []
    private var brokers: [DemoBroker] = []

    init(folder: DemoFolder, programs: DemoPrograms, transport: DemoTransport, steps: Steps) {
        self.folder = folder
        self.programs = programs
        self.transport = transport
        self.steps = steps
    }

    func run(eventFiles: [String], keep: Bool) async throws {
        steps.heading("unlock")
        let world = try await startWorld()
        let sealed = try await sealKeyring(in: world)
        try await allowUnlock(sealed, in: world)
        let (broker, policy) = try await unlock(sealed, in: world)

        steps.heading("sign")
        let client = try administratorClient(broker.url, sealed)
        let chain = try await loadEvents(eventFiles)
        for key in sealed.keys {
            try await sign(chain, with: key, client: client, broker: broker, policy: policy)
        }

        steps.heading("attacks")
        try await DemoAttacks(demo: self, world: world, sealed: sealed).run(against: broker)

        if keep { try await keepRunning(broker, sealed: sealed, in: world) }
    }

    func stop() async {
        for broker in brokers { broker.stop() }
        for server in servers { await server.shutdown(grace: .milliseconds(100)) }
        brokers = []
        servers = []
    }

    // MARK: Unlock

    /// A development KMS that trusts this machine's software module, and the files that the host needs.
    private func startWorld() async throws -> DemoWorld {
        let module = try folder.folder("module")
        let measurements = try await steps.step("measure the enclave") {
            let measurements = try SoftwareMeasurements.predicted(forExecutable: programs.enclave)
            // Opening the module makes its certificate authority.
            _ = try SoftwareModule(directory: module, measurements: measurements, clock: SystemClock.now)
            return ("PCR0 \(short(measurements.pcr0))", measurements)
        }
        let pem = try String(contentsOfFile: "\(module)/\(SoftwareModule.rootFileName)", encoding: .utf8)
        let roots = try TrustAnchors(pem: pem)

        return try await steps.step("start a development KMS") {
            let hostSecret = Hex.encode(try SecureRandom.bytes(count: 20))
            let options = DevelopmentKMS.Options(
                account: Self.account,
                region: Self.region,
                accessKeys: [
                    .init(
                        credentials: try AWSCredentials(accessKeyID: "test", secret: "test"),
                        arn: Self.administrator
                    ),
                    .init(
                        credentials: try AWSCredentials(accessKeyID: "host", secret: hostSecret),
                        arn: Self.hostRole
                    ),
                ],
                roots: roots
            )
            let kms = DevelopmentKMS(options: options, clock: SystemClock.now, logger: silentLogger)
            let server = try await kms.serve(
                on: .tcp(host: "127.0.0.1", port: 0),
                group: MultiThreadedEventLoopGroup.singleton
            )
            servers.append(server)
            let credentials = folder.file("host-credentials")
            try InputFile.write(
                Array("[default]\naws_access_key_id = host\naws_secret_access_key = \(hostSecret)\n".utf8),
                to: credentials,
                permissions: 0o600
            )
            let url = server.endpoint.httpURL
            let administrator = KMSClient(
                endpoint: url,
                region: Self.region,
                credentials: try AWSCredentials(accessKeyID: "test", secret: "test"),
                transport: web,
                clock: SystemClock.now
            )
            let world = DemoWorld(
                kmsURL: url,
                administrator: administrator,
                hostCredentials: credentials,
                module: module,
                roots: roots,
                measurements: measurements
            )
            return (url, world)
        }
    }

    /// A KMS key, a TSK under it, and a keyring with one key of each kind sealed under the TSK.
    private func sealKeyring(in world: DemoWorld) async throws -> DemoKeyring {
        let keyARN = try await steps.step("create the KMS key") {
            let created = try await world.administrator.call("TrentService.CreateKey", ["Description": "TSK"])
            guard let arn = created["KeyMetadata"]?.object?["Arn"]?.string else {
                throw CommandFailure.failed("CreateKey answered without an ARN")
            }
            _ = try await world.administrator.call(
                "TrentService.CreateAlias",
                ["AliasName": "alias/keybroker-tsk", "TargetKeyId": .string(arn)]
            )
            return (arn, arn)
        }
        return try await steps.step("make and seal the keyring") {
            let specification = try KeyringSpecification(json: DemoKeyring.specification.serialized())
            let request = OfflineKeyring.Request(
                specification: specification,
                importDirectory: folder.path,
                brokerID: "demo",
                kmsKeyARN: keyARN,
                hosts: ["127.0.0.1", "localhost"],
                tls: true
            )
            let result = try await OfflineKeyring.create(request, kms: world.administrator, now: SystemClock.now())
            let sealed = try DemoKeyring(result, specification: specification, keyARN: keyARN, folder: folder)
            return ("\(sealed.keys.count) keys, commitment \(short(result.commitment))", sealed)
        }
    }

    private func allowUnlock(_ sealed: DemoKeyring, in world: DemoWorld) async throws {
        try await steps.step("bind the KMS key to PCR0 and PCR16") {
            try await self.putPolicy(world: world, sealed: sealed, pcr0: world.measurements.pcr0, pcr16: sealed.pcr16)
            return "PCR16 \(short(sealed.pcr16))"
        }
    }

    func putPolicy(world: DemoWorld, sealed: DemoKeyring, pcr0: [UInt8], pcr16: [UInt8]) async throws {
        let policy = try UnlockPolicy(
            administrators: [Self.administrator],
            release: .init(hosts: [Self.hostRole], enclave: .init(pcr0: pcr0, pcr16: pcr16)),
            encryptionContext: try BrokerConfiguration(json: sealed.configuration).tsk.encryptionContext
                .mapValues { [$0] }
        ).json
        _ = try await world.administrator.call(
            "TrentService.PutKeyPolicy",
            [
                "KeyId": .string(sealed.kmsKeyARN), "PolicyName": "default",
                "Policy": .string(String(decoding: policy.serialized(), as: UTF8.self)),
            ]
        )
    }

    private func unlock(_ sealed: DemoKeyring, in world: DemoWorld) async throws -> (DemoBroker, VerificationPolicy) {
        var policy = VerificationPolicy(roots: world.roots)
        policy.pcrs = [0: world.measurements.pcr0, 16: sealed.pcr16]
        policy.maximumAge = 60_000
        let state = folder.file("trust.json")
        let (broker, trusted) = try await steps.step("launch host and enclave, unlock") {
            let broker = try await self.launch("broker", sealed: sealed, in: world)
            return (broker.url, (broker, try await broker.waitUntilTrusted(policy: policy, state: state)))
        }
        try await steps.step("trust its attested TLS") {
            try trusted.state.write()
            try InputFile.write(Array(trusted.certificate.pem.utf8), to: self.bundle)
            self.trustedWeb = WebTransport(timeoutSeconds: 5, certificateAuthorityFile: self.bundle)
            return
                "identity: checked (PCR0, PCR16), key \(short(trusted.certificate.publicKeySHA256)), keyring version "
                + "\(trusted.sighting.version)"
        }
        return (broker, policy)
    }

    /// What AWS SDKs are to trust.
    var bundle: String { folder.file("broker.pem") }

    /// Starts a host with the world's module; a variation may give it another configuration or KMS.
    func launch(
        _ name: String,
        sealed: DemoKeyring,
        in world: DemoWorld,
        configuration: String? = nil,
        kmsURL: String? = nil
    ) async throws -> DemoBroker {
        let folder = try self.folder.folder(name)
        let state = try self.folder.folder(name + "/state")
        try InputFile.write(sealed.sealedBytes, to: state + "/keyring-1.cose")
        let broker = try DemoBroker(
            .init(
                folder: folder,
                link: try transport.link(in: folder),
                module: world.module,
                configuration: configuration ?? sealed.configurationFile,
                state: state,
                kmsEndpoint: kmsURL ?? world.kmsURL,
                kmsCredentials: world.hostCredentials
            ),
            programs: programs
        )
        brokers.append(broker)
        return broker
    }

    func keep(_ server: HTTPServer) { servers.append(server) }

    // MARK: Sign

    private func loadEvents(_ files: [String]) async throws -> DemoChain {
        try await steps.step("read the audit events") {
            let chain = try DemoChain(files: files)
            return (chain.summary, chain)
        }
    }

    private func sign(
        _ chain: DemoChain,
        with key: DemoKeyring.Key,
        client: KMSClient,
        broker: DemoBroker,
        policy: VerificationPolicy
    ) async throws {
        try await steps.step("sign with \(key.spec.rawValue)") {
            let signer = DemoSigner(client: client, key: key)
            guard let algorithm = key.signingAlgorithm else {
                for digest in chain.digests { try await signer.macRoundTrip(digest) }
                return "\(chain.digests.count) MACs, verified by the enclave"
            }
            let attested = try await AttestedEnclave.fetch(
                from: broker.url,
                keyID: key.id,
                policy: policy,
                transport: self.trustedWeb
            )
            let publicKey = try await signer.publicKey(attestedBy: attested)
            let judge = OpenSSLCheck(folder: self.folder.path)
            for digest in chain.digests {
                let signature = try await signer.sign(digest, algorithm: algorithm)
                guard
                    try judge.accepts(
                        signature: signature,
                        digest: digest,
                        pem: publicKey.pem,
                        algorithm: algorithm
                    )
                else { throw CommandFailure.failed("openssl rejects a signature by \(key.id)") }
            }
            return "\(chain.digests.count) signatures, verified by openssl under the attested key"
        }
    }

    func administratorClient(_ url: String, _ sealed: DemoKeyring) throws -> KMSClient {
        KMSClient(
            endpoint: url,
            region: Self.region,
            credentials: AWSCredentials(
                accessKeyID: sealed.administrator.accessKeyID,
                secretAccessKey: sealed.administrator.secret
            ),
            transport: url.hasPrefix("https:") ? trustedWeb : web,
            clock: SystemClock.now
        )
    }
}

/// The first bytes of a digest, for a line.
func short(_ bytes: [UInt8]) -> String { Hex.encode(bytes.prefix(8)) + "…" }

let silentLogger = Logger(label: "demo") { _ in SwiftLogNoOpLogHandler() }
