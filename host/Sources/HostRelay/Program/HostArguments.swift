// SPDX-License-Identifier: Apache-2.0

/// The command line of `keybroker-host`.
package enum HostArguments: Equatable, Sendable {
    /// - Parameter launches: false: the enclave is started by another service.
    case run(configuration: String, launches: Bool)
    /// Only the enclave: no relay, no ingress.
    case launch(configuration: String)
    case check(configuration: String)
    /// To standard output; exit code 0.
    case print(String)
    /// To standard error; exit code 2.
    case usage(String)

    package static let help = """
        Usage: keybroker-host [check | launch] --config FILE [--no-launch]

        The untrusted half of a key broker: launches the enclave, moves bytes between it and its clients, and takes its
        requests to KMS. It holds no key and no credential of the broker; all it can do is refuse service.

          --config FILE   the configuration, JSON; every member is explained in host/README.md
          check           tests the configuration, the files and credentials that it names, and ends
          launch          only launches the enclave and keeps it running: for a service of its own, which may use
                          /dev/nitro_enclaves where the one that faces the network may not
          --no-launch     relay and ingress alone, beside such a service
          --help, --version

        A smallest configuration:

          {"format": 1,
           "enclave": {"executable": "/usr/libexec/keybroker-enclave", "module": "software:/var/lib/keybroker/module",
                       "endpoint": "unix:///run/keybroker/enclave.sock"},
           "relay": {"listen": "unix:///run/keybroker/relay.sock"},
           "ingress": {"listen": "tcp://127.0.0.1:4600"},
           "kms": {"endpoint": "https://kms.us-east-1.amazonaws.com", "region": "us-east-1", "operations": ["Decrypt"]},
           "configuration": "/etc/keybroker/enclave.json",
           "state": "/var/lib/keybroker/state"}

        Credentials for KMS are found as AWS SDKs find them: environment, profiles, web identity, container, instance
        metadata (version 2). One JSON line for each event goes to standard output. SIGTERM and SIGINT stop it cleanly.

        """

    /// Reads the arguments, without the program's name.
    package static func parse(_ arguments: [String]) -> HostArguments {
        if arguments.contains("--help") || arguments.contains("-h") { return .print(help) }
        if arguments.contains("--version") { return .print("keybroker-host \(hostVersion)\n") }
        var rest = arguments[...]
        let verb = rest.first.flatMap { ["check", "launch"].contains($0) ? $0 : nil }
        if verb != nil { rest = rest.dropFirst() }
        let launches = rest.last != "--no-launch"
        if !launches { rest = rest.dropLast() }
        guard rest.popFirst() == "--config" else {
            return .usage(
                rest.isEmpty && arguments.isEmpty ? "--config is missing: see --help" : "unknown arguments: see --help"
            )
        }
        guard let file = rest.popFirst(), !file.isEmpty else { return .usage("--config needs a file") }
        guard rest.isEmpty else { return .usage("too many arguments: see --help") }
        guard launches || verb == nil else { return .usage("--no-launch does not go with \(verb ?? "")") }
        return switch verb {
        case "check": .check(configuration: file)
        case "launch": .launch(configuration: file)
        default: .run(configuration: file, launches: launches)
        }
    }
}

/// The version of this product (Semantic Versioning 2.0.0).
package let hostVersion = "0.1.0"
