// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Encoding
import Glibc
import KeyringFiles
import Transport

/// What `keybroker-host check` looks at. Nothing is started; credentials are asked for where the service would ask.
enum HostCheck {
    /// Each finding: what, and nil if it is right or else what is wrong.
    static func findings(_ configuration: HostConfiguration) async -> [(subject: String, problem: String?)] {
        var findings: [(subject: String, problem: String?)] = []
        if configuration.enclave.launch == .process, let executable = configuration.enclave.executable {
            findings.append((subject: "enclave.executable", problem: unusable(executable, X_OK)))
        }
        if configuration.enclave.launch == .nitro, let nitro = configuration.enclave.nitro {
            findings.append((subject: "enclave.nitro.image", problem: unusable(nitro.image, R_OK)))
            findings.append((subject: "enclave.nitro.cli", problem: unusable(nitro.cli, X_OK)))
        }
        if let file = configuration.enclave.statusFile {
            let folder = file.split(separator: "/").dropLast().map { "/\($0)" }.joined()
            findings.append((subject: "enclave.statusFile", problem: unusable(folder.isEmpty ? "/" : folder, X_OK)))
        }
        findings.append(
            (subject: "configuration", problem: problem(ofEnclaveConfiguration: configuration.configurationFile))
        )
        findings.append((subject: "state", problem: problem(ofState: configuration.stateDirectory)))
        findings += addresses(configuration)
        findings.append((subject: "ingress.maximumConnections", problem: problem(of: configuration.ingressLimits)))
        if let file = configuration.kms.certificateAuthorityFile {
            findings.append((subject: "kms.certificateAuthorityFile", problem: unusable(file, R_OK)))
        }
        do {
            _ = try await CredentialChain.credentials(
                profile: configuration.kms.profile,
                region: configuration.kms.region,
                clock: wallClock
            )
            findings.append((subject: "credentials", problem: nil))
        } catch {
            findings.append((subject: "credentials", problem: error.description))
        }
        return findings
    }

    /// What is listened on. An address in use is right: it may be this host, or its socket unit.
    private static func addresses(_ configuration: HostConfiguration) -> [(subject: String, problem: String?)] {
        var listeners = [("relay.listen", configuration.relay), ("ingress.listen", configuration.ingress)]
        if let admin = configuration.admin { listeners.append(("admin.listen", admin)) }
        var findings: [(subject: String, problem: String?)] = []
        var seen: [(String, Endpoint)] = []
        for (subject, endpoint) in listeners {
            var problem = ListeningAddress.problem(of: endpoint)
            if let other = seen.first(where: { $0.1 == endpoint }) { problem = "is the address of \(other.0) too" }
            if problem == nil, endpoint == configuration.enclave.endpoint {
                problem = "is the address of enclave.endpoint too"
            }
            seen.append((subject, endpoint))
            findings.append((subject: subject, problem: problem))
        }
        return findings
    }

    /// Descriptors beside clients' and the enclave's connections: files, the relay, KMS, the log.
    private static let otherDescriptors = 128

    private static func problem(of limits: IngressLimits) -> String? {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        let needed = limits.connections + limits.enclaveConnections + otherDescriptors
        // What a host that starts takes (`OpenFiles`).
        guard limit.rlim_max < rlim_t(needed) else { return nil }
        return "\(limits.connections) connections need \(needed) open files, and there may be \(limit.rlim_max): "
            + "raise LimitNOFILE (ulimit -H -n)"
    }

    private static func unusable(_ path: String, _ mode: CInt) -> String? {
        guard unsafe access(path, mode) != 0 else { return nil }
        return DurableFile.Failure(call: path, code: errno).description
    }

    private static func problem(ofEnclaveConfiguration path: String) -> String? {
        do throws(DurableFile.Failure) {
            guard let bytes = try DurableFile.read(path, limit: RelayLimits.configurationLength) else {
                return "\(path) does not exist"
            }
            guard case .object = try? JSON.parse(bytes) else { return "\(path) is not a JSON object" }
            return nil
        } catch {
            return error.description
        }
    }

    /// An existing one is opened; one to be made needs its parent.
    private static func problem(ofState path: String) -> String? {
        if unsafe access(path, F_OK) == 0 {
            guard let problem = unusable(path, R_OK | W_OK | X_OK) else {
                return (try? DurableFile.names(in: path)) == nil ? "\(path) is not a directory" : nil
            }
            return problem
        }
        let parent = path.split(separator: "/").dropLast().map { "/\($0)" }.joined()
        return unusable(parent.isEmpty ? "/" : parent, W_OK | X_OK)
    }
}
