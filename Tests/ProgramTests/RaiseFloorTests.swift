// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import TestSupport
import Testing

/// `keybroker keyring raise-floor`: one number changes, and with it PCR16.
struct RaiseFloorTests {
    /// PCR16 by Python's hashlib: SHA-384 of the configuration, extended into 48 zero bytes.
    private func pcr16(_ file: String) async throws -> String {
        let script =
            "import hashlib,sys; s=lambda b: hashlib.sha384(b).digest(); "
            + "print(s(bytes(48)+s(open(sys.argv[1],'rb').read())).hex())"
        return String(try await Programs.run(["python3", "-c", script, file]).text.prefix(96))
    }

    private func raise(_ host: BackupFolder, _ arguments: String...) async throws -> Tool.Result {
        try await host.run(["raise-floor", "--config", host.configuration, "-o", host.file("new.json")] + arguments)
    }

    @Test func `every byte but the number stays, and both values of PCR16 are said`() async throws {
        let host = try await BackupFolder()
        // As an operator may have written it, with a decoy that is not the member.
        var text = String(decoding: try RunningBroker.bytes(host.configuration), as: UTF8.self)
        text = text.replacing(/"encryptionContext": ?{}/, with: #""encryptionContext":{"minimumKeyringVersion":"1"}"#)
        text = text.replacing(/"minimumKeyringVersion": ?1\b/, with: "\"minimumKeyringVersion\"\n :\t1  ")
        #expect(text.contains(#"{"minimumKeyringVersion":"1"}"#))
        try RunningBroker.write(Array(text.utf8), host.configuration)

        let result = try await raise(host, "--to", "12", "--json")
        #expect(result.status == 0, "\(result.errors)")
        let new = String(decoding: try RunningBroker.bytes(host.file("new.json")), as: UTF8.self)
        #expect(new == text.replacing("\n :\t1  ", with: "\n :\t12  "))
        let report = try #require(try JSON.parse(result.output).object)
        #expect(report["previousPcr16"]?.string == (try await pcr16(host.configuration)))
        #expect(report["pcr16"]?.string == (try await pcr16(host.file("new.json"))))
        #expect(report["minimumKeyringVersion"] == 12)
    }

    @Test func `the KMS key's policy is not forgotten`() async throws {
        let host = try await BackupFolder()
        let result = try await raise(host, "--to", "2")
        #expect(result.text.contains("The KMS key's policy must name the new PCR16"))
    }

    @Test func `a floor never falls, nor stays`() async throws {
        let host = try await BackupFolder()
        #expect(try await raise(host, "--to", "5").status == 0)
        for floor in ["5", "4", "0"] {
            let result = try await host.run([
                "raise-floor", "--config", host.file("new.json"), "-o", host.file("newer.json"), "--to", floor,
            ])
            #expect(result.status == 1)
            #expect(result.errors.contains("the floor is 5 already"))
        }
        #expect(!FileManager.default.fileExists(atPath: host.file("newer.json")))
    }

    @Test func `without a number the enclave is asked, and it must be a known one`() async throws {
        let host = try await BackupFolder()
        let result = try await raise(host)
        #expect(result.status == 2)
        #expect(result.errors.contains("PCR0 and PCR16 together"))
        #expect(!FileManager.default.fileExists(atPath: host.file("new.json")))
    }
}
