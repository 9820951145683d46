// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Foundation
import Glibc
import NitroAttestation
import SecurityModule
import SoftwareModule
import TestSupport
import Testing

struct `Directory of the software module` {
    private static func open(_ path: String) throws -> SecurityModule {
        SecurityModule(
            try SoftwareModule(directory: path, measurements: Fixture.measurements, clock: { ManualClock.start })
        )
    }

    private static func mode(_ path: String) throws -> mode_t {
        var status = stat()
        try #require(unsafe lstat(path, &status) == 0, "\(path)")
        return status.st_mode
    }

    @Test func `is made for its user only, with the directories above`() throws {
        let directory = try TemporaryDirectory()
        let path = directory.url.appendingPathComponent("a/b").path
        _ = try Self.open(path)
        #expect(try Self.mode(path) == S_IFDIR | 0o700)
        #expect(try Self.mode("\(directory.url.path)/a") == S_IFDIR | 0o700)
        #expect(try Self.mode("\(path)/root-key.pem") == S_IFREG | 0o600)
        #expect(try Self.mode("\(path)/root.pem") == S_IFREG | 0o644)
        // No temporary file is left over.
        #expect(try FileManager.default.contentsOfDirectory(atPath: path).sorted() == ["root-key.pem", "root.pem"])
    }

    @Test func `openssl reads what is in it`() async throws {
        let fixture = try Fixture()
        let path = fixture.directory.url.path
        let fromKey = try await Tool.run("openssl", ["pkey", "-in", "\(path)/root-key.pem", "-pubout"])
        let fromRoot = try await Tool.run("openssl", ["x509", "-in", "\(path)/root.pem", "-noout", "-pubkey"])
        #expect(fromKey.status == 0 && fromRoot.status == 0)
        #expect(fromKey.output == fromRoot.output)
        #expect(fromKey.text.hasPrefix("-----BEGIN PUBLIC KEY-----"))
    }

    @Test func `keeps its root from one opening to the next`() throws {
        let fixture = try Fixture()
        let before = try fixture.rootPEM
        let again = try Fixture(directory: fixture.directory)
        #expect(try again.rootPEM == before)
        let document = try again.module.attest(userData: nil, nonce: nil, publicKey: nil)
        #expect(try verdict(document, fixture.policy(), at: fixture.clock.now) == "accepted")
    }

    @Test func `many that open a new one at once get the same root`() async throws {
        for _ in 0..<5 {
            let directory = try TemporaryDirectory()
            let path = directory.url.appendingPathComponent("new").path
            let modules = try await withThrowingTaskGroup(of: SecurityModule.self) { group in
                for _ in 0..<8 { group.addTask { try Self.open(path) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            let pem = try String(contentsOfFile: "\(path)/root.pem", encoding: .utf8)
            let policy = VerificationPolicy(roots: try TrustAnchors(pem: pem))
            for module in modules {
                let document = try module.attest(userData: nil, nonce: nil, publicKey: nil)
                #expect(try verdict(document, policy, at: ManualClock.start) == "accepted")
            }
            #expect(try FileManager.default.contentsOfDirectory(atPath: path).count == 2)
        }
    }

    @Test func `a root certificate that is missing is written again`() throws {
        let fixture = try Fixture()
        let before = try fixture.rootPEM
        try FileManager.default.removeItem(at: fixture.directory.url.appendingPathComponent("root.pem"))
        #expect(try Fixture(directory: fixture.directory).rootPEM == before)
    }

    @Test func `a root certificate that is another's is an error`() throws {
        let fixture = try Fixture()
        try Fixture().rootPEM.write(
            to: fixture.directory.url.appendingPathComponent("root.pem"),
            atomically: true,
            encoding: .utf8
        )
        #expect(throws: SoftwareModuleError.self) { try Fixture(directory: fixture.directory) }
    }

    @Test(arguments: [0o640, 0o604, 0o660, 0o644] as [mode_t])
    func `a key that others can read is an error`(mode: mode_t) throws {
        let fixture = try Fixture()
        #expect(unsafe chmod("\(fixture.directory.url.path)/root-key.pem", mode) == 0)
        #expect(throws: SoftwareModuleError.self) { try Fixture(directory: fixture.directory) }
    }

    @Test func `a key behind a link is an error`() throws {
        let fixture = try Fixture()
        let key = fixture.directory.url.appendingPathComponent("root-key.pem")
        let elsewhere = fixture.directory.url.appendingPathComponent("elsewhere.pem")
        try FileManager.default.moveItem(at: key, to: elsewhere)
        try FileManager.default.createSymbolicLink(at: key, withDestinationURL: elsewhere)
        #expect(throws: SoftwareModuleError.self) { try Fixture(directory: fixture.directory) }
    }

    @Test func `a damaged key file is an error, and is left as it is`() throws {
        let fixture = try Fixture()
        let url = fixture.directory.url.appendingPathComponent("root-key.pem")
        let whole = try Data(contentsOf: url)
        let second = try Fixture()
        let other = try Data(contentsOf: second.directory.url.appendingPathComponent("root-key.pem"))
        let text = String(decoding: whole, as: UTF8.self)
        let otherCertificate = String(decoding: other, as: UTF8.self).split(separator: "-----END PRIVATE KEY-----\n")[1]
        let damaged = [
            Data(), whole.prefix(whole.count / 2), Data([0xff, 0xfe]), whole + Data(repeating: 0x20, count: 20_000),
            Data(
                (text.split(separator: "-----END PRIVATE KEY-----\n")[0] + "-----END PRIVATE KEY-----\n"
                    + otherCertificate).utf8
            ),
        ]
        for contents in damaged {
            let handle = try FileHandle(forWritingTo: url)
            try handle.truncate(atOffset: 0)
            try handle.write(contentsOf: contents)
            try handle.close()
            #expect(throws: SoftwareModuleError.self) { try Fixture(directory: fixture.directory) }
            #expect(try Data(contentsOf: url) == contents)
        }
    }

    @Test func `a directory that everyone can write to is an error`() throws {
        let directory = try TemporaryDirectory()
        #expect(unsafe chmod(directory.url.path, 0o777) == 0)
        #expect(throws: SoftwareModuleError.self) { try Self.open(directory.url.path) }
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.url.path).isEmpty)
    }

    @Test func `a file in the directory's place is an error`() throws {
        let directory = try TemporaryDirectory()
        let file = try directory.write([1], as: "module").path
        #expect(throws: SoftwareModuleError.self) { try Self.open(file) }
    }

    @Test(arguments: ["", "/dev/null/module", "/proc/self/module"])
    func `a directory that cannot be made is an error`(path: String) {
        #expect(throws: SoftwareModuleError.self) { try Self.open(path) }
    }
}
