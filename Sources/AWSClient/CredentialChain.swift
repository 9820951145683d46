// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Glibc
package import SigV4

/// Where credentials come from, in the order that AWS SDKs use: environment, then the shared credentials file.
package enum CredentialChain: Sendable {
    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`; else `AWS_SHARED_CREDENTIALS_FILE` (default
    /// `~/.aws/credentials`), profile `profile` or `AWS_PROFILE` or `default`.
    ///
    /// A `profile` that is named here is taken from the file even where the environment has credentials, as SDKs do. An
    /// empty variable counts as absent.
    package static func resolve(environment: [String: String], profile: String?) throws(CredentialError)
        -> AWSCredentials
    {
        func variable(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }

        if profile == nil, let id = variable("AWS_ACCESS_KEY_ID") {
            guard let secret = variable("AWS_SECRET_ACCESS_KEY") else {
                throw CredentialError("AWS_ACCESS_KEY_ID is set, but not AWS_SECRET_ACCESS_KEY")
            }
            return try credentials(id, secret, variable("AWS_SESSION_TOKEN"), from: "the environment")
        }
        let name = profile ?? variable("AWS_PROFILE") ?? "default"
        let path: String
        if let file = variable("AWS_SHARED_CREDENTIALS_FILE") {
            path = expanded(file, home: variable("HOME"))
        } else {
            guard let home = variable("HOME") else {
                throw CredentialError(
                    "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_SHARED_CREDENTIALS_FILE"
                )
            }
            path = "\(home)/.aws/credentials"
        }
        guard let bytes = SmallFile.read(path, limit: SharedCredentialsFile.maximumLength) else {
            throw CredentialError(
                "no credentials: AWS_ACCESS_KEY_ID is not used or not set, and \(path) cannot be read"
            )
        }
        let file = SharedCredentialsFile(bytes)
        guard let section = file.profiles[name] else { throw CredentialError("\(path) has no profile \(name)") }
        guard let id = section["aws_access_key_id"], let secret = section["aws_secret_access_key"] else {
            throw CredentialError(
                "profile \(name) in \(path) lacks aws_access_key_id or aws_secret_access_key; "
                    + "profiles that get their credentials elsewhere are not supported"
            )
        }
        return try credentials(id, secret, section["aws_session_token"], from: path)
    }

    /// What this process's environment says of it all.
    package static func processEnvironment() -> [String: String] {
        var environment: [String: String] = [:]
        for name in [
            "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE",
            "AWS_SHARED_CREDENTIALS_FILE", "HOME",
        ] {
            if let value = unsafe getenv(name) { environment[name] = unsafe String(cString: value) }
        }
        return environment
    }

    private static func expanded(_ path: String, home: String?) -> String {
        guard path.hasPrefix("~/"), let home else { return path }
        return home + path.dropFirst()
    }

    private static func credentials(
        _ id: String,
        _ secret: String,
        _ token: String?,
        from source: String
    ) throws(CredentialError) -> AWSCredentials {
        // They go into headers: a stray line break would be another header.
        let isHeaderSafe: (String) -> Bool = { !$0.isEmpty && $0.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F } }
        guard isHeaderSafe(id), isHeaderSafe(secret), token.map(isHeaderSafe) ?? true else {
            throw CredentialError("the credentials from \(source) have characters that no credentials have")
        }
        var bytes = Array(secret.utf8)
        guard let locked = try? SecretBytes(movingFrom: &bytes) else {
            throw CredentialError("no locked memory left for the secret access key")
        }
        return AWSCredentials(accessKeyID: id, secretAccessKey: SharedSecret(locked), sessionToken: token)
    }
}

/// Why there are no credentials: where was looked, what to do. Never a secret.
package struct CredentialError: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}
