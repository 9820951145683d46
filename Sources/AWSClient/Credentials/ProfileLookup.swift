// SPDX-License-Identifier: Apache-2.0

import Encoding

/// What a profile gives: by a role that it assumes, or by itself.
struct ProfileLookup: Sendable {
    /// Profiles in a chain of roles; each is one call to STS.
    private static let maximumRoles = 5

    private let context: CredentialContext
    private let profiles: SharedProfiles

    init(_ context: CredentialContext, _ profiles: SharedProfiles) {
        self.context = context
        self.profiles = profiles
    }

    // MARK: Roles

    /// `role_arn` with `source_profile` or `credential_source`; nil if the profile assumes none that way.
    func assumedRole(_ name: String) async throws(CredentialError) -> ResolvedCredentials? {
        guard let profile = profiles.profile(name), Self.assumesRole(profile) else { return nil }
        return try await assumeRole(name, profile, visited: [name])
    }

    private static func assumesRole(_ profile: [String: String]) -> Bool {
        profile["role_arn"] != nil && profile["web_identity_token_file"] == nil
    }

    private static func hasKeys(_ profile: [String: String]) -> Bool {
        profile["aws_access_key_id"] != nil || profile["aws_secret_access_key"] != nil
    }

    private func assumeRole(
        _ name: String,
        _ profile: [String: String],
        visited: [String]
    ) async throws(CredentialError) -> ResolvedCredentials {
        guard visited.count <= Self.maximumRoles else {
            throw CredentialError("profile \(visited[0]) goes through more than \(Self.maximumRoles) roles")
        }
        if profile["mfa_serial"] != nil {
            throw CredentialError(
                "profile \(name) has mfa_serial, and nobody is here to enter a code: use another role"
            )
        }
        let source: ResolvedCredentials
        switch (profile["source_profile"], profile["credential_source"]) {
        case (let other?, nil): source = try await credentials(ofSource: other, for: name, visited: visited)
        case (nil, let named?): source = try await credentials(named: named, for: name)
        case (nil, nil):
            throw CredentialError("profile \(name) has role_arn, but neither source_profile nor credential_source")
        case (.some, .some):
            throw CredentialError("profile \(name) has both source_profile and credential_source")
        }
        var role = STSClient.Role(arn: profile["role_arn"] ?? "", profile: "profile \(name)")
        role.sessionName = profile["role_session_name"]
        role.externalID = profile["external_id"]
        role.durationSeconds = try profile["duration_seconds"].map { (text) throws(CredentialError) in
            // 15 minutes to 12 hours (STS API Reference, AssumeRole).
            guard let seconds = Int(text), (900...43_200).contains(seconds) else {
                throw CredentialError("profile \(name): duration_seconds is a number from 900 to 43200")
            }
            return seconds
        }
        return try await STSClient(context, profile: profile).assume(role, as: source.credentials)
    }

    private func credentials(
        ofSource other: String,
        for name: String,
        visited: [String]
    ) async throws(CredentialError) -> ResolvedCredentials {
        guard let source = profiles.profile(other) else {
            throw CredentialError("profile \(name) has source_profile \(other), which does not exist")
        }
        let hasKeys = Self.hasKeys(source)
        // A profile may be its own source, for its own keys.
        if visited.contains(other), !(other == name && hasKeys) {
            throw CredentialError("profiles \(visited.joined(separator: ", ")) and \(other) go round in a circle")
        }
        if Self.assumesRole(source), !hasKeys {
            return try await assumeRole(other, source, visited: visited + [other])
        }
        guard let found = try await ownCredentials(other, usesEnvironment: false) else {
            throw CredentialError("profile \(name) has source_profile \(other), which has no credentials")
        }
        return found
    }

    private func credentials(
        named source: String,
        for name: String
    ) async throws(CredentialError) -> ResolvedCredentials {
        let found: ResolvedCredentials?
        switch source {
        case "Environment": found = try CredentialChain(context, profile: nil).environment()
        case "EcsContainer": found = try await ContainerCredentials(context).resolve()
        case "Ec2InstanceMetadata":
            found = try await InstanceMetadata(context, profile: profiles.profile(name)).resolve()
        default:
            throw CredentialError(
                "profile \(name): credential_source is Environment, EcsContainer or Ec2InstanceMetadata"
            )
        }
        guard let found else {
            throw CredentialError("profile \(name): credential_source \(source) has no credentials")
        }
        return found
    }

    // MARK: What a profile has itself

    /// Web identity; keys in the credentials file; a program; keys in the config file. With `usesEnvironment` the
    /// environment's web identity counts before the profile's.
    func ownCredentials(_ name: String, usesEnvironment: Bool) async throws(CredentialError) -> ResolvedCredentials? {
        let profile = profiles.profile(name) ?? [:]
        if let found = try await webIdentity(name, profile, usesEnvironment) { return found }
        for member in ["sso_session", "sso_start_url", "login_session"] where profile[member] != nil {
            throw CredentialError(
                "profile \(name) has \(member): signing in is for people; let credential_process run "
                    + "`aws configure export-credentials --profile \(name)`, or use a role"
            )
        }
        if let found = try keys(name, profiles.credentials[name], in: profiles.credentialsPath) { return found }
        if let command = profile["credential_process"] {
            return try await ProcessCredentials(context).resolve(command, profile: name)
        }
        return try keys(name, profiles.config[name], in: profiles.configPath)
    }

    private func keys(
        _ name: String,
        _ section: [String: String]?,
        in path: String?
    ) throws(CredentialError) -> ResolvedCredentials? {
        guard let section, Self.hasKeys(section) else { return nil }
        guard let id = section["aws_access_key_id"], let secret = section["aws_secret_access_key"] else {
            throw CredentialError("profile \(name) in \(path ?? "") lacks aws_access_key_id or aws_secret_access_key")
        }
        return try ResolvedCredentials(
            id: id,
            secret: secret,
            token: section["aws_security_token"] ?? section["aws_session_token"],
            lifetime: .current,
            from: "profile \(name) in \(path ?? "")"
        )
    }

    private func webIdentity(
        _ name: String,
        _ profile: [String: String],
        _ usesEnvironment: Bool
    ) async throws(CredentialError) -> ResolvedCredentials? {
        func setting(_ variable: String, _ member: String) -> String? {
            (usesEnvironment ? context.variable(variable) : nil) ?? profile[member]
        }
        guard let file = setting("AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file") else { return nil }
        guard let arn = setting("AWS_ROLE_ARN", "role_arn") else {
            throw CredentialError("a web identity token file is named, but no role: set AWS_ROLE_ARN or role_arn")
        }
        var role = STSClient.Role(arn: arn, profile: "web identity")
        role.sessionName = setting("AWS_ROLE_SESSION_NAME", "role_session_name")
        return try await STSClient(context, profile: profile).assume(role, withTokenIn: context.path(file))
    }
}
