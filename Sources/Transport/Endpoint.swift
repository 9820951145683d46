// SPDX-License-Identifier: Apache-2.0

/// Where to listen or connect: `tcp://host:port`, `unix:///path`, `vsock://cid|any:port`.
package enum Endpoint: Sendable, Hashable, CustomStringConvertible {
    case tcp(host: String, port: Int)
    case unix(path: String)
    /// Nil: any CID, to listen.
    case vsock(cid: UInt32?, port: UInt32)

    /// Bytes of a unix socket's path: `sun_path` has 108, the last one is zero (unix(7)).
    package static let maximumPathLength = 107
    /// Bytes of a host name (RFC 1035 section 2.3.4).
    static let maximumHostLength = 255
    /// VMADDR_CID_ANY and VMADDR_PORT_ANY (vsock(7)): written `any`, never as a number.
    private static let vsockAny = UInt32.max
    /// VMADDR_CID_LOCAL (vsock(7)): this machine, where its kernel has `vsock_loopback`.
    package static let vsockLocal: UInt32 = 1

    /// Parses one of the three forms. A TCP port of 0 asks the system for a free one, to listen; vsock has no such thing.
    ///
    /// - Throws: ``EndpointError``, one line for people.
    package init(_ text: String) throws(EndpointError) {
        if let rest = Self.remainder(of: text, after: "tcp://") {
            self = try Self.tcp(rest, in: text)
        } else if let path = Self.remainder(of: text, after: "unix://") {
            self = try Self.unix(path, in: text)
        } else if let rest = Self.remainder(of: text, after: "vsock://") {
            self = try Self.vsock(rest, in: text)
        } else {
            throw EndpointError(text, "expected tcp://HOST:PORT, unix:///PATH or vsock://CID:PORT")
        }
    }

    /// Whether it names somebody to connect to: `vsock://any` is to listen alone.
    package var isConnectable: Bool {
        if case .vsock(cid: nil, _) = self { false } else { true }
    }

    /// Where a program on this machine reaches what listens here: at the loopback CID, if it listens on any.
    package var onThisMachine: Endpoint {
        if case .vsock(cid: nil, let port) = self { .vsock(cid: Self.vsockLocal, port: port) } else { self }
    }

    package var description: String {
        switch self {
        case .tcp(let host, let port):
            host.utf8.contains(UInt8(ascii: ":")) ? "tcp://[\(host)]:\(port)" : "tcp://\(host):\(port)"
        case .unix(let path): "unix://\(path)"
        case .vsock(let cid, let port): "vsock://\(cid.map(String.init) ?? "any"):\(port)"
        }
    }

    private static func remainder(of text: String, after prefix: String) -> Substring? {
        text.utf8.starts(with: prefix.utf8)
            ? text[text.utf8.index(text.startIndex, offsetBy: prefix.utf8.count)...] : nil
    }

    private static func tcp(_ rest: Substring, in text: String) throws(EndpointError) -> Endpoint {
        let (name, portText) = try split(rest, in: text)
        let bracketed = name.utf8.first == UInt8(ascii: "[") && name.utf8.last == UInt8(ascii: "]")
        let host = bracketed ? name.dropFirst().dropLast() : name
        guard !host.isEmpty, host.utf8.count <= maximumHostLength,
            host.utf8.allSatisfy({ isHostByte($0, colon: bracketed) })
        else { throw EndpointError(text, "not a host name or address (IPv6 addresses stand in [ ])") }
        guard let port = UInt16(decimal: portText) else {
            throw EndpointError(text, "the port is a number up to 65535")
        }
        return .tcp(host: String(host), port: Int(port))
    }

    private static func unix(_ path: Substring, in text: String) throws(EndpointError) -> Endpoint {
        guard path.utf8.first == UInt8(ascii: "/"), path.utf8.count > 1 else {
            throw EndpointError(text, "the path is absolute: unix:///PATH")
        }
        guard path.utf8.count <= maximumPathLength else {
            throw EndpointError(text, "a socket's path has at most \(maximumPathLength) bytes")
        }
        guard !path.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
            throw EndpointError(text, "control character in the path")
        }
        return .unix(path: String(path))
    }

    private static func vsock(_ rest: Substring, in text: String) throws(EndpointError) -> Endpoint {
        let (name, portText) = try split(rest, in: text)
        guard let port = UInt32(decimal: portText), port != 0, port != vsockAny else {
            throw EndpointError(text, "the port is a number from 1, below \(vsockAny)")
        }
        if name == "any" { return .vsock(cid: nil, port: port) }
        guard let cid = UInt32(decimal: name), cid != vsockAny else {
            throw EndpointError(text, "the CID is a number below \(vsockAny), or any")
        }
        return .vsock(cid: cid, port: port)
    }

    private static func split(_ rest: Substring, in text: String) throws(EndpointError) -> (Substring, Substring) {
        guard let colon = rest.utf8.lastIndex(of: UInt8(ascii: ":")) else { throw EndpointError(text, "no port") }
        return (rest[..<colon], rest[rest.utf8.index(after: colon)...])
    }

    private static func isHostByte(_ byte: UInt8, colon: Bool) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        case UInt8(ascii: ":"): colon
        default: false
        }
    }
}

/// A text that names no endpoint. One line for people.
package struct EndpointError: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String

    init(_ text: String, _ problem: String) {
        let shown = text.unicodeScalars.prefix(80).map { $0.isASCII ? $0.escaped(asASCII: true) : "?" }.joined()
        description = "\"\(shown)\" is not an endpoint: \(problem)"
    }
}

extension FixedWidthInteger {
    /// Digits only: no sign, no leading zero, nothing else.
    fileprivate init?(decimal text: Substring) {
        guard text.utf8.allSatisfy({ $0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9") }) else { return nil }
        guard text.utf8.count == 1 || text.utf8.first != UInt8(ascii: "0") else { return nil }
        self.init(text, radix: 10)
    }
}
