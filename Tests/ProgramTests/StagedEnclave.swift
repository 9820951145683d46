// SPDX-License-Identifier: Apache-2.0

import AttestedTLS
import BrokerProtocol
import Cryptography
import EnclaveImage
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
    /// A whole image file of a few hundred bytes.
    static let image = EnclaveImage(
        architecture: .x86_64,
        kernel: [1, 2, 3],
        commandLine: "panic=30",
        ramdisks: [[4], [5]],
        metadata: ImageMetadata(
            imageName: "broker",
            imageVersion: "1",
            buildTime: "2026-11-21T09:20:00Z",
            buildTool: "test",
            buildToolVersion: "1",
            operatingSystem: "Linux",
            kernelVersion: "6"
        )
    )

    /// PCR0 to PCR2, as a production image has them.
    private static let measured = [UInt8](repeating: 0xA0, count: 48)
    private let pcr0: [UInt8]
    private let pcr16: [UInt8]
    private let port: Int

    /// - Parameters:
    ///   - identity: What the connection ends at.
    ///   - attests: Whether documents name its key.
    ///   - measurements: Of the image that it claims to be.
    ///   - configuration: Of its PCR16.
    /// - Throws: What setting it up throws.
    init(
        _ identity: TLSIdentity,
        attests: Bool = true,
        measurements: EnclaveMeasurements? = nil,
        configuration: [UInt8] = [1]
    ) async throws {
        folder = try TemporaryDirectory()
        let image = measurements?.pcr0 ?? Self.measured
        pcr0 = image
        let zeros = [UInt8](repeating: 0, count: 48)
        let module = SecurityModule(
            try SoftwareModule(
                directory: folder.file("module"),
                measurements: SoftwareMeasurements(
                    pcr0: image,
                    pcr1: measurements?.pcr1 ?? Self.measured,
                    pcr2: measurements?.pcr2 ?? Self.measured
                ),
                clock: RunningBroker.now
            )
        )
        pcr16 = try module.extendPCR(16, with: Hash.digest(.sha384, configuration))
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

    /// What `keybroker trust` says of it, and whether it wrote anything; `expected` instead of the right PCRs.
    func trust(_ expected: [String]? = nil) async throws -> (result: Tool.Result, wrote: Bool) {
        let pcrs = ["--pcr", "0=\(Hex.encode(pcr0))", "--pcr", "16=\(Hex.encode(pcr16))"]
        let result = try await Programs.run(
            [
                "keybroker", "trust", "--endpoint", "https://127.0.0.1:\(port)", "--root",
                folder.file("module/root.pem"), "--region", "us-east-1", "--state", folder.file("trust/state.json"),
                "--json",
            ] + (expected ?? pcrs)
        )
        return (result, FileManager.default.fileExists(atPath: folder.file("trust")))
    }

    func stop() async { await server.shutdown(grace: .zero) }
}
