// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Cryptography
import EnclaveCore
import Encoding
import Foundation
import KMSProtocol
import KeyService
import Keyring
import NIOCore
import NIOHTTP1
import NIOPosix
import NitroAttestation
import SecurityModule
import SigV4
import SoftwareModule
import Synchronization
import TestSupport
import Testing
import Transport

/// The attacker: a relay that answers what a test tells it to, and a KMS in the same process that it can stand in for.
final class FakeHost: Sendable {
    struct KMSCall: Sendable {
        var target: String?
        var input: JSONObject
        /// `Recipient.AttestationDocument`
        var document: [UInt8]
        /// The document's claims, verified against the module's root.
        var claims: AttestationDocument
        /// The request as it came.
        var body: [UInt8]

        /// The key of the document.
        func recipient() throws -> PublicKey { try PublicKey(spki: claims.publicKey ?? []) }
    }

    typealias KMS = @Sendable (KMSCall) async throws -> HTTPResponse

    /// What a host does with a version of the keyring that it is to store.
    enum Store: Sendable, Equatable {
        case honest
        /// Does not store it, and says so.
        case fails
        /// Stores it, and says that it did not.
        case storesAndFails
        /// Says 204, and does not store it.
        case lies
        /// Says 409, and does not store it.
        case conflicts
        /// Does nothing until ``FakeHost/release()``, then stores it.
        case waits
        /// Stores it, and says so after ``FakeHost/release()`` only.
        case storesAndWaits
    }

    struct StoreRequest: Sendable, Equatable {
        var version: UInt64
        var bytes: [UInt8]
    }

    struct State: Sendable {
        var configuration: [UInt8]?
        var keyring: [UInt8]?
        /// Answers of the KMS, in order; the last one stays.
        var kms: [KMS] = []
        var calls: [KMSCall] = []
        var log: [String] = []
        /// Reports of metrics.
        var reports: [[UInt8]] = []
        var takesLog = true
        /// The version of ``keyring``.
        var version: UInt64 = 1
        /// What it does with the next stores, in order; after them it is honest.
        var stores: [Store] = []
        /// Every store that was asked for.
        var storeRequests: [StoreRequest] = []
        /// Stores under way now, and the most that ever were.
        var storing = 0
        var mostStoring = 0
        var isReleased = false
        /// Documents that did not verify.
        var badDocuments = 0
    }

    let state: Mutex<State>
    private let roots: TrustAnchors
    private let server: Mutex<HTTPServer?> = Mutex(nil)

    init(_ state: State, roots: TrustAnchors) {
        self.state = Mutex(state)
        self.roots = roots
    }

    func start(on group: any EventLoopGroup) async throws -> Endpoint {
        let started = try await HTTPServer.start(
            on: .tcp(host: "127.0.0.1", port: 0),
            group: group,
            limits: HTTPLimits(bodyLength: 1 << 20)
        ) { [self] request, loop in loop.makeFutureWithTask { await self.answer(request) } }
        server.withLock { $0 = started }
        return started.endpoint
    }

    func stop() async { await server.withLock { $0 }?.shutdown(grace: .seconds(1)) }

    var calls: [KMSCall] { state.withLock { $0.calls } }
    var log: [String] { state.withLock { $0.log } }

    private func answer(_ request: HTTPRequest) async -> HTTPResponse {
        switch (request.method, request.target) {
        case (.GET, "/config"): stored(state.withLock { $0.configuration })
        case (.GET, "/keyring"): stored(state.withLock { $0.keyring })
        case (.PUT, "/keyring"): await store(request)
        case (.POST, "/kms"): await kms(request)
        case (.POST, "/log"): logged(request)
        case (.PUT, "/metrics"): reported(request)
        default: HTTPResponse(status: .notFound)
        }
    }

    private func reported(_ request: HTTPRequest) -> HTTPResponse {
        state.withLock { $0.reports.append(Array(request.body.readableBytesView)) }
        return HTTPResponse(status: .noContent)
    }

    private func stored(_ bytes: [UInt8]?) -> HTTPResponse {
        guard let bytes else { return HTTPResponse(status: .notFound) }
        return HTTPResponse(status: .ok, body: ByteBuffer(bytes: bytes))
    }

    private func store(_ request: HTTPRequest) async -> HTTPResponse {
        guard let version = request.headers.first(name: "Keyring-Version").flatMap(UInt64.init) else {
            return HTTPResponse(status: .badRequest)
        }
        let stored = StoreRequest(version: version, bytes: Array(request.body.readableBytesView))
        let behaviour = state.withLock { state in
            state.storeRequests.append(stored)
            state.storing += 1
            state.mostStoring = max(state.mostStoring, state.storing)
            return state.stores.isEmpty ? .honest : state.stores.removeFirst()
        }
        defer { state.withLock { $0.storing -= 1 } }
        switch behaviour {
        case .honest: return keep(stored)
        case .fails: return HTTPResponse(status: .internalServerError)
        case .storesAndFails:
            _ = keep(stored)
            return HTTPResponse(status: .badGateway)
        case .lies: return HTTPResponse(status: .noContent)
        case .conflicts: return HTTPResponse(status: .conflict)
        case .waits:
            await released()
            return keep(stored)
        case .storesAndWaits:
            let response = keep(stored)
            await released()
            return response
        }
    }

    private func keep(_ stored: StoreRequest) -> HTTPResponse {
        state.withLock { state in
            if stored.version == state.version, stored.bytes == state.keyring {
                return HTTPResponse(status: .noContent)
            }
            guard stored.version == state.version + 1 else { return HTTPResponse(status: .conflict) }
            state.keyring = stored.bytes
            state.version = stored.version
            return HTTPResponse(status: .noContent)
        }
    }

    /// Lets stores that wait go on.
    func release() { state.withLock { $0.isReleased = true } }

    private func released() async {
        while !state.withLock({ $0.isReleased }), (try? await Task.sleep(for: .milliseconds(5))) != nil {}
    }

    private func logged(_ request: HTTPRequest) -> HTTPResponse {
        let line = String(buffer: request.body)
        return state.withLock { state in
            guard state.takesLog else { return HTTPResponse(status: .serviceUnavailable) }
            state.log.append(line)
            return HTTPResponse(status: .noContent)
        }
    }

    private func kms(_ request: HTTPRequest) async -> HTTPResponse {
        guard let input = (try? JSON.parse(Array(request.body.readableBytesView)))?.object,
            let document = input["Recipient"]?.object?.blob("AttestationDocument"),
            let verifier = try? AttestationVerifier(policy: VerificationPolicy(roots: roots)),
            case .accepted(let verified) = verifier.verifyAtDocumentTime(document)
        else {
            state.withLock { $0.badDocuments += 1 }
            return Self.error("ValidationException", "bad document")
        }
        let call = KMSCall(
            target: request.headers.first(name: "X-Amz-Target"),
            input: input,
            document: document,
            claims: verified.document,
            body: Array(request.body.readableBytesView)
        )
        let kms = state.withLock { state in
            state.calls.append(call)
            return state.kms.count > 1 ? state.kms.removeFirst() : state.kms.first
        }
        return (try? await kms?(call)) ?? HTTPResponse(status: .badGateway)
    }

    // MARK: Answers of a KMS

    static func error(_ name: String, _ message: String, status: HTTPResponseStatus = .badRequest) -> HTTPResponse {
        HTTPResponse(
            status: status,
            headers: ["x-amzn-ErrorType": name],
            body: ByteBuffer(bytes: KMSError(name, message).body)
        )
    }

    static func json(_ members: [(String, JSON)]) -> HTTPResponse {
        HTTPResponse(status: .ok, body: ByteBuffer(bytes: JSON.object(JSONObject(members)).serialized()))
    }

    /// Encrypts `plaintext` to the attested key, as real KMS does, and as any host can.
    static func releasing(_ plaintext: [UInt8], keyARN: String = Workshop.kmsKeyARN) -> KMS {
        { call in
            let envelope = try CMSEnvelopedData.seal(
                try Workshop.secret(plaintext),
                to: try call.recipient(),
                random: SecureRandom.bytes
            )
            return json([("KeyId", .string(keyARN)), ("CiphertextForRecipient", .blob(envelope))])
        }
    }
}
