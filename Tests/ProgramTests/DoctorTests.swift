// SPDX-License-Identifier: Apache-2.0

import EnclaveImage
import Encoding
import Foundation
import TestSupport
import Testing

/// `keybroker doctor` on a machine that a test makes up: files under a folder of its own, links to /dev/null for devices.
struct DoctorTests {
    private let folder: TemporaryDirectory
    private let pcr0: String

    init() throws {
        folder = try TemporaryDirectory()
        let image = EnclaveImage(
            architecture: Self.architecture,
            kernel: [UInt8](repeating: 7, count: 3 << 20),
            commandLine: "quiet",
            ramdisks: [Array("boot".utf8), Array("application".utf8)],
            metadata: ImageMetadata(
                imageName: "broker",
                imageVersion: "1",
                buildTime: "2026-11-21T09:20:00Z",
                buildTool: "keybroker",
                buildToolVersion: "1",
                operatingSystem: "Linux",
                kernelVersion: "6.12.0",
                dockerInfo: Array("{}".utf8),
                custom: Array("{}".utf8)
            )
        )
        pcr0 = Hex.encode(image.measurements.pcr0)
        try put("/usr/share/keybroker/keybroker.eif", image.serialized())
        let device = "/dev/null"
        for link in ["/dev/nitro_enclaves", "/dev/vsock"] { try self.link(link, to: device) }
        try put("/etc/nitro_enclaves/allocator.yaml", "---\n# comment\nmemory_mib: 512\ncpu_count: 2\n")
        try put("/sys/module/nitro_enclaves/parameters/ne_cpus", "1,3\n")
        try put("/sys/devices/system/node/node0/hugepages/hugepages-2048kB/nr_hugepages", "0\n")
        try put("/sys/devices/system/node/node0/hugepages/hugepages-1048576kB/nr_hugepages", "1\n")
        for name in ["bzImage", "Image", "cmdline", "init", "nsm.ko"] {
            try put("/usr/share/nitro_enclaves/blobs/\(name)", "x")
        }
        try put("/usr/bin/nitro-cli", "#!/bin/sh\n", mode: 0o755)
        let configuration = SharedData.repository
            .appendingPathComponent("attestation-fixtures/unlocks/debug-mode.pcr0-zero/configuration.json")
        try put("/etc/keybroker/enclave.json", [UInt8](try Data(contentsOf: configuration)))
        let sample = SharedData.repository.appendingPathComponent("host/config/host.json")
        try put("/etc/keybroker/host.json", [UInt8](try Data(contentsOf: sample)))
    }

    private static var architecture: EnclaveImage.Architecture {
        #if arch(arm64)
            .aarch64
        #else
            .x86_64
        #endif
    }

    private func put(_ path: String, _ text: String, mode: Int = 0o644) throws {
        try put(path, Array(text.utf8), mode: mode)
    }

    private func put(_ path: String, _ bytes: [UInt8], mode: Int = 0o644) throws {
        let file = URL(fileURLWithPath: folder.path + path)
        let manager = FileManager.default
        try manager.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: file)
        try manager.setAttributes([.posixPermissions: mode], ofItemAtPath: file.path)
    }

    private func link(_ path: String, to target: String) throws {
        let file = URL(fileURLWithPath: folder.path + path)
        let manager = FileManager.default
        try manager.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try manager.createSymbolicLink(atPath: file.path, withDestinationPath: target)
    }

    private func remove(_ path: String) { try? FileManager.default.removeItem(atPath: folder.path + path) }

    private func edit(_ path: String, _ old: String, _ new: String) throws {
        let text = String(decoding: try Data(contentsOf: URL(fileURLWithPath: folder.path + path)), as: UTF8.self)
        let edited = text.replacing(old, with: new)
        #expect(edited != text, "\(path) has no \(old)")
        try put(path, edited)
    }

    struct Finding {
        let check: String
        let status: String
        let message: String
        let mend: String
    }

    static func findings(_ result: Tool.Result) throws -> [Finding] {
        #expect(try JSONSchema("doctor-output").faults(in: result.output) == [])
        let object = try #require(try JSON.parse(result.output).object)
        let findings = try #require(object["findings"]?.array)
        let failed = findings.contains { $0.object?["status"]?.string == "failed" }
        #expect(result.status == (failed ? 1 : 0) && object["ok"]?.bool == !failed, "\(result.errors)")
        return findings.compactMap(\.object).map { finding in
            Finding(
                check: finding["check"]?.string ?? "",
                status: finding["status"]?.string ?? "",
                message: finding["message"]?.string ?? "",
                mend: finding["mend"]?.string ?? ""
            )
        }
    }

    private func examine(_ arguments: [String] = []) async throws -> [Finding] {
        let result = try await Programs.run(
            ["keybroker", "doctor", "--system-root", folder.path, "--offline", "--json"] + arguments
        )
        return try Self.findings(result)
    }

    /// Runs it on a machine with one fault; the findings that failed.
    private func failures(_ arguments: [String] = []) async throws -> [Finding] {
        try await examine(arguments).filter { $0.status == "failed" }
    }

    @Test func `a machine that has everything has nothing to mend`() async throws {
        let findings = try await examine()
        #expect(findings.filter { $0.status == "failed" || $0.status == "warning" }.map(\.message) == [])
        #expect(
            findings.filter { $0.status == "ok" }.map(\.check)
                == [
                    "host", "configuration", "image", "nitro-cli", "devices", "allocator", "memory", "cpus", "blobs",
                ]
        )
        #expect(findings.contains { $0.check == "image" && $0.message.hasSuffix("PCR0 \(pcr0)") })
    }

    @Test func `each fault is found by its name, with its mend`() async throws {
        let node = "/sys/devices/system/node/node0/hugepages"
        let allocator = "/etc/nitro_enclaves/allocator.yaml"
        let host = "/etc/keybroker/host.json"
        let faults: [(check: String, says: String, mend: String, change: (DoctorTests) throws -> Void)] = [
            ("nitro-cli", "No such file", "dnf install", { $0.remove("/usr/bin/nitro-cli") }),
            ("devices", "/dev/nitro_enclaves", "--enclave-options", { $0.remove("/dev/nitro_enclaves") }),
            ("devices", "/dev/vsock", "modprobe", { $0.remove("/dev/vsock") }),
            ("allocator", "cannot be read", "memory_mib: 512", { $0.remove(allocator) }),
            (
                "allocator", "line 3: memory is not known", "correct it",
                { try $0.edit(allocator, "memory_mib", "memory") }
            ),
            ("allocator", "no line ---", "correct it", { try $0.edit(allocator, "---\n", "") }),
            (
                "allocator", "both cpu_count and cpu_pool", "",
                { try $0.edit(allocator, "cpu_count", "cpu_pool: 1\ncpu_count") }
            ),
            ("memory", "reserves 256", "memory_mib: 512", { try $0.edit(allocator, "512", "256") }),
            (
                "memory", "0 MiB of huge pages", "nitro-enclaves-allocator",
                {
                    try $0.put("\(node)/hugepages-1048576kB/nr_hugepages", "0\n")
                }
            ),
            ("memory", "four times its size", "memoryMiB", { try $0.edit(host, "512", "8") }),
            ("cpus", "reserves 2", "cpu_count: 4", { try $0.edit(host, #""cpuCount": 2"#, #""cpuCount": 4"#) }),
            (
                "cpus", "0 are reserved", "nitro-enclaves-allocator",
                {
                    try $0.put("/sys/module/nitro_enclaves/parameters/ne_cpus", "\n")
                }
            ),
            (
                "cpus", "CPU 5, which is not reserved", "",
                { try $0.edit(host, #""cpuCount": 2"#, #""cpuIds": [3, 5]"#) }
            ),
            ("image", "keybroker.eif", "keybroker image build", { $0.remove("/usr/share/keybroker/keybroker.eif") }),
            (
                "configuration", "not in eu-west-1", "kms.region",
                {
                    try $0.edit(host, #""region": "us-east-1""#, #""region": "eu-west-1""#)
                }
            ),
            ("enclave", "debug is true", "false", { try $0.edit(host, #""debug": false"#, #""debug": true"#) }),
            (
                "enclave", "E27", "journalctl",
                {
                    try $0.put(
                        "/run/keybroker-enclave/status.json",
                        #"{"format":1,"state":"down","reason":"E27","starts":0,"since":"2026-11-21T09:20:00Z"}"#
                    )
                }
            ),
        ]
        for fault in faults {
            let machine = try DoctorTests()
            try fault.change(machine)
            let failures = try await machine.failures()
            #expect(failures.map(\.check) == [fault.check], "\(fault.says): \(failures)")
            #expect(failures.first?.message.contains(fault.says) == true, "\(failures)")
            #expect(failures.first.map { fault.mend.isEmpty || $0.mend.contains(fault.mend) } == true, "\(failures)")
        }
    }

    @Test func `a laptop is not asked for what nitro-cli needs`() async throws {
        let sample = SharedData.repository.appendingPathComponent("host/config/host-development.json")
        try put("/etc/keybroker/host.json", [UInt8](try Data(contentsOf: sample)))
        for path in ["/dev/nitro_enclaves", "/usr/bin/nitro-cli", "/etc/nitro_enclaves"] { remove(path) }
        #expect(try await failures().map(\.check) == [])
    }

    @Test func `for people it is a line for each finding, with its mend below`() async throws {
        remove("/dev/nitro_enclaves")
        let result = try await Programs.run(["keybroker", "doctor", "--system-root", folder.path, "--offline"])
        #expect(result.status == 1)
        let lines = result.text.split(separator: "\n")
        let index = try #require(lines.firstIndex { $0.hasPrefix("FAILED   devices") })
        #expect(lines[index + 1].contains("→ ") && result.errors.isEmpty)
    }

    @Test func `the key's policy is held to this image and this configuration`() async throws {
        let configuration = folder.path + "/etc/keybroker/enclave.json"
        let role = "arn:aws:iam::000000000000:role/keybroker-host"
        func policy(_ pcr0: String) async throws -> String {
            let output = try await Programs.run(
                ["keybroker", "policy", "key", "--config", configuration, "--pcr0", pcr0, "--role", role]
            )
            #expect(output.status == 0, "\(output.errors)")
            return try folder.write("policy.json", output.text)
        }
        let right = try await examine(["--policy", try await policy(pcr0), "--role", role])
        #expect(right.filter { $0.check == "key-policy" }.map(\.status) == ["ok"], "\(right)")

        let image = try await examine(
            ["--policy", try await policy(String(repeating: "2a", count: 48)), "--role", role]
        ).filter { $0.check == "key-policy" }
        #expect(image.count > 1 && image.allSatisfy { $0.status == "failed" }, "\(image)")
        #expect(image.contains { $0.message.contains("PCR0") && $0.message.contains(pcr0) })

        // A register that no file tells is asked for; one that is told otherwise fails.
        let pinned = try await Programs.run(
            [
                "keybroker", "policy", "key", "--config", configuration, "--pcr0", pcr0, "--role", role, "--pcr",
                "3=\(pcr0)",
            ]
        )
        let parent = ["--policy", try folder.write("pinned.json", pinned.text), "--role", role]
        for (more, status) in [([], "failed"), (["--pcr", "3=\(pcr0)"], "ok")] {
            let findings = try await examine(parent + more).filter { $0.check == "key-policy" }
            #expect(findings.allSatisfy { $0.status == status } && !findings.isEmpty, "\(findings)")
            #expect(status == "ok" || findings.contains { $0.message.contains("PCR3") })
        }

        _ = try await policy(pcr0)
        try put(
            "/etc/keybroker/enclave.json",
            [UInt8](try Data(contentsOf: URL(fileURLWithPath: configuration))) + [0x0A]
        )
        let changed = try await examine(["--policy", folder.file("policy.json"), "--role", role])
        #expect(changed.contains { $0.check == "key-policy" && $0.status == "failed" && $0.message.contains("PCR16") })

        let open =
            #"{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "kms:*", "Resource": "*"}}"#
        let unattested = try await examine(["--policy", try folder.write("open.json", open), "--role", role])
        #expect(unattested.filter { $0.check == "key-policy" }.map(\.status) == ["ok", "warning"], "\(unattested)")
    }
}

/// The same against a running installation and its development KMS.
struct DoctorOfBrokerTests {
    @Test func `credentials, KMS and its key's policy are looked at by one request`() async throws {
        let broker = try await RunningBroker()
        func examine(_ environment: [String: String], _ more: [String] = []) async throws -> [DoctorTests.Finding] {
            let arguments = ["keybroker", "doctor", "--host", broker.folder.file("host.json"), "--json"] + more
            return try DoctorTests.findings(try await Programs.run(arguments, environment: environment))
        }
        let image = ["--binary", Programs.path("keybroker-enclave"), "--role", RunningBroker.hostRole]
        func status(_ findings: [DoctorTests.Finding], _ check: String) -> String? {
            findings.first { $0.check == check }?.status
        }

        let asHost = try await examine(["AWS_SHARED_CREDENTIALS_FILE": broker.folder.file("host-credentials")], image)
        #expect(status(asHost, "credentials") == "ok" && status(asHost, "kms") == "ok")
        // The host's role may decrypt, and nothing else.
        #expect(asHost.contains { $0.check == "kms" && $0.message.contains("may not read the key's policy") })
        #expect(status(asHost, "key-policy") == "skipped")

        let asAdministrator = try await examine(RunningBroker.administrator, image)
        #expect(asAdministrator.filter { $0.check == "key-policy" }.map(\.status) == ["ok"], "\(asAdministrator)")

        let other = ["--pcr", "0=\(String(repeating: "2a", count: 48))", "--role", RunningBroker.hostRole]
        #expect(status(try await examine(RunningBroker.administrator, other), "key-policy") == "failed")

        let stranger = ["AWS_ACCESS_KEY_ID": "AKIDSTRANGER", "AWS_SECRET_ACCESS_KEY": "s"]
        let refused = try await examine(stranger, image)
        #expect(refused.contains { $0.check == "kms" && $0.status == "failed" && $0.mend.contains("credentials") })

        let none = ["AWS_EC2_METADATA_DISABLED": "true", "HOME": broker.folder.path]
        let without = try await examine(none, image)
        #expect(status(without, "credentials") == "failed" && status(without, "kms") == "skipped")
    }

    @Test(arguments: [(-400, "failed"), (-90, "warning"), (0, "ok"), (90, "warning"), (4000, "failed")])
    func `the clock is held to KMS's`(seconds: Int, status: String) async throws {
        let folder = try TemporaryDirectory()
        let fixture = SharedData.repository
            .appendingPathComponent("attestation-fixtures/unlocks/debug-mode.pcr0-zero/configuration.json").path
        // A KMS that knows the time, and nobody's access key.
        let script = """
            import http.server, email.utils, time
            class Handler(http.server.BaseHTTPRequestHandler):
                def do_POST(self):
                    body = b'{"__type":"AccessDeniedException","Message":"no"}'
                    self.send_response_only(400)
                    self.send_header('Date', email.utils.formatdate(time.time() + (\(seconds)), usegmt=True))
                    self.send_header('Content-Length', str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
            server = http.server.HTTPServer(('127.0.0.1', 0), Handler)
            print('port', server.server_port, flush=True)
            server.serve_forever()
            """
        let server = try Programs.start(["python3", "-c", script], log: folder.file("log"))
        defer { server.terminate() }
        var port = ""
        for _ in 0..<500 where port.isEmpty {
            port = folder.read("log").firstMatch(of: /port ([0-9]+)\n/).map { String($0.1) } ?? ""
            try await Task.sleep(for: .milliseconds(20))
        }
        let host = try folder.write(
            "host.json",
            #"{"enclave": {}, "kms": {"endpoint": "http://127.0.0.1:\#(port)", "region": "us-east-1"}}"#
        )
        let result = try await Programs.run(
            ["keybroker", "doctor", "--host", host, "--config", fixture, "--json"],
            environment: RunningBroker.administrator
        )
        let findings = try DoctorTests.findings(result)
        #expect(findings.first { $0.check == "clock" }?.status == status, "\(result.text) \(result.errors)")
    }
}
