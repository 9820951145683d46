// SPDX-License-Identifier: Apache-2.0

import Cryptography
import KMSProtocol
import KeyService
import Testing

struct KeyTableTests {
    private static func table() throws -> KeyTable {
        try KeyTable(
            [
                .make(.eccNISTP256, number: 1, aliases: ["alias/audit", "alias/a/b"]),
                .make(.hmac256, number: 2),
            ],
            account: Bench.account,
            region: Bench.region
        )
    }

    static let id = "0a1b2c3d-4e5f-4a6b-8c7d-000000000001"
    static let prefix = "arn:aws:kms:eu-central-1:111122223333:"

    @Test(
        arguments: [
            (id, nil), (prefix + "key/" + id, nil), ("alias/audit", "alias/audit"), ("alias/a/b", "alias/a/b"),
            (prefix + "alias/audit", "alias/audit"),
        ] as [(String, String?)]
    )
    func `a key is found by each form of its name`(keyID: String, alias: String?) throws {
        let found = try Self.table().resolve(keyID)
        #expect(found.key.id == Self.id)
        #expect(found.alias == alias)
    }

    @Test(arguments: [
        (
            "0a1b2c3d-4e5f-4a6b-8c7d-000000000009",
            "Key '\(prefix)key/0a1b2c3d-4e5f-4a6b-8c7d-000000000009' does not exist"
        ),
        (
            prefix + "key/0a1b2c3d-4e5f-4a6b-8c7d-000000000009",
            "Key '\(prefix)key/0a1b2c3d-4e5f-4a6b-8c7d-000000000009' does not exist"
        ),
        (
            "arn:aws:kms:eu-central-1:444455556666:key/\(id)",
            "Key 'arn:aws:kms:eu-central-1:444455556666:key/\(id)' does not exist"
        ),
        ("arn:aws:kms:us-west-2:111122223333:key/\(id)", "Invalid arn us-west-2"),
        ("arn:aws:kms:us-west-2:111122223333:alias/audit", "Invalid arn us-west-2"),
        ("alias/none", "Alias \(prefix)alias/none is not found."),
        (prefix + "alias/none", "Alias \(prefix)alias/none is not found."),
        ("audit", "Invalid keyId 'audit'"),
        ("arn:aws:s3:::bucket", "Invalid keyId 'arn:aws:s3:::bucket'"),
        (id.uppercased(), "Invalid keyId '\(id.uppercased())'"),
    ])
    func `what is not there is NotFoundException in KMS's words`(keyID: String, message: String) throws {
        let table = try Self.table()
        #expect(throws: KMSError("NotFoundException", message)) { _ = try table.resolve(keyID) }
    }

    @Test func `two keys of one id make no table`() throws {
        let key = try KeyRecord.make(.hmac256)
        #expect(throws: KeyTableError.duplicateKeyID(key.id)) {
            _ = try KeyTable([key, key], account: Bench.account, region: Bench.region)
        }
    }

    @Test func `two keys of one alias make no table`() throws {
        let keys = try [1, 2].map { try KeyRecord.make(.hmac256, number: $0, aliases: ["alias/x"]) }
        #expect(throws: KeyTableError.duplicateAlias("alias/x")) {
            _ = try KeyTable(keys, account: Bench.account, region: Bench.region)
        }
    }

    @Test func `a key policy that does not parse makes no table`() throws {
        let key = try KeyRecord.make(.hmac256, policy: "{")
        let error = #expect(throws: KeyTableError.self) {
            _ = try KeyTable([key], account: Bench.account, region: Bench.region)
        }
        guard case .policy(let keyID, _)? = error else {
            Issue.record("another error: \(String(describing: error))")
            return
        }
        #expect(keyID == key.id)
    }

    @Test func `replacing a key replaces its aliases`() throws {
        var key = try Self.table().resolve("alias/audit").key
        key.aliases.removeFirst()
        key.aliases.append(.init(name: "alias/new", creationDate: Bench.now, lastUpdatedDate: Bench.now))
        let table = try Self.table().replacing(key)
        #expect(try table.resolve("alias/new").key.id == key.id)
        #expect(throws: KMSError.self) { _ = try table.resolve("alias/audit") }
        #expect(table.keys.count == 2)
    }
}

struct KeyMaterialTests {
    @Test(arguments: KeySpec.allCases)
    func `material of a spec fits that spec and no other`(spec: KeySpec) throws {
        let material = try Materials.material(of: spec)
        #expect(spec.accepts(material))
        // A symmetric key is bytes and nothing else: 32 of them are a key of several specs.
        for other in KeySpec.allCases where other.isAsymmetric && other != spec {
            #expect(!other.accepts(material), "\(other)")
        }
    }

    @Test(arguments: [
        (KeySpec.hmac224, 28...64), (.hmac256, 32...64), (.hmac384, 48...128), (.hmac512, 64...128),
        (.symmetricDefault, 32...32),
    ])
    func `symmetric keys have the lengths that KMS imports`(spec: KeySpec, lengths: ClosedRange<Int>) throws {
        for length in [lengths.lowerBound, lengths.upperBound] {
            #expect(spec.accepts(.symmetric(SharedSecret(try .random(count: length)))))
        }
        for length in [lengths.lowerBound - 1, lengths.upperBound + 1] {
            #expect(!spec.accepts(.symmetric(SharedSecret(try .random(count: length)))))
        }
    }
}
