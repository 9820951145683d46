// SPDX-License-Identifier: Apache-2.0

/// The profiles of `~/.aws/credentials` and `~/.aws/config`, or of the files that the environment names.
struct SharedProfiles: Sendable {
    let credentialsPath: String?
    let configPath: String?
    /// Of the credentials file alone.
    let credentials: [String: [String: String]]
    /// Of the config file alone.
    let config: [String: [String: String]]

    init(_ context: CredentialContext) {
        func path(_ variable: String, _ name: String) -> String? {
            if let named = context.variable(variable) { return context.path(named) }
            return context.variable("HOME").map { "\($0)/.aws/\(name)" }
        }
        credentialsPath = path("AWS_SHARED_CREDENTIALS_FILE", "credentials")
        configPath = path("AWS_CONFIG_FILE", "config")
        credentials = Self.sections(credentialsPath)
        var config: [String: [String: String]] = [:]
        for (section, values) in Self.sections(configPath) {
            guard let profile = Self.profile(ofSection: section) else { continue }
            config[profile, default: [:]].merge(values) { $1 }
        }
        self.config = config
    }

    /// All that is said of a profile: what the credentials file says counts before the config file. Nil: nothing.
    func profile(_ name: String) -> [String: String]? {
        guard credentials[name] != nil || config[name] != nil else { return nil }
        return (config[name] ?? [:]).merging(credentials[name] ?? [:]) { $1 }
    }

    private static func sections(_ path: String?) -> [String: [String: String]] {
        guard let path, let bytes = SmallFile.read(path, limit: SharedCredentialsFile.maximumLength) else { return [:] }
        return SharedCredentialsFile(bytes).profiles
    }

    /// `[default]`, `[profile name]`, `[profile "two words"]`; other sections are no profiles.
    private static func profile(ofSection section: String) -> String? {
        if section == "default" { return section }
        guard section.hasPrefix("profile ") || section.hasPrefix("profile\t") else { return nil }
        var name = section.dropFirst("profile ".count).drop { $0 == " " || $0 == "\t" }
        for quote in ["\"", "'"] where name.count >= 2 && name.hasPrefix(quote) && name.hasSuffix(quote) {
            name = name.dropFirst().dropLast()
        }
        return name.isEmpty ? nil : String(name)
    }
}
