// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Encoding
import Foundation
import HostRelay
import TestSupport
import Testing
import Transport

struct HostConfigurationTests {
    private static let valid = #"""
        {"format": 1,
         "enclave": {"executable": "/x/enclave", "module": "software:/x/module", "endpoint": "unix:///x/enclave.sock"},
         "relay": {"listen": "unix:///x/relay.sock"},
         "ingress": {"listen": "tcp://127.0.0.1:4600", "maximumConnections": 300, "maximumConnectionsPerAddress": 7},
         "admin": {"listen": "tcp://127.0.0.1:4601"},
         "kms": {"endpoint": "http://127.0.0.1:4599", "region": "us-east-1", "operations": ["Decrypt"], "profile": null},
         "configuration": "/x/enclave.json",
         "state": "/x/state"}
        """#

    private func parse(_ text: String) throws -> HostConfiguration { try HostConfiguration(Array(text.utf8)) }

    @Test func `reads every member`() throws {
        let configuration = try parse(Self.valid)
        #expect(configuration.enclave.launch == .process)
        #expect(configuration.enclave.executable == "/x/enclave")
        #expect(configuration.enclave.module == "software:/x/module")
        #expect(configuration.enclave.endpoint == .unix(path: "/x/enclave.sock"))
        #expect(configuration.relay == .unix(path: "/x/relay.sock"))
        #expect(configuration.ingress == .tcp(host: "127.0.0.1", port: 4600))
        #expect(configuration.ingressLimits == IngressLimits(connections: 300, connectionsPerAddress: 7))
        #expect(configuration.admin == .tcp(host: "127.0.0.1", port: 4601))
        #expect(configuration.kms.endpoint == "http://127.0.0.1:4599")
        #expect(configuration.kms.region == "us-east-1")
        #expect(configuration.kms.operations == ["Decrypt"])
        #expect(configuration.kms.profile == nil)
        #expect(configuration.configurationFile == "/x/enclave.json")
        #expect(configuration.stateDirectory == "/x/state")
    }

    @Test func `an enclave that something else starts has only an endpoint`() throws {
        let text = Self.valid.replacingOccurrences(
            of: #""executable": "/x/enclave", "module": "software:/x/module", "#,
            with: ""
        )
        #expect(try parse(text).enclave.launch == .none)
    }

    private static let nitro = #"""
        {"launch": "nitro", "endpoint": "vsock://16:7001", "statusFile": "/run/x/enclave.json",
         "nitro": {"image": "/x/broker.eif", "memoryMiB": 1024, "cpuCount": 2, "name": "b-1", "debug": false,
                   "cli": "/opt/nitro-cli"},
         "liveness": {"seconds": 30}}
        """#

    /// The valid configuration with this `enclave`.
    private func withEnclave(_ json: String) -> String {
        let enclave =
            #"{"executable": "/x/enclave", "module": "software:/x/module", "endpoint": "unix:///x/enclave.sock"}"#
        return Self.valid.replacingOccurrences(of: enclave, with: json)
    }

    @Test func `reads what nitro-cli is told`() throws {
        let enclave = try parse(withEnclave(Self.nitro)).enclave
        #expect(enclave.launch == .nitro && enclave.executable == nil && enclave.statusFile == "/run/x/enclave.json")
        #expect(
            enclave.nitro
                == .init(image: "/x/broker.eif", memoryMiB: 1024, cpus: .count(2), name: "b-1", cli: "/opt/nitro-cli")
        )
        let short = #"{"endpoint": "vsock://16:7001", "nitro": {"image": "/x", "memoryMiB": 1, "cpuIds": [3, 7]}}"#
        let other = try parse(withEnclave(short)).enclave
        #expect(other.launch == .nitro)
        #expect(other.nitro?.cpus == .ids([3, 7]) && other.nitro?.isDebug == false && other.nitro?.name == "keybroker")
    }

    @Test func `says how long an enclave may say nothing, a minute if nothing is said`() throws {
        #expect(try parse(Self.valid).enclave.liveness == .init(silence: .seconds(60), boot: .seconds(300)))
        let given = #"{"endpoint": "unix:///x/e", "liveness": {"seconds": 0, "bootSeconds": 7}}"#
        #expect(try parse(withEnclave(given)).enclave.liveness == .init(silence: .zero, boot: .seconds(7)))
        for (wrong, path) in [
            (#"{"seconds": -1}"#, "enclave.liveness.seconds"), (#"{"bootSeconds": 0}"#, "enclave.liveness.bootSeconds"),
            (#"{"second": 1}"#, "enclave.liveness.second"), ("60", "enclave.liveness"),
        ] {
            let error = #expect(throws: HostConfigurationError.self) {
                try parse(withEnclave(#"{"endpoint": "unix:///x/e", "liveness": \#(wrong)}"#))
            }
            #expect(error?.description.contains(path) == true, "\(error?.description ?? "")")
        }
    }

    @Test func `an enclave that could be launched is not when it says none`() throws {
        let text = Self.nitro.replacingOccurrences(of: #""launch": "nitro""#, with: #""launch": "none""#)
        #expect(try parse(withEnclave(text)).enclave.launch == .none)
    }

    @Test(arguments: [
        (#""nitro", "endpoint""#, #""xen", "endpoint""#, "enclave.launch"),
        (#""nitro", "endpoint""#, #""process", "endpoint""#, "enclave.executable"),
        (#""launch": "nitro", "#, #""executable": "/x", "module": "nsm", "#, "enclave.launch"),
        (#"vsock://16:7001"#, "tcp://127.0.0.1:7001", "enclave.endpoint"),
        (#"vsock://16:7001"#, "vsock://3:7001", "enclave.endpoint"),
        (
            #""endpoint": "vsock://16:7001", "statusFile": "/run/x/enclave.json""#, #""endpoint": "vsock://any:7001""#,
            "enclave.endpoint"
        ),
        ("/run/x/enclave.json", "enclave.json", "enclave.statusFile"),
        ("/x/broker.eif", "broker.eif", "enclave.nitro.image"),
        ("1024", "0", "enclave.nitro.memoryMiB"),
        (#""cpuCount": 2, "#, "", "enclave.nitro.cpuCount"),
        (#""cpuCount": 2"#, #""cpuCount": 2, "cpuIds": [1]"#, "enclave.nitro.cpuCount"),
        (#""cpuCount": 2"#, #""cpuIds": [1, 1]"#, "enclave.nitro.cpuIds"),
        (#""cpuCount": 2"#, #""cpuIds": []"#, "enclave.nitro.cpuIds"),
        (#""b-1""#, #""b 1""#, "enclave.nitro.name"),
        (#""debug": false"#, #""debug": 0"#, "enclave.nitro.debug"),
        (#""debug": false"#, #""attachConsole": true"#, "enclave.nitro.attachConsole"),
        ("/opt/nitro-cli", "nitro-cli", "enclave.nitro.cli"),
    ])
    func `one wrong member of a launch is an error that names it`(part: String, wrong: String, path: String) throws {
        let enclave = Self.nitro.replacingOccurrences(of: part, with: wrong)
        #expect(enclave != Self.nitro)
        let error = #expect(throws: HostConfigurationError.self) { try parse(withEnclave(enclave)) }
        #expect(error?.description.hasPrefix("\(path): ") == true, "\(error?.description ?? "")")
    }

    @Test(arguments: [
        (#""format": 1"#, #""format": 2"#, "format"),
        (#""format": 1"#, #""format": 1, "formats": 1"#, "formats"),
        (#""format": 1,"#, "", "format"),
        (#""module": "software:/x/module", "#, "", "enclave.module"),
        (#""module": "software:/x/module""#, #""module": "software:relative""#, "enclave.module"),
        (#""executable": "/x/enclave""#, #""executable": "enclave""#, "enclave.executable"),
        (#""endpoint": "unix:///x/enclave.sock""#, #""endpoint": "vsock://any:7001""#, "enclave.endpoint"),
        (#""endpoint": "unix:///x/enclave.sock""#, #""endpoint": "x""#, "enclave.endpoint"),
        (#"{"listen": "unix:///x/relay.sock"}"#, #"{"listen": "unix:///x/relay.sock", "tls": true}"#, "relay.tls"),
        (#"{"listen": "unix:///x/relay.sock"}"#, #""unix:///x/relay.sock""#, "relay"),
        (#""http://127.0.0.1:4599""#, #""127.0.0.1:4599""#, "kms.endpoint"),
        (#""us-east-1""#, #""us east 1""#, "kms.region"),
        (#"["Decrypt"]"#, "[]", "kms.operations"),
        (#"["Decrypt"]"#, #"["TrentService.Decrypt"]"#, "kms.operations"),
        (#"["Decrypt"]"#, #"["*"]"#, "kms.operations"),
        (#""profile": null"#, #""profile": 1"#, "kms.profile"),
        (#""profile": null"#, #""secret": "x""#, "kms.secret"),
        (#""profile": null"#, #""certificateAuthorityFile": "x""#, "kms.certificateAuthorityFile"),
        (#""state": "/x/state""#, #""state": "state""#, "state"),
    ])
    func `one wrong member is an error that names it`(part: String, wrong: String, path: String) throws {
        let text = Self.valid.replacingOccurrences(of: part, with: wrong)
        #expect(text != Self.valid)
        let error = #expect(throws: HostConfigurationError.self) { try parse(text) }
        #expect(error?.description.hasPrefix("\(path): ") == true, "\(error?.description ?? "")")
    }

    @Test(arguments: ["", "{", "[]", "{} {}", #"{"format": 1, "format": 1}"#])
    func `what is not one JSON object is an error`(text: String) {
        #expect(throws: HostConfigurationError.self) { try parse(text) }
    }

    @Test func `the samples are valid, and the schema names the same members`() throws {
        let root = SharedData.repository
        for name in ["host.json", "host-development.json"] {
            _ = try HostConfiguration([UInt8](try Data(contentsOf: root.appendingPathComponent("host/config/\(name)"))))
        }
        let schema = try JSON.parse(
            [UInt8](try Data(contentsOf: root.appendingPathComponent("docs/reference/host-configuration.schema.json")))
        )
        let properties = try #require(schema.object?["properties"]?.object)
        let valid = try #require(try JSON.parse(Array(Self.valid.utf8)).object)
        #expect(properties.members.map(\.name).sorted() == valid.members.map(\.name).sorted())
        for name in ["relay", "ingress", "admin"] {
            let nested = try #require(properties[name]?.object?["properties"]?.object)
            #expect(nested.members.map(\.name).sorted() == valid[name]?.object?.members.map(\.name).sorted())
        }
        let enclave = try #require(properties["enclave"]?.object?["properties"]?.object)
        let launched = try #require(try JSON.parse(Array(Self.nitro.utf8)).object)
        #expect(
            enclave.members.map(\.name).sorted()
                == Set(launched.members.map(\.name) + ["executable", "module"]).sorted()
        )
        let nitro = try #require(enclave["nitro"]?.object?["properties"]?.object)
        #expect(
            nitro.members.map(\.name).sorted()
                == ((launched["nitro"]?.object?.members.map(\.name) ?? []) + ["cpuIds"]).sorted()
        )
        let kms = try #require(properties["kms"]?.object?["properties"]?.object)
        #expect(
            kms.members.map(\.name).sorted()
                == ["certificateAuthorityFile", "endpoint", "operations", "profile", "region"]
        )
    }

    @Test func `host and enclave agree on paths, headers and version`() {
        #expect(RelayContract.configuration == RelayPath.configuration)
        #expect(RelayContract.keyring == RelayPath.keyring)
        #expect(RelayContract.kms == RelayPath.kms)
        #expect(RelayContract.log == RelayPath.log)
        #expect(RelayContract.metrics == RelayPath.metrics)
        #expect(RelayLimits.metricsOperations == EnclaveReportLimits.operations)
        #expect(RelayLimits.metricsOutcomes == EnclaveReportLimits.outcomes)
        #expect(RelayLimits.metricsBuckets == EnclaveReportLimits.buckets)
        #expect(RelayLimits.metricsCount == EnclaveReportLimits.maximumCount)
        #expect(RelayContract.keyringVersion == RelayHeader.keyringVersion)
        #expect(RelayContract.target == RelayHeader.target)
        #expect(hostVersion == productVersion)
    }
}

struct HostArgumentsTests {
    @Test func `reads what to do`() {
        #expect(HostArguments.parse(["--config", "/f"]) == .run(configuration: "/f", launches: true))
        #expect(HostArguments.parse(["--config", "/f", "--no-launch"]) == .run(configuration: "/f", launches: false))
        #expect(HostArguments.parse(["launch", "--config", "/f"]) == .launch(configuration: "/f"))
        #expect(HostArguments.parse(["check", "--config", "/f"]) == .check(configuration: "/f"))
        #expect(HostArguments.parse(["--version"]) == .print("keybroker-host \(hostVersion)\n"))
        #expect(HostArguments.parse(["--config", "/f", "--help"]) == .print(HostArguments.help))
    }

    @Test(arguments: [
        [], ["--config"], ["--config", ""], ["--config", "/f", "x"], ["run"], ["check"], ["--confg", "/f"],
        ["launch"], ["launch", "--config", "/f", "--no-launch"], ["--no-launch"], ["--no-launch", "--config", "/f"],
    ])
    func `anything else is usage`(arguments: [String]) {
        guard case .usage = HostArguments.parse(arguments) else {
            Issue.record("\(arguments) was taken")
            return
        }
    }

    @Test func `the example in the help is a valid configuration`() throws {
        let lines = HostArguments.help.split(separator: "\n", omittingEmptySubsequences: false)
        let first = try #require(lines.firstIndex { $0.contains("{\"format\"") })
        let last = try #require(lines.firstIndex { $0.hasSuffix("}") && $0.contains("\"state\"") })
        _ = try HostConfiguration(Array(lines[first...last].joined(separator: "\n").utf8))
    }
}
