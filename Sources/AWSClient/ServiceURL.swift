// SPDX-License-Identifier: Apache-2.0

/// An `http` or `https` URL split into what a signature needs.
package struct ServiceURL: Sendable, Equatable {
    package enum Problem: Error, Equatable, Sendable {
        case notHTTP
        case malformed
    }

    /// Bytes of a URL: what browsers and servers commonly bear (RFC 9110 section 4.1 recommends 8000).
    private static let maximumLength = 8000

    /// `https://host:port`, without a slash at the end.
    package let origin: String
    /// What the Host header says: without the scheme's own port, as SDKs sign it.
    package let host: String
    /// `/` or more.
    package let path: String

    /// No user, no fragment, printable ASCII only.
    package init(_ text: String) throws(Problem) {
        guard text.utf8.count <= Self.maximumLength, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw .malformed
        }
        let scheme: (name: String, port: String)
        if text.hasPrefix("https://") {
            scheme = ("https", ":443")
        } else if text.hasPrefix("http://") {
            scheme = ("http", ":80")
        } else {
            throw .notHTTP
        }
        let rest = text.dropFirst(scheme.name.count + 3)
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let path = rest.dropFirst(authority.count)
        guard !authority.isEmpty, !authority.hasPrefix(":"), !authority.contains(where: { "@\\\"<>".contains($0) }),
            !path.contains("#"), path.isEmpty || path.hasPrefix("/")
        else { throw .malformed }
        host = String(authority.hasSuffix(scheme.port) ? authority.dropLast(scheme.port.count) : authority)
        origin = "\(scheme.name)://\(authority)"
        self.path = path.isEmpty ? "/" : String(path)
        guard !host.isEmpty else { throw .malformed }
    }
}
