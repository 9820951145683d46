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
         "kms": {"endpoint": "http://127.0.0.1:4599", "region": "us-east-1", "operations": ["Decrypt"], "profile": null},
         "configuration": "/x/enclave.json",
         "state": "/x/state"}
        """#

    private func parse(_ text: String) throws -> HostConfiguration { try HostConfiguration(Array(text.utf8)) }

    @Test func `reads every member`() throws {
        let configuration = try parse(Self.valid)
        #expect(configuration.enclave.executable == "/x/enclave")
        #expect(configuration.enclave.module == "software:/x/module")
        #expect(configuration.enclave.endpoint == .unix(path: "/x/enclave.sock"))
        #expect(configuration.relay == .unix(path: "/x/relay.sock"))
        #expect(configuration.ingress == .tcp(host: "127.0.0.1", port: 4600))
        #expect(configuration.ingressLimits == IngressLimits(connections: 300, connectionsPerAddress: 7))
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
        #expect(try parse(text).enclave.executable == nil)
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
        for name in ["enclave", "relay", "ingress"] {
            let nested = try #require(properties[name]?.object?["properties"]?.object)
            #expect(nested.members.map(\.name).sorted() == valid[name]?.object?.members.map(\.name).sorted())
        }
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
        #expect(RelayContract.keyringVersion == RelayHeader.keyringVersion)
        #expect(RelayContract.target == RelayHeader.target)
        #expect(hostVersion == productVersion)
    }
}

struct HostArgumentsTests {
    @Test func `reads what to do`() {
        #expect(HostArguments.parse(["--config", "/f"]) == .run(configuration: "/f"))
        #expect(HostArguments.parse(["check", "--config", "/f"]) == .check(configuration: "/f"))
        #expect(HostArguments.parse(["--version"]) == .print("keybroker-host \(hostVersion)\n"))
        #expect(HostArguments.parse(["--config", "/f", "--help"]) == .print(HostArguments.help))
    }

    @Test(arguments: [
        [], ["--config"], ["--config", ""], ["--config", "/f", "x"], ["run"], ["check"], ["--confg", "/f"],
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
