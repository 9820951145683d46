// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import CBOR
import Testing

@Suite struct UserDataTests {
    static let digest48 = [UInt8](repeating: 0xAB, count: 48)
    static let digest32 = [UInt8](repeating: 0xCD, count: 32)
    static let bootID = [UInt8](0..<16)

    static func identity() -> AttestationUserData {
        var data = AttestationUserData(
            purpose: .identity,
            brokerID: "audit",
            configurationDigest: digest48,
            bootID: bootID
        )
        data.keyringID = "ring"
        data.keyringVersion = 7
        data.keyringDigest = digest48
        data.channel = "relay"
        return data
    }

    /// The same, by hand, as entries to damage.
    static func entries() -> [(CBORValue, CBORValue)] {
        [
            (.unsigned(1), .unsigned(1)), (.unsigned(2), .unsigned(2)), (.unsigned(3), .text("audit")),
            (.unsigned(4), .bytes(digest48)), (.unsigned(5), .text("ring")), (.unsigned(6), .unsigned(7)),
            (.unsigned(7), .bytes(digest48)), (.unsigned(8), .bytes(bootID)), (.unsigned(12), .text("relay")),
        ]
    }

    static func encode(_ entries: [(CBORValue, CBORValue)]) -> [UInt8] {
        CBORValue.map(CBORMap(entries)).encoded(mapOrder: .asGiven)
    }

    @Test func `is the deterministic map of numbered keys`() {
        #expect(Self.identity().encoded() == Self.encode(Self.entries()))
    }

    @Test func `comes back as it was`() throws {
        var data = Self.identity()
        data.tlsKeyDigest = Self.digest32
        data.signingKeyDigest = Self.digest32
        data.signingKeyOrigin = (.madeOffline, 1_763_719_200)
        data.decisionLog = (Self.digest32, 12)
        let decoded = try AttestationUserData(decoding: data.encoded())
        #expect(decoded == data)
        #expect(decoded.signingKeyOrigin?.createdAt == 1_763_719_200)
    }

    @Test func `has at most 512 bytes with everything in it`() {
        var data = AttestationUserData(
            purpose: .ceremony,
            brokerID: String(repeating: "b", count: 64),
            configurationDigest: Self.digest48,
            bootID: Self.bootID
        )
        data.keyringID = String(repeating: "k", count: 64)
        data.keyringVersion = .max
        data.keyringDigest = Self.digest48
        data.tlsKeyDigest = Self.digest32
        data.signingKeyDigest = Self.digest32
        data.signingKeyOrigin = (.madeInside, .max)
        data.channel = "relay"
        data.decisionLog = (Self.digest32, .max)
        data.tskCommitment = Self.digest48
        #expect(data.encoded().count <= AttestationUserData.maximumLength)
    }

    /// Each wrong in one way.
    static let damages: [(String, @Sendable (inout [(CBORValue, CBORValue)]) -> Void)] = [
        ("format 2", { $0[0].1 = .unsigned(2) }),
        ("no format", { $0.remove(at: 0) }),
        ("unknown purpose", { $0[1].1 = .unsigned(4) }),
        ("broker id that is not an identifier", { $0[2].1 = .text("a b") }),
        ("broker id as bytes", { $0[2].1 = .bytes([97]) }),
        ("short configuration digest", { $0[3].1 = .bytes([UInt8](repeating: 1, count: 47)) }),
        ("no boot id", { $0.remove(at: 7) }),
        ("keyring version without digest", { $0.remove(at: 6) }),
        ("unknown key", { $0.append((.unsigned(15), .unsigned(1))) }),
        ("text key", { $0.append((.text("x"), .unsigned(1))) }),
        ("key out of order", { $0.swapAt(0, 1) }),
        ("duplicate key", { $0.insert($0[0], at: 0) }),
        ("ceremony's commitment in an identity document", { $0.append((.unsigned(14), .bytes(digest48))) }),
        ("signing key without origin", { $0.insert((.unsigned(10), .bytes(digest32)), at: 8) }),
    ]

    @Test(arguments: damages.indices)
    func `refuses what is not its own form`(index: Int) {
        var entries = Self.entries()
        Self.damages[index].1(&entries)
        #expect(throws: UserDataError.self, "\(Self.damages[index].0)") {
            try AttestationUserData(decoding: Self.encode(entries))
        }
    }

    @Test func `refuses trailing bytes, other items and the empty string`() {
        let good = Self.identity().encoded()
        for bytes in [good + [0], [], [0x80], Array(good.dropLast())] {
            #expect(throws: UserDataError.self) { try AttestationUserData(decoding: bytes) }
        }
    }
}
