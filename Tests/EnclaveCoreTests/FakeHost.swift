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

    struct State: Sendable {
        var configuration: [UInt8]?
        var keyring: [UInt8]?
        /// Answers of the KMS, in order; the last one stays.
        var kms: [KMS] = []
        var calls: [KMSCall] = []
        var log: [String] = []
        var takesLog = true
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
        case (.POST, "/kms"): await kms(request)
        case (.POST, "/log"): logged(request)
        default: HTTPResponse(status: .notFound)
        }
    }

    private func stored(_ bytes: [UInt8]?) -> HTTPResponse {
        guard let bytes else { return HTTPResponse(status: .notFound) }
        return HTTPResponse(status: .ok, body: ByteBuffer(bytes: bytes))
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
