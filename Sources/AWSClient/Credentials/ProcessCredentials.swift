// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding

/// `credential_process`: a program of the user's that prints credentials (AWS SDKs and Tools Reference Guide, "Process
/// credential provider"). Not a shell's command: words, which quotes may hold together.
struct ProcessCredentials: Sendable {
    private static let timeout = Duration.seconds(60)

    private let context: CredentialContext

    init(_ context: CredentialContext) { self.context = context }

    func resolve(_ command: String, profile: String) async throws(CredentialError) -> ResolvedCredentials {
        let subject = "credential_process of profile \(profile)"
        guard let words = Self.words(command), let program = words.first else {
            throw CredentialError("\(subject): a quote is not closed, or there is no program")
        }
        var result: LocalCommand.Output
        do {
            result = try await LocalCommand.run(
                program,
                Array(words.dropFirst()),
                environment: context.variables,
                timeout: Self.timeout
            )
        } catch {
            throw CredentialError("\(subject): \(program): \(error)")
        }
        defer { wipe(&result.output) }
        guard result.status == 0 else {
            // What it says of itself is not passed on: it may be anything.
            throw CredentialError("\(subject): \(program) ends with exit code \(result.status)")
        }
        guard let object = CredentialDocument.object(result.output), object["Version"]?.int64 == 1 else {
            throw CredentialError("\(subject): what it prints is not JSON with Version 1")
        }
        return try CredentialDocument.credentials(
            object,
            token: "SessionToken",
            isTokenRequired: false,
            from: subject
        )
    }

    /// Words as a POSIX shell splits them: white space, single and double quotes, backslashes; nothing is expanded. Nil:
    /// a quote is not closed.
    static func words(_ text: String) -> [String]? {
        var words: [String] = []
        var word: String?
        var quote: Character?
        var isEscaped = false
        for character in text {
            if isEscaped {
                // Within double quotes a backslash is one, but before what it protects.
                if quote == "\"", character != "\"", character != "\\" { word = (word ?? "") + "\\" }
                word = (word ?? "") + String(character)
                isEscaped = false
            } else if character == "\\", quote != "'" {
                isEscaped = true
            } else if let open = quote {
                if character == open { quote = nil } else { word = (word ?? "") + String(character) }
            } else if character == "\"" || character == "'" {
                quote = character
                word = word ?? ""
            } else if character == " " || character == "\t" {
                if let done = word { words.append(done) }
                word = nil
            } else {
                word = (word ?? "") + String(character)
            }
        }
        guard quote == nil, !isEscaped else { return nil }
        if let word { words.append(word) }
        return words
    }
}
