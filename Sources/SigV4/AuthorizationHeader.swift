// SPDX-License-Identifier: Apache-2.0

/// The three parameters of an Authorization header, not yet believed.
struct AuthorizationHeader {
    /// In the order in which AWS reports those that are missing.
    private static let names = ["Credential", "Signature", "SignedHeaders"]

    let credential: String
    let signedHeaders: [String]
    let signature: String

    /// Parses the header's value. Whether the request has a date is asked too, because AWS reports its absence together
    /// with that of parameters.
    ///
    /// - Throws: `IncompleteSignatureException`.
    init(_ value: String, isDated: Bool) throws(SigV4Error) {
        guard value.utf8.count <= SigV4Constants.authorizationLength else {
            throw .incomplete("Authorization header is too long.")
        }
        // Everything after this compares text with ASCII constants.
        guard value.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
            throw .incomplete("Authorization header has characters that it may not have.")
        }
        // By bytes, not by characters: all of them are ASCII now, and this runs for each request.
        let parts = value.utf8.split(separator: UInt8(ascii: " "), maxSplits: 1, omittingEmptySubsequences: true)
        let algorithm = parts.first.map { String(Substring($0)) } ?? ""
        guard algorithm == SigV4Constants.algorithm else {
            throw .incomplete("Unsupported AWS 'algorithm': '\(SigV4Error.echo(algorithm))'.")
        }

        var parameters: [(name: String, value: String)] = []
        let space = UInt8(ascii: " ")
        let items =
            parts.count > 1 ? parts[1].split(separator: UInt8(ascii: ","), omittingEmptySubsequences: false) : []
        for item in items {
            let text = item.drop { $0 == space }
            guard let equals = text.firstIndex(of: UInt8(ascii: "=")) else {
                throw .incomplete("Authorization header has a part that is not a valid key=value pair.")
            }
            let name = String(Substring(text[..<equals]))
            guard Self.names.contains(name), !parameters.contains(where: { $0.name == name }) else {
                throw .incomplete("Authorization header has a parameter that is unknown or appears twice.")
            }
            var parameter = text[text.index(after: equals)...]
            while parameter.last == space { parameter = parameter.dropLast() }
            parameters.append((name, String(Substring(parameter))))
        }

        let value = { (name: String) in parameters.first { $0.name == name }?.value }
        var missing = Self.names.filter { value($0) == nil }
            .map { "Authorization header requires '\($0)' parameter." }
        if !isDated {
            missing.append(
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
            )
        }
        guard
            missing.isEmpty, let credential = value("Credential"), let signature = value("Signature"),
            let signedHeaders = value("SignedHeaders")
        else { throw .incomplete(missing.joined(separator: " ")) }

        self.credential = credential
        self.signature = signature
        self.signedHeaders = try Self.names(signedHeaders)
    }

    /// Lower-case names, strictly sorted: so each list of names has one spelling.
    private static func names(_ text: String) throws(SigV4Error) -> [String] {
        let names = text.utf8.split(separator: UInt8(ascii: ";"), omittingEmptySubsequences: false)
            .map { String(Substring($0)) }
        let isSorted = zip(names, names.dropFirst()).allSatisfy { $0.utf8.lexicographicallyPrecedes($1.utf8) }
        guard
            names.count <= SigV4Constants.signedHeaderCount, isSorted,
            names.allSatisfy({ !$0.isEmpty && $0.utf8.allSatisfy(isLowerTokenByte) })
        else { throw .incomplete("SignedHeaders must be lower-case header names, sorted, each of them once.") }
        return names
    }

    /// A character of a field name (RFC 9110 section 5.6.2), no upper-case letter.
    private static func isLowerTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}

extension SigV4Error {
    static let missingToken = SigV4Error(
        name: "MissingAuthenticationTokenException",
        message: "Request is missing Authentication Token"
    )

    static let invalidToken = SigV4Error(
        name: "UnrecognizedClientException",
        message: "The security token included in the request is invalid."
    )

    static let mismatch = SigV4Error.invalidSignature(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access "
            + "Key and signing method. Consult the service documentation for details."
    )

    static func incomplete(_ message: String) -> SigV4Error {
        SigV4Error(name: "IncompleteSignatureException", message: message)
    }

    static func invalidSignature(_ message: String) -> SigV4Error {
        SigV4Error(name: "InvalidSignatureException", message: message)
    }

    static func mustBeSigned(_ header: String) -> SigV4Error {
        .incomplete("\(header) must be a 'SignedHeader' in the AWS Authorization.")
    }

    /// A short plain word as it is, anything else not at all: messages end up in logs.
    static func echo(_ text: String) -> String {
        let isPlain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                true
            default: false
            }
        }
        return isPlain && text.utf8.count <= SigV4Constants.echoedLength ? text : ""
    }
}
