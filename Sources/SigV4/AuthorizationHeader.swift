// SPDX-License-Identifier: Apache-2.0

import Encoding

/// The three parameters of an Authorization header, not yet believed: where they stand in the bytes that it was read from.
struct AuthorizationHeader {
    let credential: Range<Int>
    let signedHeaders: SignedHeaderNames
    let signature: Range<Int>

    /// Parses the header's value, which stands in a range of `bytes`. Whether the request has a date is asked too, because
    /// AWS reports its absence together with that of parameters.
    ///
    /// - Throws: `IncompleteSignatureException`.
    init(_ bytes: [UInt8], _ value: Range<Int>, isDated: Bool) throws(SigV4Error) {
        guard value.count <= SigV4Constants.authorizationLength else {
            throw .incomplete("Authorization header is too long.")
        }
        guard bytes[value].allSatisfy({ (0x20...0x7E).contains($0) }) else {
            throw .incomplete("Authorization header has characters that it may not have.")
        }
        let text = Self.trimmed(bytes, value.lowerBound, value.upperBound, atEnd: false)
        let end = Self.place(of: Self.space, in: bytes, text)
        let algorithm = text.lowerBound..<end
        guard bytes.span.extracting(algorithm).equals(string: SigV4Constants.algorithm) else {
            let name = String(decoding: bytes[algorithm], as: UTF8.self)
            throw .incomplete("Unsupported AWS 'algorithm': '\(SigV4Error.echo(name))'.")
        }
        let parameters = try Parameters(bytes, min(end + 1, text.upperBound)..<text.upperBound)
        guard let credential = parameters.credential, let signature = parameters.signature,
            let signedHeaders = parameters.signedHeaders, isDated
        else { throw .incomplete(parameters.missing(isDated: isDated).joined(separator: " ")) }
        self.credential = credential
        self.signature = signature
        self.signedHeaders = try SignedHeaderNames(bytes, signedHeaders)
    }

    /// Where the value of each parameter stands.
    private struct Parameters {
        var credential: Range<Int>?
        var signature: Range<Int>?
        var signedHeaders: Range<Int>?

        init(_ bytes: [UInt8], _ list: Range<Int>) throws(SigV4Error) {
            guard !list.isEmpty else { return }
            var start = list.lowerBound
            while start <= list.upperBound {
                let end = place(of: UInt8(ascii: ","), in: bytes, start..<list.upperBound)
                try read(bytes, trimmed(bytes, start, end, atEnd: false))
                start = end + 1
            }
        }

        private mutating func read(_ bytes: [UInt8], _ item: Range<Int>) throws(SigV4Error) {
            let equals = place(of: UInt8(ascii: "="), in: bytes, item)
            guard equals < item.upperBound else {
                throw .incomplete("Authorization header has a part that is not a valid key=value pair.")
            }
            let name = bytes.span.extracting(item.lowerBound..<equals)
            let value = trimmed(bytes, equals + 1, item.upperBound, atEnd: true)
            if name.equals("Credential"), credential == nil {
                credential = value
            } else if name.equals("SignedHeaders"), signedHeaders == nil {
                signedHeaders = value
            } else if name.equals("Signature"), signature == nil {
                signature = value
            } else {
                throw .incomplete("Authorization header has a parameter that is unknown or appears twice.")
            }
        }

        /// What is missing, in AWS's order.
        func missing(isDated: Bool) -> [String] {
            let parameters = [("Credential", credential), ("Signature", signature), ("SignedHeaders", signedHeaders)]
            var missing = parameters.filter { $0.1 == nil }
                .map { "Authorization header requires '\($0.0)' parameter." }
            if !isDated {
                missing.append(
                    "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
                )
            }
            return missing
        }
    }

    private static let space = UInt8(ascii: " ")

    /// Where a byte stands first in a range; its end, if nowhere.
    private static func place(of byte: UInt8, in bytes: [UInt8], _ range: Range<Int>) -> Int {
        var index = range.lowerBound
        while index < range.upperBound, bytes[index] != byte { index += 1 }
        return index
    }

    /// A range without the spaces at its start, or at its end.
    private static func trimmed(_ bytes: [UInt8], _ start: Int, _ end: Int, atEnd: Bool) -> Range<Int> {
        var (start, end) = (start, end)
        if atEnd {
            while end > start, bytes[end - 1] == space { end -= 1 }
        } else {
            while start < end, bytes[start] == space { start += 1 }
        }
        return start..<end
    }
}

extension SigV4Error {
    static let missingToken = SigV4Error(
        name: "MissingAuthenticationTokenException",
        message: "Request is missing Authentication Token"
    )

    package static let invalidToken = SigV4Error(
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
