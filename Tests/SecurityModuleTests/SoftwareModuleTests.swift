// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import NitroAttestation
import SecurityModule
import SoftwareModule
import TestSupport
import Testing

struct `Software module` {
    private static func refusal(_ code: String) -> [UInt8] { map(("Error", text(code))) }

    // MARK: Bytes

    @Test func `answers in the bytes of the NSM`() throws {
        let transport = try Fixture().transport
        let extended = Hash.digest(.sha384, zeros48, [1, 2, 3])
        let exchanges: [(request: [UInt8], response: [UInt8])] = [
            (
                map(("DescribePCR", map(("index", [0])))),
                map(("DescribePCR", map(("lock", [0xf5]), ("data", bytes(Fixture.measurements.pcr0)))))
            ),
            (
                map(("DescribePCR", map(("index", [16])))),
                map(("DescribePCR", map(("lock", [0xf4]), ("data", bytes(zeros48)))))
            ),
            (
                map(("ExtendPCR", map(("index", [16]), ("data", [0x43, 1, 2, 3])))),
                map(("ExtendPCR", map(("data", bytes(extended)))))
            ),
            (map(("LockPCR", map(("index", [16])))), text("LockPCR")),
            (map(("LockPCRs", map(("range", [20])))), text("LockPCRs")),
            (
                map(("DescribePCR", map(("index", [16])))),
                map(("DescribePCR", map(("lock", [0xf5]), ("data", bytes(extended)))))
            ),
        ]
        for (request, response) in exchanges { #expect(try transport.exchange(request) == response) }
    }

    @Test func `describes itself in the bytes of the NSM`() throws {
        let fixture = try Fixture()
        let id = try fixture.module.describe().moduleID
        let locked: [UInt8] = [0x90] + (0..<16)
        #expect(
            try fixture.transport.exchange(text("DescribeNSM"))
                == map(
                    (
                        "DescribeNSM",
                        map(
                            ("version_major", [1]),
                            ("version_minor", [0]),
                            ("version_patch", [0]),
                            ("module_id", [0x78, UInt8(id.utf8.count)] + id.utf8),
                            ("max_pcrs", [0x18, 32]),
                            ("locked_pcrs", locked),
                            ("digest", text("SHA384"))
                        )
                    )
                )
        )
    }

    @Test func `random bytes and documents come in the bytes of the NSM`() throws {
        let transport = try Fixture().transport
        let random = try transport.exchange(text("GetRandom"))
        #expect(random.count == 22 + 256)
        #expect(random.starts(with: [0xa1] + text("GetRandom") + [0xa1] + text("random") + [0x59, 1, 0]))
        let document = try transport.exchange(map(("Attestation", map())))
        #expect(document.starts(with: [0xa1] + text("Attestation") + [0xa1] + text("document") + [0x59]))
        #expect(document.count < SecurityModule.maximumResponseLength)
    }

    @Test(arguments: [
        [], [0xff], null, [0], text("getrandom"), text("Attestation"), text("DescribePCR"), map(),
        map(("GetRandom", null)),
        map(("GetRandom", map())), map(("Unknown", map())), map(("DescribePCR", null)), map(("DescribePCR", map())),
        map(("DescribePCR", map(("index", text("0"))))), map(("DescribePCR", map(("index", [0x20])))),
        map(("DescribePCR", map(("index", [0x1a, 0, 1, 0, 0])))), map(("DescribePCR", map(("index", [0])))) + [0],
        map(("DescribePCR", map(("index", [0]))), ("LockPCR", map(("index", [16])))),
        map(("DescribePCR", map(("index", [0]), ("index", [1])))), map(("ExtendPCR", map(("index", [16])))),
        map(("ExtendPCR", map(("index", [16]), ("data", null)))), map(("ExtendPCR", map(("data", [0x41, 1])))),
        map(("ExtendPCR", map(("index", [16]), ("data", [0x81, 1])))), map(("LockPCR", map(("range", [16])))),
        map(("LockPCRs", map(("index", [16])))), map(("Attestation", map(("nonce", [1])))),
        map(("Attestation", map(("user_data", text("abc"))))), map(("Attestation", map(("public_key", map())))),
        [UInt8](map(("DescribePCR", map(("index", [0])))).dropLast()),
    ])
    func `what is not a request is an invalid operation`(request: [UInt8]) throws {
        #expect(try Fixture().transport.exchange(request) == Self.refusal("InvalidOperation"))
    }

    @Test func `unknown fields are skipped, as the NSM does`() throws {
        let transport = try Fixture().transport
        let known = try transport.exchange(map(("DescribePCR", map(("index", [16])))))
        #expect(try transport.exchange(map(("DescribePCR", map(("more", [1]), ("index", [16]))))) == known)
    }

    @Test func `a request above 4096 bytes is too large`() throws {
        let transport = try Fixture().transport
        func extend(_ count: Int) -> [UInt8] {
            map(("ExtendPCR", map(("index", [16]), ("data", bytes([UInt8](repeating: 0, count: count))))))
        }
        #expect(extend(4069).count == 4096)
        #expect(try transport.exchange(extend(4069)).starts(with: [0xa1] + text("ExtendPCR")))
        #expect(try transport.exchange(extend(4070)) == Self.refusal("InputTooLarge"))
    }

    @Test func `damaged requests get an answer, and nothing else happens`() throws {
        let transport = try Fixture().transport
        let requests = [
            text("DescribeNSM"), text("GetRandom"), map(("DescribePCR", map(("index", [0x18, 31])))),
            map(("ExtendPCR", map(("index", [5]), ("data", [0x43, 1, 2, 3])))),
            map(("Attestation", map(("user_data", null), ("nonce", [0x41, 1]), ("public_key", null)))),
        ]
        var generator = SplitMix64(seed: 3)
        for _ in 0..<3000 {
            var request = requests.randomElement(using: &generator) ?? []
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                request[Int.random(in: 0..<request.count, using: &generator)] =
                    UInt8.random(in: 0...255, using: &generator)
            }
            let response = try transport.exchange(request)
            #expect(response.first == 0xa1 || response.first == 0x67 || response.first == 0x68)
        }
        #expect(try SecurityModule(transport).describePCR(5).value == zeros48)
    }

    // MARK: PCRs

    @Test func `PCRs 0 to 15 are locked, 16 to 31 are the enclave's`() throws {
        let module = try Fixture().module
        let description = try module.describe()
        #expect(description.maximumPCRs == 32)
        #expect(description.lockedPCRs == [UInt64](0..<16))
        for index in 0..<32 {
            let (isLocked, value) = try module.describePCR(index)
            #expect(isLocked == (index < 16))
            #expect((value == zeros48) == (index > 4))
        }
    }

    @Test func `PCR3 and PCR4 are one extension with the role and the instance id`() throws {
        let module = try Fixture().module
        let role = [UInt8]("arn:aws:iam::000000000000:role/software-module".utf8)
        let instance = try #require(try module.describe().moduleID.components(before: "-enc"))
        #expect(try module.describePCR(3).value == Hash.digest(.sha384, zeros48, role))
        #expect(try module.describePCR(4).value == Hash.digest(.sha384, zeros48, [UInt8](instance.utf8)))
    }

    @Test func `extending chains SHA-384 over data that is not hashed before`() throws {
        let module = try Fixture().module
        let first = Hash.digest(.sha384, zeros48, [1])
        #expect(try module.extendPCR(31, with: [1]) == first)
        #expect(try module.extendPCR(31, with: []) == Hash.digest(.sha384, first))
        #expect(try module.describePCR(31).value == Hash.digest(.sha384, first))
    }

    @Test(arguments: 0..<16)
    func `a locked PCR is read-only`(index: Int) throws {
        let module = try Fixture().module
        let before = try module.describePCR(index).value
        #expect(throws: SecurityModuleError.module(.readOnlyIndex)) { try module.extendPCR(index, with: [1]) }
        #expect(throws: SecurityModuleError.module(.readOnlyIndex)) { try module.lockPCR(index) }
        #expect(try module.describePCR(index).value == before)
    }

    @Test func `a PCR that the enclave locked is read-only`() throws {
        let module = try Fixture().module
        let value = try module.extendPCR(16, with: [1])
        try module.lockPCR(16)
        #expect(throws: SecurityModuleError.module(.readOnlyIndex)) { try module.extendPCR(16, with: [1]) }
        #expect(throws: SecurityModuleError.module(.readOnlyIndex)) { try module.lockPCR(16) }
        #expect(try module.describePCR(16).value == value)
    }

    @Test(arguments: [32, 33, 255, 65535])
    func `there is no PCR above 31`(index: Int) throws {
        let module = try Fixture().module
        #expect(throws: SecurityModuleError.module(.invalidIndex)) { try module.describePCR(index) }
        #expect(throws: SecurityModuleError.module(.invalidIndex)) { try module.extendPCR(index, with: []) }
        #expect(throws: SecurityModuleError.module(.invalidIndex)) { try module.lockPCR(index) }
    }

    @Test func `a range locks what is below it, locked before or not`() throws {
        let module = try Fixture().module
        try module.lockPCRs(upTo: 0)
        #expect(try module.describe().lockedPCRs.count == 16)
        try module.lockPCR(18)
        try module.lockPCRs(upTo: 20)
        #expect(try module.describe().lockedPCRs == [UInt64](0..<20))
        try module.lockPCRs(upTo: 20)
        #expect(throws: SecurityModuleError.module(.invalidIndex)) { try module.lockPCRs(upTo: 33) }
        #expect(try module.describe().lockedPCRs.count == 20)
        try module.lockPCRs(upTo: 32)
        #expect(try module.describe().lockedPCRs.count == 32)
    }

    @Test func `simultaneous extensions all count`() async throws {
        let module = try Fixture().module
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<64 { group.addTask { _ = try module.extendPCR(20, with: [7]) } }
            try await group.waitForAll()
        }
        let expected = (0..<64).reduce(zeros48) { value, _ in Hash.digest(.sha384, value, [7]) }
        #expect(try module.describePCR(20).value == expected)
    }

    // MARK: Random bytes

    @Test func `random bytes come 256 at a time, never twice`() throws {
        let module = try Fixture().module
        let pieces = try (0..<16).map { _ in try module.random() }
        #expect(pieces.allSatisfy { $0.count == 256 })
        #expect(Set(pieces).count == pieces.count)
    }

    // MARK: Documents

    @Test func `a document states what was asked, and the locked PCRs only`() throws {
        let fixture = try Fixture()
        let sixteen = try fixture.module.extendPCR(16, with: [1])
        _ = try fixture.module.extendPCR(17, with: [2])
        try fixture.module.lockPCR(16)
        let bytes = try fixture.module.attest(userData: [1], nonce: [2, 3], publicKey: [])
        let claims = try UnverifiedAttestation(parsing: bytes).claims
        #expect(claims.userData == [1] && claims.nonce == [2, 3] && claims.publicKey == [])
        #expect(claims.timestamp == fixture.clock.now && claims.digest == "SHA384")
        #expect(claims.moduleID == (try fixture.module.describe().moduleID))
        #expect(claims.pcrs.keys.sorted() == [Int](0...16))
        #expect(claims.pcrs[16] == sixteen && claims.pcrs[0] == Fixture.measurements.pcr0 && claims.pcrs[5] == zeros48)
    }

    @Test func `absent fields stay absent`() throws {
        let bytes = try Fixture().module.attest(userData: nil, nonce: nil, publicKey: nil)
        let claims = try UnverifiedAttestation(parsing: bytes).claims
        #expect(claims.userData == nil && claims.nonce == nil && claims.publicKey == nil)
    }

    @Test func `each field may have 1024 bytes, all at once, and no more`() throws {
        let fixture = try Fixture()
        let most = [UInt8](repeating: 7, count: 1024)
        let document = try fixture.module.attest(userData: most, nonce: most, publicKey: most)
        #expect(try verdict(document, fixture.policy(), at: fixture.clock.now) == "accepted")
        let more = most + [7]
        for (userData, nonce, publicKey) in [(more, nil, nil), (nil, more, nil), (nil, nil, more)]
            as [([UInt8]?, [UInt8]?, [UInt8]?)]
        {
            #expect(throws: SecurityModuleError.module(.inputTooLarge)) {
                try fixture.module.attest(userData: userData, nonce: nonce, publicKey: publicKey)
            }
        }
    }

    @Test func `a time that no certificate can state is an internal error`() throws {
        let fixture = try Fixture()
        fixture.clock.now = Timestamp(milliseconds: .max)
        #expect(throws: SecurityModuleError.module(.internalError)) {
            try fixture.module.attest(userData: nil, nonce: nil, publicKey: nil)
        }
        fixture.clock.now = ManualClock.start
        _ = try fixture.module.attest(userData: nil, nonce: nil, publicKey: nil)
    }
}

extension String {
    func components(before separator: String) -> String? {
        indices.first { self[$0...].hasPrefix(separator) }.map { String(self[..<$0]) }
    }
}
