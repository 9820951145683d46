// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import ArgumentParser
import Encoding

/// Policies in files: the policy itself, or what `aws kms get-key-policy` and `aws iam get-role-policy` print.
enum PolicySourceFile: Sendable {
    static func read(_ path: String, kind: PolicyDocument.Kind) throws(CommandFailure) -> PolicySource {
        try source(try InputFile.read(path), kind: kind, name: path)
    }

    static func source(_ bytes: [UInt8], kind: PolicyDocument.Kind, name: String) throws(CommandFailure)
        -> PolicySource
    {
        do {
            return try PolicySource(unwrapped(bytes), kind: kind, name: name)
        } catch {
            let hint =
                error.path.contains("rincipal")
                ? kind == .key ? " (a key policy is expected)" : " (an IAM policy is expected)" : ""
            throw .usage("\(name): not a policy: \(Console.printable(error.description))\(hint)")
        }
    }

    private static func unwrapped(_ bytes: [UInt8]) -> [UInt8] {
        guard let object = (try? JSON.parse(bytes))?.object, object["Statement"] == nil else { return bytes }
        if let text = object["Policy"]?.string { return Array(text.utf8) }
        if let document = object["PolicyDocument"], document.object != nil { return document.serialized() }
        return bytes
    }
}

/// The policies of a request, as flags.
struct PolicyFileOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The key policy. Without: the action has no key (CreateKey, …).", valueName: "FILE"))
    var keyPolicy: String?

    @Option(
        name: .customLong("identity-policy"),
        help: ArgumentHelp("An IAM policy of the principal. May be repeated.", valueName: "FILE")
    )
    var identityPolicies: [String] = []

    func load() throws(CommandFailure) -> RequestPolicies {
        var policies = RequestPolicies()
        if let keyPolicy { policies.key = try PolicySourceFile.read(keyPolicy, kind: .key) }
        for path in identityPolicies { policies.identity.append(try PolicySourceFile.read(path, kind: .identity)) }
        return policies
    }
}

/// The policies that decide a request.
struct RequestPolicies: Sendable {
    var key: PolicySource?
    var identity: [PolicySource] = []

    func explain(_ request: AccessRequest) -> AccessExplanation {
        AccessExplanation(request, keyPolicy: key, identityPolicies: identity)
    }
}
