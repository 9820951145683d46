// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import Encoding
import PolicyTools
import TestSupport
import Testing

/// The key policy that `keybroker policy key` prints, asked what it allows.
struct UnlockPolicyTests {
    static let admin = "arn:aws:iam::111122223333:user/key-admin"
    static let host = "arn:aws:iam::111122223333:role/host"
    static let hostSession = "arn:aws:sts::111122223333:assumed-role/host/i-0abc"
    static let context = ["keybroker:broker": "audit", "keybroker:purpose": "tsk"]

    static let pcr0 = [UInt8](repeating: 0xA0, count: 48)
    static let pcr16 = [UInt8](repeating: 0x16, count: 48)
    static let oldPCR0 = [UInt8](repeating: 0xA1, count: 48)
    static let oldPCR16 = [UInt8](repeating: 0x17, count: 48)
    static let zeros = [UInt8](repeating: 0, count: 48)

    static func sealed(
        administrators: [String] = [admin],
        previous: UnlockPolicy.Identity? = nil,
        context: [String: String] = context,
        isSealed: Bool = true
    ) throws -> JSON {
        try UnlockPolicy(
            administrators: administrators,
            release: .init(hosts: [host], enclave: .init(pcr0: pcr0, pcr16: pcr16), previous: previous),
            encryptionContext: context.mapValues { [$0] },
            isSealed: isSealed
        ).json
    }

    /// Every caller here has an IAM policy that allows everything: the key policy alone must hold.
    static func ask(
        _ policy: JSON,
        _ action: String,
        as caller: String = hostSession,
        pcrs: [Int: [UInt8]]? = [0: pcr0, 16: pcr16],
        context: [String: String]? = context
    ) throws -> AccessDecision {
        let callerAccount = String(caller.split(separator: ":", omittingEmptySubsequences: false)[4])
        var keys = CallerIdentity(arn: caller, account: callerAccount).conditionKeys
        if let pcrs { keys.merge(RequestConditionKeys.recipient(pcrs: pcrs)) { $1 } }
        let pairs = (context ?? [:]).map { (name: $0.key, value: $0.value) }
        keys.merge(RequestConditionKeys.encryptionContext(pairs)) { $1 }
        return try decide(
            key: policy.serialized(),
            identity: [AccessPolicyTests.policy(statement("Allow", action: #""*""#))],
            as: caller,
            of: callerAccount,
            action: action,
            keys: keys
        )
    }

    // MARK: Release

    @Test func `both measurements right: the host's role decrypts`() throws {
        #expect(try Self.ask(Self.sealed(), "kms:Decrypt") == .allowed)
    }

    static let wrong: [(name: String, pcrs: [Int: [UInt8]]?)] = [
        ("no attestation", nil),
        ("another image", [0: oldPCR0, 16: pcr16]),
        ("another configuration", [0: pcr0, 16: oldPCR16]),
        ("both wrong", [0: oldPCR0, 16: oldPCR16]),
        ("swapped", [0: pcr16, 16: pcr0]),
        ("no PCR16", [0: pcr0]),
        ("no PCR0", [16: pcr16]),
        ("debug mode", [0: zeros, 1: zeros, 2: zeros, 16: pcr16]),
        ("nothing measured", [0: pcr0, 16: zeros]),
        ("the right values in other registers", [1: pcr0, 17: pcr16]),
    ]

    @Test(arguments: wrong)
    func `any other enclave, and no enclave, is denied explicitly`(_ example: (name: String, pcrs: [Int: [UInt8]]?))
        throws
    {
        let policy = try Self.sealed()
        for caller in [Self.hostSession, Self.host, Self.admin, root, alice, "arn:aws:iam::444455556666:root"] {
            #expect(
                try Self.ask(policy, "kms:Decrypt", as: caller, pcrs: example.pcrs) == .explicitDeny(.keyPolicy),
                "\(example.name) \(caller)"
            )
        }
    }

    static let wrongContexts: [[String: String]?] = [
        nil, [:], ["keybroker:broker": "audit"], ["keybroker:broker": "audit", "keybroker:purpose": "TSK"],
        ["keybroker:broker": "other", "keybroker:purpose": "tsk"],
    ]

    @Test(arguments: wrongContexts)
    func `another encryption context is denied`(_ context: [String: String]?) throws {
        #expect(try Self.ask(Self.sealed(), "kms:Decrypt", context: context) == .explicitDeny(.keyPolicy))
    }

    @Test func `a TSK without encryption context is released without one only`() throws {
        let policy = try Self.sealed(context: [:])
        #expect(try Self.ask(policy, "kms:Decrypt", context: [:]) == .allowed)
        #expect(try Self.ask(policy, "kms:Decrypt", context: ["a": "b"]) == .explicitDeny(.keyPolicy))
    }

    @Test func `values of the context are plain text: no variables, no wildcards`() throws {
        let context = ["app": "${aws:username}", "note": "a*b, c=${*}$"]
        let policy = try Self.sealed(context: context)
        #expect(try Self.ask(policy, "kms:Decrypt", context: context) == .allowed)
        for (name, value) in [("app", "alice"), ("app", "host"), ("note", "aXb, c=*$"), ("note", "a*b, c=*$")] {
            var other = context
            other[name] = value
            #expect(try Self.ask(policy, "kms:Decrypt", context: other) == .explicitDeny(.keyPolicy), "\(value)")
        }
    }

    @Test func `nobody but the host's role decrypts, even from the right enclave`() throws {
        let policy = try Self.sealed()
        for caller in [Self.admin, root, alice, session, "arn:aws:iam::444455556666:root"] {
            #expect(try Self.ask(policy, "kms:Decrypt", as: caller) == .implicitDeny(.keyPolicy), "\(caller)")
        }
    }

    // MARK: During a change

    @Test func `an old enclave goes on beside the new one, and no mixture of them`() throws {
        let policy = try Self.sealed(previous: .init(pcr0: Self.oldPCR0, pcr16: Self.oldPCR16))
        let pairs: [([UInt8], [UInt8], Bool)] = [
            (Self.pcr0, Self.pcr16, true), (Self.oldPCR0, Self.oldPCR16, true), (Self.pcr0, Self.oldPCR16, false),
            (Self.oldPCR0, Self.pcr16, false), (Self.zeros, Self.pcr16, false), (Self.zeros, Self.oldPCR16, false),
            (Self.pcr0, Self.zeros, false), (Self.oldPCR0, Self.zeros, false), (Self.zeros, Self.zeros, false),
        ]
        for (pcr0, pcr16, isAllowed) in pairs {
            let decision = try Self.ask(policy, "kms:Decrypt", pcrs: [0: pcr0, 16: pcr16])
            #expect(decision == (isAllowed ? .allowed : .explicitDeny(.keyPolicy)))
        }
        #expect(try Self.ask(policy, "kms:Decrypt", pcrs: nil) == .explicitDeny(.keyPolicy))
        #expect(try Self.ask(policy, "kms:Decrypt", pcrs: [0: Self.pcr0]) == .explicitDeny(.keyPolicy))
        #expect(try Self.ask(policy, "kms:Decrypt", pcrs: [16: Self.oldPCR16]) == .explicitDeny(.keyPolicy))
    }

    @Test func `an old image with the same configuration, and an old configuration of the same image`() throws {
        let images = try Self.sealed(previous: .init(pcr0: Self.oldPCR0, pcr16: Self.pcr16))
        #expect(try Self.ask(images, "kms:Decrypt", pcrs: [0: Self.oldPCR0, 16: Self.pcr16]) == .allowed)
        #expect(try Self.ask(images, "kms:Decrypt", pcrs: [0: Self.oldPCR0, 16: Self.oldPCR16]) != .allowed)
        let configurations = try Self.sealed(previous: .init(pcr0: Self.pcr0, pcr16: Self.oldPCR16))
        #expect(try Self.ask(configurations, "kms:Decrypt", pcrs: [0: Self.pcr0, 16: Self.oldPCR16]) == .allowed)
        #expect(try Self.ask(configurations, "kms:Decrypt", pcrs: [0: Self.oldPCR0, 16: Self.oldPCR16]) != .allowed)
        let same = try Self.sealed(previous: .init(pcr0: Self.pcr0, pcr16: Self.pcr16))
        #expect(same == (try Self.sealed()))
    }

    // MARK: Further registers

    @Test func `a further register is held as PCR0 is, whatever else is right`() throws {
        let policy = try UnlockPolicy(
            administrators: [Self.admin],
            release: .init(
                hosts: [Self.host],
                enclave: .init(pcr0: Self.pcr0, pcr16: Self.pcr16, others: [1: Self.oldPCR0, 8: Self.oldPCR16])
            ),
            encryptionContext: Self.context.mapValues { [$0] }
        ).json
        let right = [0: Self.pcr0, 1: Self.oldPCR0, 8: Self.oldPCR16, 16: Self.pcr16]
        #expect(try Self.ask(policy, "kms:Decrypt", pcrs: right) == .allowed)
        for index in right.keys {
            for wrong in [Self.zeros, nil] {
                var pcrs = right
                pcrs[index] = wrong
                #expect(try Self.ask(policy, "kms:Decrypt", pcrs: pcrs) == .explicitDeny(.keyPolicy), "\(index)")
            }
        }
        #expect(PolicyLint.check(policy.serialized(), kind: .key).findings.isEmpty)
    }

    @Test func `with further registers, too, no mixture of two enclaves is let in`() throws {
        let names = [0, 3, 8, 16]
        // Old and new differ in every register, then only in some.
        for differing in [[0, 3, 8, 16], [0, 16], [3, 8], [0, 8], [8, 16], [16]] {
            func value(_ index: Int, isOld: Bool) -> [UInt8] {
                [UInt8](repeating: isOld && differing.contains(index) ? 0x50 : 0x40, count: 48)
            }
            func identity(isOld: Bool) -> UnlockPolicy.Identity {
                .init(
                    pcr0: value(0, isOld: isOld),
                    pcr16: value(16, isOld: isOld),
                    others: [3: value(3, isOld: isOld), 8: value(8, isOld: isOld)]
                )
            }
            let policy = try UnlockPolicy(
                administrators: [Self.admin],
                release: .init(hosts: [Self.host], enclave: identity(isOld: false), previous: identity(isOld: true)),
                encryptionContext: Self.context.mapValues { [$0] }
            ).json
            for mask in 0..<16 {
                var pcrs: [Int: [UInt8]] = [:]
                var sides: Set<Bool> = []
                for (bit, index) in names.enumerated() {
                    let isOld = (mask >> bit) & 1 == 1
                    pcrs[index] = value(index, isOld: isOld)
                    if differing.contains(index) { sides.insert(isOld) }
                }
                let expected: AccessDecision = sides.count == 1 ? .allowed : .explicitDeny(.keyPolicy)
                #expect(try Self.ask(policy, "kms:Decrypt", pcrs: pcrs) == expected, "\(differing) \(mask)")
            }
            #expect(PolicyLint.check(policy.serialized(), kind: .key).findings.isEmpty)
        }
    }

    // MARK: Everything else

    /// Every operation of the KMS service model, as the action or actions that it needs.
    static func actions() async throws -> [String] {
        let script = """
            import json, sys, botocore.session
            json.dump(botocore.session.get_session().get_service_model("kms").operation_names, sys.stdout)
            """
        let names = try #require(try JSON.parse(await Tool.python(script)).array).compactMap(\.string)
        #expect(names.count >= 54)
        return names.flatMap { $0 == "ReEncrypt" ? ["kms:ReEncryptFrom", "kms:ReEncryptTo"] : ["kms:\($0)"] }
    }

    /// Read, wrap, copy, mint or delegate: whatever could bring the TSK elsewhere, or another in its place.
    static let moving = [
        "kms:CreateGrant", "kms:DeriveSharedSecret", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyPair",
        "kms:GenerateDataKeyPairWithoutPlaintext", "kms:GenerateDataKeyWithoutPlaintext", "kms:GetParametersForImport",
        "kms:ImportKeyMaterial", "kms:ReEncryptFrom", "kms:ReEncryptTo", "kms:ReplicateKey", "kms:UpdatePrimaryRegion",
    ]

    @Test(.enabled(if: Tool.pythonHas("botocore"), "python3 has no botocore"))
    func `what could move the TSK is denied to everyone, and nothing is left to IAM policies`() async throws {
        let policy = try Self.sealed()
        let actions = try await Self.actions()
        #expect(Set(Self.moving).isSubset(of: actions))
        for action in actions {
            for caller in [Self.admin, Self.hostSession, root, alice, "arn:aws:iam::444455556666:root"] {
                let decision = try Self.ask(policy, action, as: caller)
                if Self.moving.contains(action) {
                    #expect(decision == .explicitDeny(.keyPolicy), "\(action) \(caller)")
                } else if caller == Self.admin {
                    let isAdministrative = UnlockPolicy.administrativeActions.contains(action)
                    #expect((decision == .allowed) == isAdministrative, "\(action)")
                } else if caller == Self.hostSession {
                    #expect(decision == (action == "kms:Decrypt" ? .allowed : .explicitDeny(.keyPolicy)), "\(action)")
                } else {
                    #expect(decision == .implicitDeny(.keyPolicy), "\(action) \(caller)")
                }
            }
        }
    }

    /// Every action that an administrator has, one by one: none reads or moves a plaintext.
    @Test(.enabled(if: Tool.pythonHas("botocore"), "python3 has no botocore"))
    func `an administrator's actions exist and are none that yields or takes a secret`() async throws {
        let actions = Set(try await Self.actions())
        let secrets =
            Self.moving + [
                "kms:Decrypt", "kms:Sign", "kms:Verify", "kms:GenerateMac", "kms:VerifyMac", "kms:GenerateRandom",
            ]
        for action in UnlockPolicy.administrativeActions {
            #expect(actions.contains(action), "\(action)")
            #expect(!secrets.contains(action), "\(action)")
        }
    }

    @Test func `the account's root as administrator leaves management to IAM policies, and the host's role out`() throws
    {
        let policy = try Self.sealed(administrators: [root])
        #expect(try Self.ask(policy, "kms:PutKeyPolicy", as: alice) == .allowed)
        #expect(try Self.ask(policy, "kms:Decrypt", as: alice) == .implicitDeny(.keyPolicy))
        #expect(try Self.ask(policy, "kms:PutKeyPolicy") == .explicitDeny(.keyPolicy))
        #expect(try Self.ask(policy, "kms:Decrypt") == .allowed)
    }

    // MARK: Before sealing

    @Test func `before sealing, administrators make the TSK under its context, and nobody moves one`() throws {
        let policy = try Self.sealed(isSealed: false)
        #expect(try Self.ask(policy, "kms:GenerateDataKey", as: Self.admin) == .allowed)
        #expect(
            try Self.ask(policy, "kms:GenerateDataKey", as: Self.admin, context: ["keybroker:broker": "x"])
                == .explicitDeny(.keyPolicy)
        )
        #expect(try Self.ask(policy, "kms:GenerateDataKey") == .explicitDeny(.keyPolicy))
        #expect(try Self.ask(policy, "kms:Decrypt") == .allowed)
        #expect(try Self.ask(policy, "kms:Decrypt", pcrs: nil) == .explicitDeny(.keyPolicy))
        for action in Self.moving where action != "kms:GenerateDataKey" {
            #expect(try Self.ask(policy, action, as: Self.admin) == .explicitDeny(.keyPolicy), "\(action)")
        }
    }

    @Test func `without an enclave nothing is released`() throws {
        let policy = try UnlockPolicy(
            administrators: [Self.admin],
            release: nil,
            encryptionContext: nil,
            isSealed: false
        ).json
        for caller in [Self.admin, Self.hostSession, root] {
            #expect(try Self.ask(policy, "kms:Decrypt", as: caller) == .explicitDeny(.keyPolicy))
        }
        #expect(try Self.ask(policy, "kms:GenerateDataKey", as: Self.admin) == .allowed)
        #expect(try Self.ask(policy, "kms:PutKeyPolicy", as: Self.admin) == .allowed)
    }

    @Test func `lint finds nothing in it`() throws {
        let policies = [
            try Self.sealed(), try Self.sealed(administrators: [root, Self.admin]), try Self.sealed(context: [:]),
            try Self.sealed(previous: .init(pcr0: Self.oldPCR0, pcr16: Self.oldPCR16)),
            try Self.sealed(isSealed: false),
        ]
        for policy in policies {
            let report = PolicyLint.check(policy.serialized(), kind: .key)
            #expect(report.isValid)
            #expect(report.findings.isEmpty, "\(report.findings)")
        }
    }

    // MARK: What is refused

    static let refused: [@Sendable () throws -> UnlockPolicy] = [
        { try make(administrators: []) }, { try make(administrators: ["alice"]) }, { try make(hosts: []) },
        { try make(hosts: [root]) }, { try make(hosts: [admin]) }, { try make(hosts: ["arn:aws:iam::1:role/x"]) },
        { try make(pcr0: zeros) }, { try make(pcr16: zeros) }, { try make(pcr0: [1]) },
        { try make(others: [1: zeros]) }, { try make(others: [1: [1]]) }, { try make(others: [32: pcr0]) },
        { try make(others: [16: pcr16]) },
        { try make(others: [1: pcr0], previous: .init(pcr0: oldPCR0, pcr16: pcr16)) },
        { try make(context: ["a": ["x"], "A": ["y"]]) }, { try make(context: ["a": ["\u{100}"]]) },
    ]

    private static func make(
        administrators: [String] = [admin],
        hosts: [String] = [host],
        pcr0: [UInt8] = pcr0,
        pcr16: [UInt8] = pcr16,
        others: [Int: [UInt8]] = [:],
        previous: UnlockPolicy.Identity? = nil,
        context: [String: [String]] = [:]
    ) throws -> UnlockPolicy {
        try UnlockPolicy(
            administrators: administrators,
            release: .init(
                hosts: hosts,
                enclave: .init(pcr0: pcr0, pcr16: pcr16, others: others),
                previous: previous
            ),
            encryptionContext: context
        )
    }

    @Test(arguments: refused.indices)
    func `a policy that would not do what it says is not made`(_ index: Int) throws {
        _ = try Self.make(
            others: [1: Self.pcr0],
            previous: .init(pcr0: Self.oldPCR0, pcr16: Self.pcr16, others: [1: Self.oldPCR0])
        )
        #expect(throws: UnlockPolicyError.self) { try Self.refused[index]() }
    }
}
