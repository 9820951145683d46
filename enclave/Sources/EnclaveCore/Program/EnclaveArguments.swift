// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
package import Transport

/// The command line of `keybroker-enclave`. Read by hand: nothing more than this belongs inside the boundary.
package struct EnclaveArguments: Sendable, Equatable {
    package enum Module: Sendable, Equatable {
        /// `/dev/nsm`
        case nsm
        /// The software module with its authority in a directory.
        case software(directory: String)
    }

    package enum Parsed: Sendable, Equatable {
        case run(EnclaveArguments)
        /// To standard output; exit code 0.
        case print(String)
        /// To standard error; exit code 2.
        case usage(String)
    }

    package var relay: Endpoint
    package var listen: Endpoint
    package var module: Module
    /// The configuration that the image carries; nil: the relay's.
    package var configurationFile: String?
    #if SoftwareModule
        /// Where unlocks are recorded, with their secrets; nil: nowhere. Not in builds without the software module.
        package var recordDirectory: String?
    #endif

    package init(relay: Endpoint, listen: Endpoint, module: Module, configurationFile: String? = nil) {
        self.relay = relay
        self.listen = listen
        self.module = module
        self.configurationFile = configurationFile
    }

    package static let help = usage + recordingHelp

    private static let usage = """
        Usage: keybroker-enclave --relay ENDPOINT --listen ENDPOINT --module nsm|software:DIR [--config FILE]

        Holds signing keys inside an enclave and serves them by the AWS KMS API.

          --relay ENDPOINT   the host's relay: configuration, keyring, KMS
          --listen ENDPOINT  where clients' requests come in
          --module MODULE    nsm: /dev/nsm; software:DIR: for laptops and tests, its authority in DIR
          --config FILE      a configuration that the image carries; else the relay gives one
          --help, --version

        Endpoints: tcp://HOST:PORT, unix:///PATH, vsock://CID:PORT; vsock://any:PORT to listen. The parent of a Nitro
        enclave has CID 3.

        """

    #if SoftwareModule
        private static let recordOption = "--record"
        private static let recordingHelp = """
              --record DIR       writes each try to unlock into a folder of its own in DIR, for `keybroker replay`;
                                 with the software module only.
                                 WARNING: A RECORDING CONTAINS ITS UNLOCK KEY. Whoever has one can open the TSK and
                                 every key of the keyring in it: record worthless keys only.

            """
        private static let options = ["--relay", "--listen", "--module", "--config", recordOption]
    #else
        private static let recordingHelp = ""
        private static let options = ["--relay", "--listen", "--module", "--config"]
    #endif

    /// Every argument is known, stands once and has its value.
    ///
    /// - Parameter arguments: Without the program's name.
    /// - Returns: What to do.
    package static func parse(_ arguments: [String]) -> Parsed {
        if arguments.contains("--help") { return .print(help) }
        if arguments.contains("--version") { return .print("keybroker-enclave \(productVersion)\n") }
        var values: [String: String] = [:]
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            guard options.contains(argument) else {
                return .usage("unknown argument \(argument): see --help")
            }
            guard let value = rest.popFirst(), !value.isEmpty else { return .usage("\(argument) needs a value") }
            guard values.updateValue(value, forKey: argument) == nil else {
                return .usage("\(argument) is there twice")
            }
        }
        guard let relay = values["--relay"] else { return .usage("--relay is missing: see --help") }
        guard let listen = values["--listen"] else { return .usage("--listen is missing: see --help") }
        guard let name = values["--module"] else { return .usage("--module is missing: see --help") }
        guard let module = Module(name) else { return .usage("--module is nsm or software:DIR") }
        do {
            var parsed = EnclaveArguments(
                relay: try Endpoint(relay),
                listen: try Endpoint(listen),
                module: module,
                configurationFile: values["--config"]
            )
            guard parsed.relay.isConnectable else {
                return .usage("--relay \(relay) names no one to connect to: an enclave's parent is vsock://3:PORT")
            }
            #if SoftwareModule
                parsed.recordDirectory = values[recordOption]
                guard parsed.recordDirectory == nil || module != .nsm else {
                    return .usage("--record is for the software module: a recording contains the unlock key")
                }
            #endif
            return .run(parsed)
        } catch {
            return .usage("\(error)")
        }
    }
}

extension EnclaveArguments.Module {
    fileprivate init?(_ text: String) {
        let prefix = "software:"
        if text == "nsm" {
            self = .nsm
        } else if text.hasPrefix(prefix), text.utf8.count > prefix.utf8.count {
            self = .software(directory: String(text.dropFirst(prefix.count)))
        } else {
            return nil
        }
    }
}
