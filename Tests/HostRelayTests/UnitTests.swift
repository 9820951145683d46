// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import HostRelay
import TestSupport
import Testing
import Transport

/// The systemd units, and what installs them.
struct UnitTests {
    private static let folder = SharedData.repository.appendingPathComponent("host/systemd")
    private static let hasSystemd = FileManager.default.isExecutableFile(atPath: "/usr/bin/systemd-analyze")
    private static let hasPackaging = ["dpkg-deb", "objdump"].allSatisfy {
        FileManager.default.isExecutableFile(atPath: "/usr/bin/\($0)")
    }

    private static func unit(_ name: String) throws -> [(key: String, value: String)] {
        try String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8).split(separator: "\n")
            .filter { !$0.hasPrefix("#") }.compactMap { line in
                let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                return parts.count == 2 ? (String(parts[0]), String(parts[1])) : nil
            }
    }

    /// What the launcher has more than nothing, is said in docs/OPERATIONS.md.
    @Test(.enabled(if: hasSystemd, "needs systemd-analyze"), arguments: ["keybroker-host", "keybroker-enclave"])
    func `systemd finds little to object to: 1.5 at most`(name: String) async throws {
        let file = Self.folder.appendingPathComponent("\(name).service").path
        let report = try await Tool.succeed(
            "systemd-analyze",
            ["security", "--offline=yes", "--no-pager", "--threshold=15", file]
        )
        let overall = try #require(report.text.firstMatch(of: #/exposure level for [a-z.-]+: ([0-9.]+)/#))
        #expect(try #require(Double(overall.1)) <= 1.5)
        let page = try String(
            contentsOf: SharedData.repository.appendingPathComponent("docs/OPERATIONS.md"),
            encoding: .utf8
        )
        #expect(page.contains("| `\(name).service` | \(overall.1) |"))
    }

    @Test(.enabled(if: hasSystemd && hasPackaging, "needs systemd and dpkg-deb"))
    func `the package has the units where systemd finds them, as it wants them, and twice the same bytes`() async throws
    {
        let folder = try TemporaryDirectory()
        // Any programs: what is tested is where they go.
        for name in ["keybroker", "keybroker-host", "keybroker-enclave", "image/keybroker-enclave", "image/init"] {
            try FileManager.default.createDirectory(atPath: folder.file("image"), withIntermediateDirectories: true)
            try FileManager.default.copyItem(atPath: "/bin/true", toPath: folder.file(name))
        }
        try folder.write("image/inputs", "source\tdigest\n")
        try FileManager.default.createDirectory(
            atPath: folder.file("checkouts/swift-x"),
            withIntermediateDirectories: true
        )
        try folder.write("checkouts/swift-x/NOTICE.txt", "a notice")
        var packages: [Data] = []
        for output in ["one", "two"] {
            _ = try await Tool.succeed(
                SharedData.repository.appendingPathComponent("host/package/deb").path,
                [],
                environment: [
                    "BINARIES": folder.path, "IMAGE": folder.file("image"), "NOTICES": folder.file("checkouts"),
                    "OUTPUT": folder.file(output), "SOURCE_DATE_EPOCH": "1795000000",
                ]
            )
            let name = try #require(try FileManager.default.contentsOfDirectory(atPath: folder.file(output)).first)
            #expect(name.hasPrefix("keybroker_\(hostVersion)_"))
            packages.append(try Data(contentsOf: URL(fileURLWithPath: folder.file("\(output)/\(name)"))))
            _ = try await Tool.succeed("dpkg-deb", ["-x", folder.file("\(output)/\(name)"), folder.file("root")])
        }
        #expect(packages[0] == packages[1])
        // What is measured is as it was built; and what Debian asks of every package.
        for name in ["keybroker-enclave", "init", "inputs"] {
            #expect(try folder.bytes("root/usr/lib/keybroker/image/\(name)") == (try folder.bytes("image/\(name)")))
        }
        let pages = "root/usr/share/doc/keybroker"
        #expect(folder.read("\(pages)/copyright").contains("\nLicense: Apache-2.0\n"))
        #expect(folder.read("\(pages)/notices/swift-x.txt") == "a notice")
        #expect(FileManager.default.fileExists(atPath: folder.file("\(pages)/changelog.gz")))
        let package = try #require(FileManager.default.enumerator(atPath: folder.file("one"))?.nextObject() as? String)
        let depends = try await Tool.succeed("dpkg-deb", ["-f", folder.file("one/\(package)"), "Depends"]).text
        #expect(depends.contains(#/(^|, )libc6 \(>= 2\.[0-9]+\)(,|$)/#), "\(depends)")
        // Units that others bring, so that what is verified is ours.
        let units = folder.file("root/usr/lib/systemd/system")
        for name in ["network-online.target", "sockets.target", "multi-user.target", "basic.target", "sysinit.target"] {
            let source = "/usr/lib/systemd/system/\(name)"
            guard FileManager.default.fileExists(atPath: source) else { continue }
            try? FileManager.default.copyItem(atPath: source, toPath: "\(units)/\(name)")
        }
        for name in ["keybroker-host.service", "keybroker-host.socket", "keybroker-enclave.service"] {
            let text = try String(contentsOfFile: "\(units)/\(name)", encoding: .utf8)
            for match in text.matches(of: #/(?m)^ExecStart=(\S+)/#) {
                #expect(FileManager.default.isExecutableFile(atPath: folder.file("root\(match.1)")))
            }
            // Each directive is known, and each value is one.
            let verdict = try await Tool.run(
                "systemd-analyze",
                ["verify", "--man=no", "--root=\(folder.file("root"))", "\(units)/\(name)"],
                environment: ["SYSTEMD_LOG_LEVEL": "warning"]
            )
            for line in verdict.errors.split(separator: "\n") where line.contains("keybroker") {
                #expect(
                    !line.contains("Unknown") && !line.contains("Failed to parse") && !line.contains("Invalid"),
                    "\(line)"
                )
            }
        }
    }

    @Test func `the units start the program as it wants to be started`() throws {
        for (name, expected) in [
            ("keybroker-host.service", HostArguments.run(configuration: "/etc/keybroker/host.json", launches: false)),
            ("keybroker-enclave.service", .launch(configuration: "/etc/keybroker/host.json")),
        ] as [(String, HostArguments)] {
            let unit = try Self.unit(name)
            let start = try #require(unit.first { $0.key == "ExecStart" }).value.split(separator: " ").map(String.init)
            #expect(start.first == "/usr/bin/keybroker-host")
            #expect(HostArguments.parse(Array(start.dropFirst())) == expected)
            let wanted = [
                ("Type", "notify"), ("Restart", "always"), ("StartLimitIntervalSec", "0"), ("WatchdogSec", "20s"),
            ]
            for (key, value) in wanted {
                #expect(unit.contains { $0 == (key, value) }, "\(name) \(key)")
            }
        }
    }

    @Test func `the sample's addresses are those of the units`() throws {
        let bytes = try Data(contentsOf: SharedData.repository.appendingPathComponent("host/config/host.json"))
        let sample = try HostConfiguration([UInt8](bytes))
        let socket = try #require(try Self.unit("keybroker-host.socket").first { $0.key == "ListenStream" })
        #expect(sample.ingress.description == "tcp://\(socket.value)")
        let relay = try Self.unit("keybroker-host.service")
        let launcher = try Self.unit("keybroker-enclave.service")
        func directory(_ unit: [(key: String, value: String)], _ key: String) -> String? {
            unit.first { $0.key == key }?.value
        }
        #expect(sample.stateDirectory.hasPrefix("/var/lib/\(directory(relay, "StateDirectory") ?? "?")/"))
        #expect(sample.enclave.statusFile?.hasPrefix("/run/\(directory(launcher, "RuntimeDirectory") ?? "?")/") == true)
    }

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/usr/bin/systemd-sysusers"), "needs systemd"))
    func `the users are made as they are written down`() async throws {
        let root = try TemporaryDirectory()
        try FileManager.default.createDirectory(atPath: root.file("etc"), withIntermediateDirectories: true)
        _ = try await Tool.succeed(
            "systemd-sysusers",
            ["--root=\(root.path)", Self.folder.appendingPathComponent("keybroker.sysusers").path]
        )
        let users = root.read("etc/passwd")
        for name in ["keybroker", "keybroker-enclave"] {
            #expect(users.contains("\n\(name):") || users.hasPrefix("\(name):"), "\(users)")
        }
        #expect(root.read("etc/group").contains(#/(?m)^ne:x:[0-9]+:keybroker-enclave$/#))
    }
}
