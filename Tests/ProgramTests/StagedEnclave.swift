// SPDX-License-Identifier: Apache-2.0

import AttestedTLS
import BrokerProtocol
import Cryptography
import Encoding
import Foundation
import NIOCore
import NIOHTTP1
import NIOPosix
import SecurityModule
import SoftwareModule
import TestSupport
import Transport

/// What ends TLS and answers with fresh, genuine documents, of which one thing can be wrong: no enclave of this product
/// shows such certificates.
final class StagedEnclave: Sendable {
    let folder: TemporaryDirectory
    private let server: HTTPServer
    private static let pcr0 = [UInt8](repeating: 0xA0, count: 48)
    private let pcr16: [UInt8]
    private let port: Int

    /// - Parameters:
    ///   - identity: What the connection ends at.
    ///   - attests: Whether documents name its key.
    /// - Throws: What setting it up throws.
    init(_ identity: TLSIdentity, attests: Bool = true) async throws {
        folder = try TemporaryDirectory()
        let zeros = [UInt8](repeating: 0, count: 48)
        let module = SecurityModule(
            try SoftwareModule(
                directory: folder.file("module"),
                measurements: SoftwareMeasurements(pcr0: Self.pcr0, pcr1: Self.pcr0, pcr2: Self.pcr0),
                clock: RunningBroker.now
            )
        )
        pcr16 = try module.extendPCR(16, with: [UInt8](repeating: 1, count: 48))
        try module.lockPCR(16)
        var userData = AttestationUserData(
            purpose: .identity,
            brokerID: "staged",
            configurationDigest: zeros,
            bootID: Array(zeros.prefix(16))
        )
        userData.keyringID = "ring"
        userData.keyringVersion = 1
        userData.keyringDigest = zeros
        if attests { userData.tlsKeyDigest = identity.certificate.publicKeySHA256 }
        let (stated, tls) = (userData.encoded(), try TLSServer(identity))
        server = try await HTTPServer.start(
            on: .tcp(host: "127.0.0.1", port: 0),
            group: MultiThreadedEventLoopGroup.singleton,
            limits: HTTPLimits(bodyLength: 1 << 16),
            prelude: { _ in [IngressGate(timeout: .seconds(30)) { .tls(tls) }] },
            handler: { request, loop in
                guard let hex = request.target.split(separator: "=").last, let nonce = try? Hex.decode(String(hex)),
                    let document = try? module.attest(userData: stated, nonce: nonce, publicKey: nil)
                else { return loop.makeSucceededFuture(HTTPResponse(status: .badRequest)) }
                return loop.makeSucceededFuture(HTTPResponse(status: .ok, body: ByteBuffer(bytes: document)))
            }
        )
        port = if case .tcp(_, let port) = server.endpoint { port } else { 0 }
    }

    /// What `keybroker trust` says of it, and whether it wrote anything.
    func trust() async throws -> (result: Tool.Result, wrote: Bool) {
        let result = try await Programs.run([
            "keybroker", "trust", "--endpoint", "https://127.0.0.1:\(port)", "--root", folder.file("module/root.pem"),
            "--pcr", "0=\(Hex.encode(Self.pcr0))", "--pcr", "16=\(Hex.encode(pcr16))", "--state",
            folder.file("trust/state.json"), "--json",
        ])
        return (result, FileManager.default.fileExists(atPath: folder.file("trust")))
    }

    func stop() async { await server.shutdown(grace: .zero) }
}
