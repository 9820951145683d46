// SPDX-License-Identifier: Apache-2.0

/// One answer of an HTTP endpoint.
package struct WebResponse: Sendable {
    package var status: Int
    /// As they came, in order.
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]

    package init(status: Int, headers: [(name: String, value: String)], body: [UInt8]) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// The first header of that name, in any case.
    package func header(_ name: String) -> String? {
        let lowercase = name.lowercased()
        return headers.first { $0.name.lowercased() == lowercase }?.value
    }
}

package enum WebError: Error, Equatable, Sendable, CustomStringConvertible {
    /// libcurl's own words for the code; no address of ours in it, no credential.
    case unreachable(String)
    case timeout
    /// The peer's certificate is not trusted, or names another host.
    case untrustedCertificate
    case responseTooLarge

    /// One line for people.
    package var description: String {
        switch self {
        case .unreachable(let reason): reason
        case .timeout: "no answer in time"
        case .untrustedCertificate: "the certificate is not trusted, or is another host's"
        case .responseTooLarge: "the answer is larger than accepted here"
        }
    }
}
