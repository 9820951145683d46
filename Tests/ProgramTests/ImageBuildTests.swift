// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import TestSupport
import Testing

/// `keybroker image build`. Where it matters, of the program that was built beside the tests: it has the software module and
/// Swift's own libraries, which a release build has not, and is otherwise the same. The release build goes through
/// `make test-nitro`.
struct ImageBuildTests {
    private let folder: TemporaryDirectory

    init() async throws {
        folder = try TemporaryDirectory()
        try FileManager.default.copyItem(atPath: "/bin/cat", toPath: folder.file("keybroker-enclave"))
        let script = SharedData.repository.appendingPathComponent("enclave/image/make-init").path
        try await Tool.succeed(script, [folder.file("init")])
        try FileManager.default.createDirectory(atPath: folder.file("blobs"), withIntermediateDirectories: false)
        try folder.write("blobs/bzImage", "a kernel")
        try folder.write("blobs/bzImage.config", "# Linux/x86_64 6.6.38 Kernel Configuration\nCONFIG_DEVTMPFS=y\n")
        try folder.write("blobs/cmdline", "reboot=k panic=30\n")
        try folder.write("empty.c", "")
        try await Tool.succeed("cc", ["-c", folder.file("empty.c"), "-o", folder.file("blobs/nsm.ko")])
    }

    /// Puts the enclave's program in the place of a small one, without its debugging information as in a release.
    private func takeEnclave() async throws {
        try await Tool.succeed("strip", ["-o", folder.file("keybroker-enclave"), Programs.path("keybroker-enclave")])
    }

    private func build(_ arguments: String..., output: String = "image.eif") async throws -> Tool.Result {
        try await Programs.run(
            [
                "keybroker", "image", "build", "--blobs", folder.file("blobs"), "--binary",
                folder.file("keybroker-enclave"), "--allow-software-module", "-o", folder.file(output),
            ] + arguments
        )
    }

    /// Sections of the file and PCR0 to PCR2 from them, by the description of the format and nothing of this project.
    private static let reader = """
        import hashlib, json, struct, sys, zlib
        data = open(sys.argv[1], "rb").read()
        count = struct.unpack(">H", data[26:28])[0]
        offsets = struct.unpack(">32Q", data[28:284])[:count]
        assert data[:4] == b".eif" and zlib.crc32(data[548:], zlib.crc32(data[:544])) == struct.unpack(">I", data[544:548])[0]
        parts = {1: [], 2: [], 3: [], 5: []}
        for offset in offsets:
            kind, _, size = struct.unpack(">HHQ", data[offset:offset + 12])
            parts[kind].append(data[offset + 12:offset + 12 + size])
        def pcr(*contents):
            return hashlib.sha384(bytes(48) + hashlib.sha384(b"".join(contents)).digest()).hexdigest()
        boot, ramdisks = parts[1] + parts[2], parts[3]
        files = []
        for ramdisk in ramdisks:
            at = 0
            while True:
                size, length = (int(ramdisk[at + n:at + n + 8], 16) for n in (54, 94))
                name = ramdisk[at + 110:at + 109 + length].decode()
                at = (at + 110 + length + 3) & ~3
                if name == "TRAILER!!!":
                    break
                files.append([name, hashlib.sha384(ramdisk[at:at + size]).hexdigest() if size else ""])
                at = (at + size + 3) & ~3
        print(json.dumps({
            "PCR0": pcr(*boot, *ramdisks), "PCR1": pcr(*boot, ramdisks[0]), "PCR2": pcr(*ramdisks[1:]),
            "cmdline": parts[2][0].decode(), "metadata": json.loads(parts[5][0]), "files": files}))
        """

    private func read(_ image: String) async throws -> JSONObject {
        try folder.write("read.py", Self.reader)
        let output = try await Tool.succeed("python3", [folder.file("read.py"), folder.file(image)]).output
        return try #require(try JSON.parse(output).object)
    }

    @Test func `an installed command takes the program that was installed with it, with no sources near`() async throws
    {
        try FileManager.default.createDirectory(atPath: folder.file("programs"), withIntermediateDirectories: false)
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("programs/keybroker"),
            withDestinationPath: Programs.path("keybroker")
        )
        for name in ["keybroker-host", "keybroker-enclave"] {
            try FileManager.default.copyItem(atPath: "/bin/true", toPath: folder.file("programs/\(name)"))
        }
        try folder.write("inputs", "source x\t\(String(repeating: "ab", count: 48))\n")
        _ = try await Tool.succeed(
            SharedData.repository.appendingPathComponent("host/package/install").path,
            [],
            environment: [
                "BINARIES": folder.file("programs"), "IMAGE": folder.path, "DESTDIR": folder.file("root"),
                "PREFIX": "/opt",
            ]
        )
        let result = try await Tool.run(
            "env",
            [
                "--chdir=\(folder.path)", folder.file("root/opt/bin/keybroker"), "image", "build", "--json", "--blobs",
                folder.file("blobs"), "-o", folder.file("installed.eif"),
            ]
        )
        #expect(result.status == 0, "\(result.errors)")
        let report = try #require(try JSON.parse(result.output).object)
        #expect(report["inputs"]?.object?["source x"] != nil)
        #expect(try await build("--inputs", folder.file("inputs")).status == 0)
        #expect(try folder.bytes("installed.eif") == (try folder.bytes("image.eif")))
    }

    @Test func `measurements and contents are those of the file, read by other means`() async throws {
        let result = try await build("--json")
        #expect(result.status == 0, "\(result.errors)")
        #expect(try JSONSchema("image-build").faults(in: result.output) == [])
        let report = try #require(try JSON.parse(result.output).object)
        let image = try await read("image.eif")
        for name in ["PCR0", "PCR1", "PCR2"] {
            #expect(report["measurements"]?.object?[name] == image[name])
        }
        #expect(image["cmdline"] == "reboot=k panic=30")
        #expect(image["metadata"]?.object?["BuildMetadata"]?.object?["KernelVersion"] == "6.6.38")
        #expect(image["metadata"]?.object?["BuildMetadata"]?.object?["BuildTime"] == "1970-01-01T00:00:00Z")
        let contents = try #require(report["contents"]?.array).compactMap(\.object).map { entry -> JSON in
            [.string(String((entry["path"]?.string ?? "").dropFirst())), entry["sha384"] ?? ""]
        }
        #expect(image["files"]?.array == contents)
        let program = Array(try Data(contentsOf: URL(fileURLWithPath: folder.file("keybroker-enclave"))))
        let digest = try await Tool.succeed("openssl", ["dgst", "-sha384", "-r"], input: program).text.prefix(96)
        #expect(contents.contains([.string("usr/bin/keybroker-enclave"), .string(String(digest))]))
        #expect(report["inputs"]?.object?["program"]?.string == String(digest))
    }

    /// The table of enclave/README.md is of a release on Debian 12 with nitro-cli's kernel; a debug build has Swift's
    /// libraries beside.
    @Test func `what is in an image is what the enclave's page says, and no other`() async throws {
        try await takeEnclave()
        let configuration = SharedData.repository
            .appendingPathComponent("attestation-fixtures/unlocks/unlocked.later-version/configuration.json")
        let result = try await build("--config", configuration.path, "--json")
        let contents = try #require(try JSON.parse(result.output).object?["contents"]?.array).compactMap(\.object)
        let page = try String(
            contentsOf: SharedData.repository.appendingPathComponent("enclave/README.md"),
            encoding: .utf8
        )
        let section = try #require(
            page.components(separatedBy: "\n## ").first { $0.hasPrefix("What is in an image\n") }
        )
        let rows = section.matches(of: /\| ([01]) \| `([^`]+)`/)
        let documented = Set(rows.map { "\($0.1) \($0.2)" })
        let toolchain = contents.compactMap { $0["path"]?.string }.filter { $0.contains("/swift/") }
        let packed = contents.filter { $0["bytes"] != nil }
            .map { "\($0["ramdisk"]?.int64 ?? -1) \($0["path"]?.string ?? "")" }
        #expect(!toolchain.isEmpty && documented.count == rows.count)
        #expect(Set(packed).subtracting(toolchain.map { "1 \($0)" }) == documented)
        // The image for a container engine has the files of the second ramdisk, but for the configuration.
        let docker = try String(
            contentsOf: SharedData.repository.appendingPathComponent("enclave/image/Dockerfile"),
            encoding: .utf8
        )
        let copied = docker.matches(of: /COPY --from=build \S+ (\S+)/).map { "1 \($0.1)" }
        #expect(Set(copied) == documented.filter { $0.hasPrefix("1 ") && !$0.contains("/etc/") })
    }

    @Test func `the same files give the same image, whichever folder they are in`() async throws {
        #expect(try await build().status == 0)
        let other = try TemporaryDirectory()
        for name in ["keybroker-enclave", "init", "blobs"] {
            try FileManager.default.copyItem(atPath: folder.file(name), toPath: other.file(name))
        }
        let again = try await Programs.run(
            [
                "keybroker", "image", "build", "--blobs", other.file("blobs"), "--binary",
                other.file("keybroker-enclave"), "--allow-software-module", "-o", other.file("image.eif"),
            ]
        )
        #expect(again.status == 0, "\(again.errors)")
        #expect(try folder.bytes("image.eif") == other.bytes("image.eif"))
    }

    @Test func `a record of the inputs names the one that changed`() async throws {
        try folder.write("inputs", "source Keyring\t00\ntoolchain clang\t01\n")
        let record = folder.file("measurements.json")
        #expect(try await build("--record", record).status == 0)
        #expect(try JSONSchema("measurement-record").faults(in: try folder.bytes("measurements.json")) == [])
        let same = try await build("--check", record)
        #expect(same.status == 0)
        #expect(same.text.contains("the same inputs, the same measurements"))

        try folder.write("inputs", "source Keyring\t02\ntoolchain clang\t01\n")
        try folder.write("blobs/cmdline", "reboot=k panic=31\n")
        let changed = try await build("--check", record, "--json")
        #expect(changed.status == 1)
        #expect(try JSONSchema("image-build").faults(in: changed.output) == [])
        #expect(
            try JSON.parse(changed.output).object?["check"]
                == ["result": "inputs-changed", "differing": ["kernel command line", "source Keyring"]]
        )
    }

    /// What the record says of the sources: each module inside the boundary, and no other.
    @Test func `the recorded measurements name every module of the enclave among their inputs`() throws {
        let repository = SharedData.repository
        let record = try Data(contentsOf: repository.appendingPathComponent("enclave/image/measurements.json"))
        #expect(try JSONSchema("measurement-record").faults(in: [UInt8](record)) == [])
        let inputs = try #require(try JSON.parse([UInt8](record)).object?["inputs"]?.object).members.map(\.name)
        let recorded = inputs.filter { $0.hasPrefix("source ") }.map { $0.dropFirst("source ".count) }
        let page = try String(contentsOf: repository.appendingPathComponent("enclave/README.md"), encoding: .utf8)
        let sections = page.components(separatedBy: "\n## ")
            .filter { $0.hasPrefix("Modules of this folder\n") || $0.hasPrefix("Neutral modules that it uses\n") }
        let rows = sections.flatMap { $0.split(separator: "\n") }.filter { $0.hasPrefix("| `") }
        let modules = rows.flatMap { $0.split(separator: "|")[0].matches(of: /`([^`]+)`/).map { String($0.1) } }
        // The program's module has an underscore in its name, and the init is not Swift.
        let expected = Set(modules).subtracting(["SoftwareModule", "keybroker-enclave"])
        #expect(Set(recorded.map(String.init)) == expected.union(["keybroker_enclave", "init"]))
        for name in [
            "kernel", "kernel command line", "init", "program", "toolchain swift-frontend", "toolchain libraries",
        ] {
            #expect(inputs.contains(name))
        }
    }

    @Test func `a program with the software module is refused`() async throws {
        try await takeEnclave()
        let result = try await Programs.run(
            [
                "keybroker", "image", "build", "--blobs", folder.file("blobs"), "--binary",
                folder.file("keybroker-enclave"), "-o", folder.file("image.eif"),
            ]
        )
        #expect(result.status == 1)
        #expect(result.errors.contains("has the software security module"))
        #expect(!folder.names.contains("image.eif"))
    }

    @Test func `a kernel that Nitro cannot start makes an image for tests, and it is said`() async throws {
        let result = try await build()
        #expect(result.status == 0)
        #expect(result.errors.contains("this image is for tests"))
        #expect(result.errors.contains("CONFIG_VIRTIO_MMIO_CMDLINE_DEVICES"))
    }

    @Test func `the init is static, and does nothing but as the first process`() async throws {
        let needed = try await Tool.succeed("readelf", ["--dynamic", "--program-headers", folder.file("init")]).text
        #expect(!needed.contains("NEEDED") && !needed.contains("INTERP"))
        let started = try await Tool.run(folder.file("init"), [])
        #expect(started.status == 2)
        #expect(started.errors.contains("first process"))
    }

    @Test(arguments: [("--init", "keybroker-enclave", "is not static"), ("--config", "blobs/bzImage", "not JSON")])
    func `a file that does not fit is refused, with the reason`(option: String, file: String, reason: String)
        async throws
    {
        let result = try await build(option, folder.file(file))
        #expect(result.status == 1)
        #expect(result.errors.contains(reason), "\(result.errors)")
    }
}
