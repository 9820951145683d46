// SPDX-License-Identifier: Apache-2.0

import AWSClient
import BrokerProtocol
import Transport

/// An `http` or `https` URL of a broker's ingress, taken apart.
struct EnclaveEndpoint: Sendable {
    let service: ServiceURL
    /// Where to connect.
    let endpoint: Endpoint
    /// Name or address, without port and brackets.
    let host: String
    let isTLS: Bool

    /// - Throws: a usage error for what is no URL of an ingress.
    init(_ url: String) throws(CommandFailure) {
        guard let service = try? ServiceURL(url), service.path == "/" else {
            throw .usage("\(Console.printable(url)): expected https://HOST:PORT")
        }
        isTLS = service.origin.hasPrefix("https://")
        let authority = service.origin.drop { $0 != ":" }.dropFirst(3)
        let hasPort = authority.last != "]" && authority.split(separator: "]").last?.contains(":") == true
        guard let endpoint = try? Endpoint("tcp://" + authority + (hasPort ? "" : isTLS ? ":443" : ":80")),
            case .tcp(let host, _) = endpoint
        else { throw .usage("\(Console.printable(url)): not an address") }
        self.service = service
        self.endpoint = endpoint
        self.host = host
    }

    /// As a certificate says it.
    var name: IngressName? { IngressName(host) }
}
