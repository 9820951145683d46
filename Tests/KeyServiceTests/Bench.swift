// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import Cryptography
import Encoding
import KMSProtocol
import KeyService
import Testing

/// A service over a table of keys, and somebody who calls it.
struct Bench {
    static let account = "111122223333"
    static let region = "eu-central-1"
    static let now = Timestamp(seconds: 1_764_000_000)

    var keys: KeyTable
    var caller: Caller
    var circumstances = Circumstances(now: now, isSecureTransport: false)
    var service = KeyService(
        account: account,
        region: region,
        operations: KeyService.readOperations.union(KeyService.encryptionOperations).union(KeyService.changeOperations)
            .union([KeyService.randomOperation]),
        plaintextNeedsTLS: false
    )

    init(_ keys: [KeyRecord] = [], caller: Caller = root) throws {
        self.keys = try KeyTable(keys, account: Self.account, region: Self.region)
        self.caller = caller
    }

    static let root = Caller(
        accessKeyID: "AKROOT",
        arn: "arn:aws:iam::\(account):root",
        account: account,
        policies: []
    )

    /// Somebody with no IAM policy but those given.
    static func user(_ name: String = "alice", policies: [JSON] = []) throws -> Caller {
        Caller(
            accessKeyID: "AKUSER",
            arn: "arn:aws:iam::\(account):user/\(name)",
            account: account,
            policies: try policies.map { try PolicyDocument($0.serialized(), kind: .identity) }
        )
    }

    func answer(_ operation: String, _ input: JSON) throws(KMSError) -> JSONObject {
        try service.answer(
            operation,
            input.object ?? JSONObject(),
            caller: caller,
            keys: keys,
            circumstances: circumstances
        )
    }

    @discardableResult
    mutating func change(_ operation: String, _ input: JSON) throws(KMSError) -> JSONObject? {
        let change = try service.change(
            operation,
            input.object ?? JSONObject(),
            caller: caller,
            keys: keys,
            circumstances: circumstances
        )
        keys = change.keys
        return change.output
    }

    /// The error of a request that must fail.
    func error(_ operation: String, _ input: JSON) -> KMSError? {
        do throws(KMSError) {
            if KeyService.changeOperations.contains(operation) {
                var copy = self
                try copy.change(operation, input)
            } else {
                _ = try answer(operation, input)
            }
            return nil
        } catch {
            return error
        }
    }
}

extension KeyRecord {
    /// A key of this spec with material made once for all tests: RSA takes its time.
    static func make(
        _ spec: KeySpec,
        usage: KeyUsage? = nil,
        state: KeyState = .enabled,
        number: Int = 1,
        aliases: [String] = [],
        policy: String = KeyService.defaultKeyPolicy(account: Bench.account),
        origin: Origin = .inside
    ) throws -> KeyRecord {
        let digits = String(number)
        let id = "0a1b2c3d-4e5f-4a6b-8c7d-" + String(repeating: "0", count: 12 - digits.count) + digits
        return KeyRecord(
            id: id,
            arn: "arn:aws:kms:\(Bench.region):\(Bench.account):key/\(id)",
            spec: spec,
            usage: try usage ?? #require(spec.usages.last { $0 != .keyAgreement }),
            state: state,
            creationDate: Bench.now,
            aliases: aliases.map { .init(name: $0, creationDate: Bench.now, lastUpdatedDate: Bench.now) },
            policy: policy,
            origin: origin,
            material: try Materials.material(of: spec)
        )
    }
}

enum Materials {
    static func material(of spec: KeySpec) throws -> KeyRecord.Material {
        try #require(all[spec])
    }

    private static let all: [KeySpec: KeyRecord.Material] = {
        var all: [KeySpec: KeyRecord.Material] = [:]
        for spec in KeySpec.allCases { all[spec] = try? spec.makeMaterial() }
        return all
    }()
}

extension JSON {
    static func text(_ text: String) -> JSON { .blob([UInt8](text.utf8)) }
}
