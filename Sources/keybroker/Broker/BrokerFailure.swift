// SPDX-License-Identifier: Apache-2.0

import AWSClient
import KMSProtocol

/// What people are told when a broker does not do what it was asked: what happened, as the broker says it, and what to do.
enum BrokerFailure: Sendable {
    static func explained(_ failure: KMSClient.Failure, url: String) -> CommandFailure {
        switch failure {
        case .credentials(let error): return .failed(Console.printable(error.description, limit: 1024))
        case .service(let error, _):
            let advice = advice(error.name).map { " (\($0))" } ?? ""
            return .failed("\(KMSClient.Failure.line(error))\(advice)")
        case .transport(let error): return explained(error, url: url)
        case .malformedResponse: return malformed(url)
        }
    }

    static func explained(_ failure: BrokerEndpoint.Failure, url: String) -> CommandFailure {
        switch failure {
        case .transport(let error): explained(error, url: url)
        case .refused, .malformedResponse: .failed("\(url): \(Console.printable(failure.description))")
        }
    }

    static func malformed(_ url: String) -> CommandFailure {
        .failed("\(url): the answer is not what a key broker returns: is --endpoint the broker's ingress?")
    }

    private static func explained(_ error: WebError, url: String) -> CommandFailure {
        let advice =
            switch error {
            case .untrustedCertificate:
                "run keybroker trust, and name the bundle that it writes: AWS_CA_BUNDLE or --ca-bundle"
            case .unreachable where url.hasPrefix("http://"):
                "is keybroker-host running there? Where TLS ends in the enclave the URL begins with https"
            case .unreachable: "is keybroker-host running there? Name another with --endpoint"
            case .timeout: "the host or the enclave does not answer: keybroker status --health"
            case .responseTooLarge: "is --endpoint the broker's ingress?"
            }
        return .failed("\(url): \(Console.printable(error.description)): \(advice)")
    }

    /// By the error's name: its text names action, resource, key or value already.
    private static func advice(_ name: String) -> String? {
        switch name {
        case "AccessDeniedException":
            "allow it in the principal's policies, keybroker principal policy put; for a key also in the key's policy, keybroker key policy put"
        case "UnrecognizedClientException":
            "the broker wants an access key of its own, not AWS's: --profile, or AWS_SHARED_CREDENTIALS_FILE"
        case "InvalidSignatureException":
            "check the secret, --region, this machine's clock, and that the configuration's hosts list the name in --endpoint"
        case "NotFoundException": "keybroker key list shows what there is"
        case "UnknownOperationException": "this endpoint does not offer the operation"
        case "DisabledException": "keybroker key enable"
        case "KMSInvalidStateException": "keybroker key describe shows the key's state"
        case "InvalidCiphertextException": "it was sealed by another key, or bound to something else, or it was changed"
        case "ThrottlingException", "KeyUnavailableException": "try again shortly"
        default: nil
        }
    }
}
