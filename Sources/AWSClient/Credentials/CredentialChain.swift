// SPDX-License-Identifier: Apache-2.0

package import Encoding
package import SigV4

/// Where credentials come from, in the order that AWS SDKs use (botocore's, which is the most complete): the environment;
/// a profile that assumes a role; web identity; a profile's keys in the credentials file; its program; its keys in the
/// config file; the container's endpoint; instance metadata.
///
/// Everything is read anew each time: see ``CredentialProvider`` for what keeps them.
package struct CredentialChain: Sendable {
    let context: CredentialContext
    private let namedProfile: String?

    /// `profile` is one that the user named: it is looked at before the environment's keys, as SDKs do. Else it is
    /// `AWS_PROFILE`, or `default`.
    package init(_ context: CredentialContext, profile: String?) {
        self.context = context
        namedProfile = profile
    }

    /// For tools that ask once.
    package static func credentials(
        profile: String?,
        variables: [String: String] = CredentialContext.processEnvironment(),
        region: String? = nil,
        clock: @escaping @Sendable () -> Timestamp
    ) async throws(CredentialError) -> AWSCredentials {
        let context = CredentialContext(variables: variables, region: region, clock: clock)
        return try await CredentialChain(context, profile: profile).resolve().credentials
    }

    /// The first source that is configured gives the credentials, or the reason why there are none.
    package func resolve() async throws(CredentialError) -> ResolvedCredentials {
        if namedProfile == nil, let found = try environment() { return found }
        let profiles = SharedProfiles(context)
        let name = namedProfile ?? context.variable("AWS_PROFILE")
        if let name, profiles.profile(name) == nil {
            let files = [profiles.credentialsPath, profiles.configPath].compactMap(\.self).joined(separator: " nor ")
            throw CredentialError("there is no profile \(name): neither \(files) has it")
        }
        let lookup = ProfileLookup(context, profiles)
        if let found = try await lookup.assumedRole(name ?? "default") { return found }
        if let found = try await lookup.ownCredentials(
            name ?? "default",
            usesEnvironment: namedProfile == nil
        ) {
            return found
        }
        if let found = try await ContainerCredentials(context).resolve() { return found }
        do {
            return try await InstanceMetadata(context, profile: profiles.profile(name ?? "default")).resolve()
        } catch {
            throw CredentialError(
                "no credentials: AWS_ACCESS_KEY_ID is not used or not set, "
                    + "\(profiles.credentialsPath ?? "~/.aws/credentials") and the config file give none to profile "
                    + "\(name ?? "default"), no web identity or container is named, and \(error)"
            )
        }
    }

    // MARK: Environment

    /// `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_CREDENTIAL_EXPIRATION`.
    func environment() throws(CredentialError) -> ResolvedCredentials? {
        guard let id = context.variable("AWS_ACCESS_KEY_ID") else { return nil }
        guard let secret = context.variable("AWS_SECRET_ACCESS_KEY") else {
            throw CredentialError("AWS_ACCESS_KEY_ID is set, but not AWS_SECRET_ACCESS_KEY")
        }
        let end = context.variable("AWS_CREDENTIAL_EXPIRATION").flatMap { Timestamp(rfc3339: $0) }
        return try ResolvedCredentials(
            id: id,
            secret: secret,
            token: context.variable("AWS_SECURITY_TOKEN") ?? context.variable("AWS_SESSION_TOKEN"),
            lifetime: end.map { .until($0) } ?? .current,
            from: "the environment"
        )
    }
}
