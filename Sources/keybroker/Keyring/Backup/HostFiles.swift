// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Encoding

/// Where a host keeps its sealed keyrings and the broker's configuration, as flags.
struct HostFilesOptions: ParsableArguments {
    @Option(
        name: .customLong("host"),
        help: ArgumentHelp(
            "The host's own configuration (host.json): it names the state folder and the configuration.",
            valueName: "FILE"
        )
    )
    var hostFile: String?

    @Option(help: ArgumentHelp("The host's state folder.", valueName: "FOLDER"))
    var state: String?

    struct Paths: Sendable {
        let state: String
        let configuration: String
    }

    /// Both paths: those of the host's configuration, or named one by one; nil if neither is named.
    func paths(configuration: String?) throws(CommandFailure) -> Paths? {
        guard let hostFile else {
            guard let state else { return nil }
            guard let configuration else { throw .usage("--state goes with --config, the broker's configuration") }
            return Paths(state: state, configuration: configuration)
        }
        guard state == nil, configuration == nil else {
            throw .usage("--host names the state folder and the configuration: leave --state and --config out")
        }
        let host: JSONObject?
        do { host = try JSON.parse(try InputFile.read(hostFile)).object } catch let failure as CommandFailure {
            throw failure
        } catch { throw .usage("\(hostFile): not JSON") }
        guard let state = host?["state"]?.string, let configuration = host?["configuration"]?.string else {
            throw .usage("\(hostFile): not a host's configuration: no state and configuration in it")
        }
        return Paths(state: state, configuration: configuration)
    }
}
