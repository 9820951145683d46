// SPDX-License-Identifier: Apache-2.0

package import Encoding
import Glibc

/// What the search for credentials has of the world: variables, clock, network.
package struct CredentialContext: Sendable {
    /// Environment variables. An empty one counts as absent.
    package var variables: [String: String]
    /// For STS where nothing else names one: that of the key.
    package var region: String?
    package var clock: @Sendable () -> Timestamp
    package var sleep: @Sendable (Duration) async -> Void
    /// For STS.
    var web: WebTransport
    /// For endpoints of this machine, which answer at once or not at all.
    var metadata: WebTransport
    /// `http://169.254.170.2`; another in tests.
    package var containerOrigin: String

    package init(
        variables: [String: String] = CredentialContext.processEnvironment(),
        region: String? = nil,
        clock: @escaping @Sendable () -> Timestamp,
        sleep: @escaping @Sendable (Duration) async -> Void = { try? await Task.sleep(for: $0) },
        containerOrigin: String = ContainerCredentials.origin
    ) {
        self.variables = variables
        self.region = region
        self.clock = clock
        self.sleep = sleep
        self.containerOrigin = containerOrigin
        web = WebTransport(maximumResponseLength: Self.maximumAnswer)
        let seconds = variables["AWS_METADATA_SERVICE_TIMEOUT"].flatMap { Int($0) } ?? Self.metadataTimeout
        metadata = WebTransport(
            timeoutSeconds: min(max(seconds, 1), 60),
            maximumResponseLength: Self.maximumAnswer
        )
    }

    /// Bytes of an answer: session tokens have a few thousand.
    private static let maximumAnswer = 128 * 1024
    /// Seconds: ContainerMetadataFetcher of botocore has 2, its metadata service 1.
    private static let metadataTimeout = 2

    func variable(_ name: String) -> String? { variables[name].flatMap { $0.isEmpty ? nil : $0 } }

    /// `~/` at the beginning is the home directory.
    func path(_ text: String) -> String {
        guard text.hasPrefix("~/"), let home = variable("HOME") else { return text }
        return home + text.dropFirst()
    }

    /// All variables of this process.
    package static func processEnvironment() -> [String: String] {
        var variables: [String: String] = [:]
        var entry = unsafe environ
        while let text = unsafe entry.pointee {
            let line = unsafe String(cString: text)
            if let equals = line.firstIndex(of: "=") {
                variables[String(line[..<equals])] = String(line[line.index(after: equals)...])
            }
            unsafe entry += 1
        }
        return variables
    }

    /// The delay after `failures` failures in a row (1 and up): full jitter below a bound that doubles from one second to
    /// twenty (AWS SDKs and Tools Reference Guide, standard retry mode).
    package static func retryDelay(after failures: Int, using generator: inout some RandomNumberGenerator) -> Duration {
        let bound = min(Duration.seconds(1 << min(max(failures - 1, 0), 5)), .seconds(20))
        return bound * Double.random(in: 0...1, using: &generator)
    }

    /// Tries `attempt` up to three times, with a delay in between, for as long as it says that it is worth it.
    func retrying<Value: Sendable>(
        _ attempt: () async throws(RetryableError) -> Value
    ) async throws(CredentialError) -> Value {
        var generator = SystemRandomNumberGenerator()
        var failures = 0
        while true {
            do {
                return try await attempt()
            } catch {
                failures += 1
                guard error.isTransient, failures < Self.attempts else { throw error.error }
                await sleep(Self.retryDelay(after: failures, using: &generator))
            }
        }
    }

    /// As AWS SDKs do by default.
    private static let attempts = 3
}

/// An error, and whether it may be gone in a second.
struct RetryableError: Error {
    let error: CredentialError
    let isTransient: Bool

    init(_ description: String, isTransient: Bool) {
        error = CredentialError(description)
        self.isTransient = isTransient
    }
}
