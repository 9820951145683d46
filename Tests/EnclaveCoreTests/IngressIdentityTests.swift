// SPDX-License-Identifier: Apache-2.0

import AttestedTLS
import BrokerProtocol
import Cryptography
import EnclaveCore
import Encoding
import KMSProtocol
import NIOCore
import NIOHTTP1
import NIOPosix
import NitroAttestation
import Synchronization
import Testing
import Transport

/// The TLS identity of an enclave: issued where there is none, kept where there is one.
struct IngressIdentityTests {
    /// A host that stores what it is told to, or refuses.
    private final class Store: Sendable {
        let keyring: Mutex<[UInt8]?>
        let stored = Mutex<[String]>([])
        let status: HTTPResponseStatus

        init(_ keyring: [UInt8]? = nil, status: HTTPResponseStatus = .noContent) {
            self.keyring = Mutex(keyring)
            self.status = status
        }

        func put(_ request: HTTPRequest) -> HTTPResponse {
            stored.withLock { $0.append(request.headers.first(name: RelayHeader.keyringVersion) ?? "") }
            if status == .noContent { keyring.withLock { $0 = Array(request.body.readableBytesView) } }
            return HTTPResponse(status: status)
        }
    }

    private struct StoringRelay: RelayTransport {
        let inner: any RelayTransport
        let store: Store

        func send(_ request: HTTPRequest) async throws(HTTPClientError) -> HTTPResponse {
            guard request.target == RelayPath.keyring else { return try await inner.send(request) }
            if request.method == .PUT { return store.put(request) }
            guard let bytes = store.keyring.withLock({ $0 }) else { return try await inner.send(request) }
            return HTTPResponse(status: .ok, body: ByteBuffer(bytes: bytes))
        }
    }

    private func boot(_ workshop: Workshop, _ store: Store) async throws -> Rig {
        let tap: BootTap = { environment in
            var tapped = environment
            tapped.relay = StoringRelay(inner: environment.relay, store: store)
            return tapped
        }
        return try await Rig(workshop, tap: tap)
    }

    private func tlsWorkshop(_ hosts: [String] = [Workshop.host, "127.0.0.1"]) throws -> Workshop {
        var workshop = try Workshop()
        workshop.configuration.hosts = hosts
        workshop.configuration.ingressTLS = true
        return workshop
    }

    /// What it presents, and what it attests over the same connection.
    private func meet(_ rig: Rig) async throws -> (certificate: Certificate, attested: AttestationUserData) {
        try await rig.waitForState("unlocked")
        let presented = Rig.group.next().makePromise(of: TLSClient.PresentedCertificates.self)
        let deadline = NIODeadline.now() + .seconds(30)
        let connection = try await HTTPConnection.open(
            to: rig.enclave.endpoint,
            group: Rig.group,
            limits: HTTPLimits(bodyLength: 1 << 16),
            by: deadline
        ) { _ in try TLSClient.unverifiedHandlers(host: "127.0.0.1", presented: presented) }
        let certificates = try await presented.futureResult.get()
        let nonce = String(repeating: "5a", count: 32)
        let response = try await connection.send(
            HTTPRequest(method: .GET, target: "/attestation?nonce=\(nonce)"),
            by: deadline
        )
        await connection.close()
        let verifier = try AttestationVerifier(policy: VerificationPolicy(roots: rig.roots))
        guard case .accepted(let document) = verifier.verifyAtDocumentTime(Array(response.body.readableBytesView))
        else {
            throw CryptographyError(.malformedCertificate)
        }
        return (
            try Certificate(der: try #require(certificates.first)),
            try AttestationUserData(decoding: document.document.userData ?? [])
        )
    }

    @Test func `one is issued where the keyring has none, stored, and the same after a restart`() async throws {
        let workshop = try tlsWorkshop()
        let store = Store()
        let first = try await boot(workshop, store)
        let (certificate, attested) = try await meet(first)
        await first.stop()
        #expect(attested.tlsKeyDigest == certificate.publicKeySHA256)
        #expect(attested.keyringVersion == 2)
        #expect(try certificate.subjectAlternativeNames() == [.dnsName("broker.test"), .ipAddress([127, 0, 0, 1])])
        #expect(certificate.basicConstraints?.isCA == false)
        #expect(certificate.isSigned(by: certificate.publicKey))

        let again = Store(store.keyring.withLock { $0 })
        // The same TSK and configuration: another boot.
        let second = try await boot(workshop, again)
        let (kept, state) = try await meet(second)
        await second.stop()
        #expect(kept.der == certificate.der)
        #expect(state.keyringVersion == 2)
        #expect(state.keyringDigest == attested.keyringDigest)
        #expect(store.stored.withLock { $0 } == ["2"])
        #expect(again.stored.withLock { $0 } == [])

        // Other hosts: the key stays, so that it is known by attestation still.
        var moved = workshop
        moved.configuration.hosts = [Workshop.host]
        let third = try await boot(moved, again)
        let (renewed, later) = try await meet(third)
        await third.stop()
        #expect(renewed.publicKey.spki == certificate.publicKey.spki)
        #expect(try renewed.subjectAlternativeNames() == [.dnsName("broker.test")])
        #expect(later.keyringVersion == 3)
    }

    @Test func `an enclave that cannot store its certificate does not serve`() async throws {
        let rig = try await boot(try tlsWorkshop(), Store(status: .conflict))
        try await rig.waitForState("failed")
        #expect(BootTests.failure(rig)?.code == .keyringConflict)
        await rig.stop()
    }

    @Test func `where TLS ends inside nothing is answered in clear any more`() async throws {
        let rig = try await boot(try tlsWorkshop(), Store())
        // Kept open since before the enclave was unlocked, or not: either way.
        _ = try? await rig.get("/health")
        try await rig.waitForState("unlocked")
        #expect(try await rig.get("/health").status == .badRequest)
        #expect(try await rig.get("/attestation?nonce=\(String(repeating: "5a", count: 32))").status == .badRequest)
        let answer = try? await rig.call(
            "TrentService.Sign",
            ["KeyId": "alias/ed", "Message": "aGk=", "SigningAlgorithm": "ED25519_SHA_512"]
        )
        #expect(answer?.output["Signature"] == nil)
        await rig.stop()
    }

    @Test func `without TLS no attestation names a key of it`() async throws {
        try await Rig.run { rig in
            try await rig.waitForState("unlocked")
            let answer = try await rig.call(
                "KeyBroker.GetAttestation",
                ["Nonce": .string(Base64.encode([UInt8](repeating: 1, count: 32)))]
            )
            let document = try #require(answer.output.blob("AttestationDocument"))
            let verifier = try AttestationVerifier(policy: VerificationPolicy(roots: rig.roots))
            guard case .accepted(let accepted) = verifier.verifyAtDocumentTime(document) else {
                Issue.record("rejected")
                return
            }
            let userData = try AttestationUserData(decoding: accepted.document.userData ?? [])
            #expect(userData.tlsKeyDigest == nil)
        }
    }
}
