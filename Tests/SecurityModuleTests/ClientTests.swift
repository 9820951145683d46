// SPDX-License-Identifier: Apache-2.0

import SecurityModule
import Testing

/// The client against bytes written by hand, in the shapes of aws-nitro-enclaves-nsm-api (`Request` and `Response`,
/// encoded by serde_cbor).
struct `Client of the NSM` {
    @Test func `describes the module`() throws {
        let transport = Scripted(
            map(
                (
                    "DescribeNSM",
                    map(
                        ("version_major", [1]),
                        ("version_minor", [2]),
                        ("version_patch", [3]),
                        ("module_id", [0x78, 39] + "i-0d7ff222bf091ba40-enc0199e44e62de784b".utf8),
                        ("max_pcrs", [0x18, 32]),
                        ("locked_pcrs", [0x83, 0, 1, 0x18, 24]),
                        ("digest", text("SHA384"))
                    )
                )
            )
        )
        let description = try SecurityModule(transport).describe()
        #expect(transport.requests == [text("DescribeNSM")])
        #expect(
            description
                == ModuleDescription(
                    versionMajor: 1,
                    versionMinor: 2,
                    versionPatch: 3,
                    moduleID: "i-0d7ff222bf091ba40-enc0199e44e62de784b",
                    maximumPCRs: 32,
                    lockedPCRs: [0, 1, 24],
                    digest: "SHA384"
                )
        )
    }

    @Test(arguments: [(UInt8(0xf4), false), (0xf5, true)])
    func `describes a PCR`(bit: UInt8, isLocked: Bool) throws {
        let value = [UInt8](0..<48)
        let transport = Scripted(map(("DescribePCR", map(("lock", [bit]), ("data", bytes(value))))))
        let (locked, read) = try SecurityModule(transport).describePCR(31)
        #expect(transport.requests == [map(("DescribePCR", map(("index", [0x18, 31]))))])
        #expect(locked == isLocked && read == value)
    }

    @Test func `extends a PCR`() throws {
        let value = [UInt8](1...48)
        let transport = Scripted(map(("ExtendPCR", map(("data", bytes(value))))))
        #expect(try SecurityModule(transport).extendPCR(16, with: [1, 2, 3]) == value)
        #expect(transport.requests == [map(("ExtendPCR", map(("index", [16]), ("data", [0x43, 1, 2, 3]))))])
    }

    @Test func `locks a PCR`() throws {
        let transport = Scripted(text("LockPCR"))
        try SecurityModule(transport).lockPCR(17)
        #expect(transport.requests == [map(("LockPCR", map(("index", [17]))))])
    }

    @Test func `locks a range of PCRs`() throws {
        let transport = Scripted(text("LockPCRs"))
        try SecurityModule(transport).lockPCRs(upTo: 32)
        #expect(transport.requests == [map(("LockPCRs", map(("range", [0x18, 32]))))])
    }

    @Test func `asks for a document, absent fields as null`() throws {
        let transport = Scripted(map(("Attestation", map(("document", bytes([0x84, 1, 2]))))))
        let module = SecurityModule(transport)
        #expect(try module.attest(userData: nil, nonce: nil, publicKey: nil) == [0x84, 1, 2])
        _ = try module.attest(userData: [1], nonce: [], publicKey: [UInt8](repeating: 7, count: 294))
        #expect(
            transport.requests == [
                map(("Attestation", map(("user_data", null), ("nonce", null), ("public_key", null)))),
                map(
                    (
                        "Attestation",
                        map(
                            ("user_data", [0x41, 1]),
                            ("nonce", [0x40]),
                            ("public_key", [0x59, 1, 38] + [UInt8](repeating: 7, count: 294))
                        )
                    )
                ),
            ]
        )
    }

    @Test func `asks for random bytes`() throws {
        let random = [UInt8](0...255)
        let transport = Scripted(map(("GetRandom", map(("random", bytes(random))))))
        #expect(try SecurityModule(transport).random() == random)
        #expect(transport.requests == [text("GetRandom")])
    }

    @Test(arguments: SecurityModuleError.Code.allCases)
    func `reports the module's error`(code: SecurityModuleError.Code) throws {
        let module = SecurityModule(Scripted(map(("Error", text(code.rawValue)))))
        #expect(throws: SecurityModuleError.module(code)) { try module.random() }
        #expect(throws: SecurityModuleError.module(code)) { try module.lockPCR(16) }
    }

    @Test func `has all error codes of the NSM`() {
        #expect(
            SecurityModuleError.Code.allCases.map(\.rawValue) == [
                "InvalidArgument", "InvalidIndex", "InvalidResponse", "ReadOnlyIndex", "InvalidOperation",
                "BufferTooSmall", "InputTooLarge", "InternalError",
            ]
        )
    }

    @Test(arguments: [
        map(("Error", text("Success"))), map(("Error", text("Confusion"))), map(("Error", [1])),
        map(("Error", text("InvalidIndex")), ("LockPCR", null)), text("Error"),
    ])
    func `an error that is none of the NSM's is malformed`(response: [UInt8]) {
        let module = SecurityModule(Scripted(response))
        #expect(throws: SecurityModuleError.malformedResponse) { try module.lockPCR(16) }
    }

    // MARK: Malformed responses

    @Test(arguments: [
        [], [0xff], [0x78], text("GetRandom"), text("LockPCR"), map(), map(("GetRandom", null)),
        map(("GetRandom", map())),
        map(("GetRandom", map(("random", null)))), map(("GetRandom", map(("random", text("abc"))))),
        map(("GetRandom", map(("random", [0x40])))), map(("GetRandom", map(("random", [0x83, 1, 2, 3])))),
        map(("getRandom", map(("random", [0x41, 1])))), map(("ExtendPCR", map(("data", bytes(zeros48))))),
        map(("GetRandom", map(("random", [0x41, 1])))) + [0],
        [UInt8](map(("GetRandom", map(("random", [0x42, 1, 2])))).dropLast()),
        map(("GetRandom", map(("random", [0x41, 1]), ("random", [0x41, 2])))),
        map(("GetRandom", map(("random", [0x41, 1]))), ("LockPCR", null)),
    ])
    func `random bytes are a byte string in the right place`(response: [UInt8]) {
        #expect(throws: SecurityModuleError.malformedResponse) { try SecurityModule(Scripted(response)).random() }
    }

    @Test(arguments: [
        map(("lock", [0xf5])), map(("data", bytes(zeros48))), map(("lock", [1]), ("data", bytes(zeros48))),
        map(("lock", [0xf5]), ("data", bytes([UInt8](zeros48.dropLast())))),
        map(("lock", [0xf5]), ("data", bytes(zeros48 + [0]))),
    ])
    func `a PCR has a lock and 48 bytes`(fields: [UInt8]) {
        let module = SecurityModule(Scripted(map(("DescribePCR", fields))))
        #expect(throws: SecurityModuleError.malformedResponse) { try module.describePCR(0) }
    }

    @Test(arguments: [
        "version_major", "version_minor", "version_patch", "module_id", "max_pcrs", "locked_pcrs", "digest",
    ])
    func `a description has all its fields, in their types`(field: String) throws {
        let fields: [(String, [UInt8])] = [
            ("version_major", [1]), ("version_minor", [0]), ("version_patch", [0]), ("module_id", text("i-1-enc2")),
            ("max_pcrs", [0x18, 32]), ("locked_pcrs", [0x81, 0]), ("digest", text("SHA384")),
        ]
        func description(_ fields: [(String, [UInt8])]) -> [UInt8] {
            map(("DescribeNSM", fields.reduce([0xa0 | UInt8(fields.count)]) { $0 + text($1.0) + $1.1 }))
        }
        _ = try SecurityModule(Scripted(description(fields))).describe()
        let without = description(fields.filter { $0.0 != field })
        #expect(throws: SecurityModuleError.malformedResponse) { try SecurityModule(Scripted(without)).describe() }
        let wrong = description(fields.map { ($0.0, $0.0 == field ? [0x41, 1] : $0.1) })
        #expect(throws: SecurityModuleError.malformedResponse) { try SecurityModule(Scripted(wrong)).describe() }
    }

    @Test(arguments: [text("LockPCRs"), map(("LockPCR", null)), null, [0xf5]])
    func `a lock is acknowledged by its name alone`(response: [UInt8]) {
        #expect(throws: SecurityModuleError.malformedResponse) { try SecurityModule(Scripted(response)).lockPCR(16) }
    }

    @Test func `maps of indefinite length and further fields are accepted`() throws {
        let response =
            [0xbf] + text("GetRandom") + [0xbf] + text("random") + [0x42, 1, 2] + text("more") + [1, 0xff, 0xff]
        #expect(try SecurityModule(Scripted(response)).random() == [1, 2])
    }

    // MARK: Sizes

    @Test func `a response that fills its buffer is refused`() throws {
        // What stands around the random bytes takes 22.
        let largest = map(("GetRandom", map(("random", bytes([UInt8](repeating: 1, count: 0x2fff - 22))))))
        #expect(largest.count == 0x2fff)
        #expect(try SecurityModule(Scripted(largest)).random().count == 0x2fff - 22)
        let full = map(("GetRandom", map(("random", bytes([UInt8](repeating: 1, count: 0x3000 - 22))))))
        #expect(throws: SecurityModuleError.responseTooLarge) { try SecurityModule(Scripted(full)).random() }
    }

    @Test func `a request above 4096 bytes is not sent`() throws {
        // What stands around the data takes 27.
        let transport = Scripted(map(("ExtendPCR", map(("data", bytes(zeros48))))))
        let module = SecurityModule(transport)
        _ = try module.extendPCR(16, with: [UInt8](repeating: 0, count: 4096 - 27))
        #expect(transport.requests.map(\.count) == [4096])
        #expect(throws: SecurityModuleError.requestTooLarge) {
            try module.extendPCR(16, with: [UInt8](repeating: 0, count: 4096 - 26))
        }
        #expect(transport.requests.count == 1)
    }

    @Test(arguments: [-1, 65536, Int.max, Int.min])
    func `an index that does not fit the dialect is not sent`(index: Int) {
        let transport = Scripted(text("LockPCR"))
        #expect(throws: SecurityModuleError.module(.invalidIndex)) { try SecurityModule(transport).lockPCR(index) }
        #expect(transport.requests.isEmpty)
    }
}
