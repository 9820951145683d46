// SPDX-License-Identifier: Apache-2.0

import AWSClient
import ArgumentParser
import AttestedTLS
import Encoding
import Foundation
import KMSProtocol
import SigV4

/// Which broker, and as whom: the variables that AWS SDKs read, or flags.
struct BrokerOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The broker's ingress. [default: $AWS_ENDPOINT_URL_KMS, $AWS_ENDPOINT_URL, or http://127.0.0.1:4600]",
            valueName: "URL"
        )
    )
    var endpoint: String?

    @Option(help: ArgumentHelp("Region that requests are signed for. [default: $AWS_REGION or us-east-1]"))
    var region: String?

    @Option(help: ArgumentHelp("Profile of the shared config and credentials files."))
    var profile: String?

    @Option(
        help: ArgumentHelp(
            "Certificates that the broker's TLS is checked against, as `keybroker trust` writes them. [default: $AWS_CA_BUNDLE, or the system's]",
            valueName: "FILE"
        )
    )
    var caBundle: String?

    private static var environment: [String: String] { ProcessInfo.processInfo.environment }

    var url: String {
        let environment = Self.environment
        let url =
            endpoint ?? environment["AWS_ENDPOINT_URL_KMS"] ?? environment["AWS_ENDPOINT_URL"]
            ?? "http://127.0.0.1:4600"
        return url.hasSuffix("/") ? String(url.dropLast()) : url
    }

    var regionName: String {
        region ?? Self.environment["AWS_REGION"] ?? Self.environment["AWS_DEFAULT_REGION"] ?? "us-east-1"
    }

    func credentials() async throws(CommandFailure) -> AWSCredentials {
        do {
            return try await credentialProvider.credentials()
        } catch {
            throw .failed(error.description)
        }
    }

    /// Found as AWS SDKs find them.
    private var credentialProvider: CredentialProvider {
        CredentialProvider(CredentialChain(CredentialContext(clock: SystemClock.now), profile: profile))
    }

    /// HTTP(S) to this broker, certificates always checked; over TLS only to the key with the SHA-256 in `pinning`.
    func transport(pinning keyDigest: [UInt8]? = nil) -> WebTransport {
        let file = caBundle ?? Self.environment["AWS_CA_BUNDLE"]
        return WebTransport(
            certificateAuthorityFile: file?.isEmpty == false ? file : nil,
            pinnedKeyDigest: keyDigest
        )
    }

    /// The same trust for connections of one's own; nil where the URL says http.
    func tls(to endpoint: EnclaveEndpoint) throws(CommandFailure) -> TLSClient? {
        guard endpoint.isTLS else { return nil }
        guard let file = caBundle ?? Self.environment["AWS_CA_BUNDLE"], !file.isEmpty else {
            throw .usage("--ca-bundle is missing: what keybroker trust wrote")
        }
        do {
            return try TLSClient(trusting: file, host: endpoint.host)
        } catch {
            throw .usage("\(error)")
        }
    }

    func client() -> KMSClient { client(transport: transport()) }

    func client(transport: WebTransport) -> KMSClient {
        let provider = credentialProvider
        return KMSClient(
            endpoint: url,
            region: regionName,
            credentials: { () async throws(CredentialError) in try await provider.credentials() },
            transport: transport,
            clock: SystemClock.now
        )
    }
}

extension KMSClient.Failure {
    /// One line for people.
    var line: String {
        switch self {
        case .credentials(let error): error.description
        case .service(let error, _): Self.line(error)
        case .transport(let error): error.description
        case .malformedResponse: "the answer is not what this operation returns"
        }
    }

    static func line(_ error: KMSError) -> String {
        error.message.map { "\(error.name): \(Console.printable($0))" } ?? error.name
    }
}
