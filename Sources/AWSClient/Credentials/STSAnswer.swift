// SPDX-License-Identifier: Apache-2.0

/// The credentials in an answer of STS (XML). Element text is all that is read of it.
struct STSAnswer {
    let accessKeyID: String
    let secretAccessKey: String
    let sessionToken: String
    let expiration: String

    /// Of an answer to GetCallerIdentity.
    static func callerARN(_ body: [UInt8]) -> String? {
        let text = String(decoding: body, as: UTF8.self)
        return XMLText.content(of: "Arn", in: text[...]).map(XMLText.unescaped)
    }

    init?(_ body: [UInt8]) {
        let text = String(decoding: body, as: UTF8.self)
        guard let block = XMLText.content(of: "Credentials", in: text[...]),
            let id = XMLText.content(of: "AccessKeyId", in: block),
            let secret = XMLText.content(of: "SecretAccessKey", in: block),
            let token = XMLText.content(of: "SessionToken", in: block),
            let expiration = XMLText.content(of: "Expiration", in: block)
        else { return nil }
        accessKeyID = XMLText.unescaped(id)
        secretAccessKey = XMLText.unescaped(secret)
        sessionToken = XMLText.unescaped(token)
        self.expiration = XMLText.unescaped(expiration)
    }
}

/// An error of the Query protocol: `<ErrorResponse><Error><Code>…</Code><Message>…</Message></Error></ErrorResponse>`.
struct STSError {
    /// Characters of a message that are passed on.
    private static let maximumLength = 300

    private let code: String
    private let message: String?

    init?(_ body: [UInt8]) {
        let text = String(decoding: body, as: UTF8.self)
        guard let block = XMLText.content(of: "Error", in: text[...]),
            let code = XMLText.content(of: "Code", in: block)
        else { return nil }
        self.code = String(code)
        message = XMLText.content(of: "Message", in: block).map(XMLText.unescaped)
    }

    /// One line; control characters left out.
    var line: String {
        let said = [code, message].compactMap(\.self).joined(separator: ": ")
        return String(
            String.UnicodeScalarView(said.unicodeScalars.prefix(Self.maximumLength).filter { $0.value >= 0x20 })
        )
    }

    /// Codes that AWS SDKs try again, and the identity provider's.
    var isTransient: Bool {
        [
            "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequestsException",
            "IDPCommunicationError",
        ]
        .contains(code)
    }
}

/// As much XML as the answers of STS need: the text between the first opening tag of a name, without attributes, and the
/// closing tag after it.
private enum XMLText {
    static func content(of name: String, in text: Substring) -> Substring? {
        guard let open = text.firstRange(of: "<\(name)>") else { return nil }
        let rest = text[open.upperBound...]
        return rest.firstRange(of: "</\(name)>").map { rest[..<$0.lowerBound] }
    }

    static func unescaped(_ text: Substring) -> String {
        String(text).replacing("&lt;", with: "<").replacing("&gt;", with: ">").replacing("&quot;", with: "\"")
            .replacing("&apos;", with: "'").replacing("&amp;", with: "&")
    }
}
