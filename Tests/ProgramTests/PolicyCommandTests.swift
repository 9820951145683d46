// SPDX-License-Identifier: Apache-2.0

import EnclaveImage
import Encoding
import Foundation
import TestSupport
import Testing

/// `keybroker policy simulate`, `explain` and `key`, as a user runs them.
struct PolicyCommandTests {
    static let fixtures = SharedData.repository.appendingPathComponent("attestation-fixtures").path
    /// A genuine document of the mock authority, with PCR0 and PCR16.
    static let document = [
        "--attestation", "\(fixtures)/valid/17-pcrs.cbor", "--root", "\(fixtures)/mock-pki/root.pem",
    ]
    static let configuration = "\(fixtures)/unlocks/unlocked.kms-shape/configuration.json"
    static let host = "arn:aws:iam::111122223333:role/host"
    static let session = "arn:aws:sts::111122223333:assumed-role/host/i-0abc"
    static let zeros = String(repeating: "0", count: 96)

    /// PCRs of the document, from the program that verifies it.
    static func pcr(_ index: Int) async throws -> String {
        let report = try await json(
            ["verify", "\(fixtures)/valid/17-pcrs.cbor", "--root", "\(fixtures)/mock-pki/root.pem", "--at", "document"]
        )
        return try #require(report["document"]?.object?["pcrs"]?.object?[String(index)]?.string)
    }

    static func run(_ arguments: [String]) async throws -> Tool.Result {
        try await Programs.run(["keybroker"] + arguments)
    }

    /// What a command prints, which is as its schema says.
    static func json(_ arguments: [String]) async throws -> JSONObject {
        let result = try await run(arguments + ["--json"])
        switch arguments.prefix(2) {
        case ["policy", "simulate"]:
            #expect(try JSONSchema("policy-simulate-output").faults(in: result.output) == [])
        case ["policy", "explain"]:
            #expect(try JSONSchema("policy-explain-output").faults(in: result.output) == [])
        default: break
        }
        return try #require(try? JSON.parse(result.output).object, "\(result.errors)")
    }

    static func statement(_ members: JSON) -> JSON {
        var statement = JSONObject([("Effect", "Allow"), ("Principal", "*"), ("Action", "kms:*"), ("Resource", "*")])
        for member in members.object?.members ?? [] { statement[member.name] = member.value }
        return .object(statement)
    }

    /// Writes a policy of these statements.
    static func write(_ statements: [JSON], to path: String) throws {
        let policy: JSON = ["Version": "2012-10-17", "Statement": .array(statements)]
        try RunningBroker.write(policy.serialized(), path)
    }

    static func gate(_ key: String, _ value: String) -> JSON {
        statement([
            "Sid": "Gate", "Effect": "Deny", "Action": "kms:Decrypt",
            "Condition": ["StringNotEqualsIgnoreCase": .object(JSONObject([(key, .string(value))]))],
        ])
    }

    // MARK: simulate

    @Test func `simulate says what is decided, by which statement, and exits with it`() async throws {
        let folder = try TemporaryDirectory()
        defer { folder.remove() }
        let file = folder.file("key.json")
        try Self.write(
            [Self.statement(["Sid": "All"]), Self.gate("kms:RecipientAttestation:PCR16", Self.zeros)],
            to: file
        )
        for (action, decision, status, sid) in [
            ("kms:Sign", "allowed", 0, "All"), ("kms:Decrypt", "explicitDeny", 1, "Gate"),
            ("s3:GetObject", "implicitDeny", 1, nil),
        ] as [(String, String, Int32, String?)] {
            let arguments = ["policy", "simulate", "--key-policy", file, "--principal", Self.host, "--action", action]
            let result = try await Self.run(arguments)
            #expect(result.status == status)
            #expect(result.text.hasPrefix(decision + "\n"), "\(result.text)")
            let report = try await Self.json(arguments)
            #expect(report["decision"]?.string == decision)
            #expect(report["deciding"]?.array?.first?.object?["sid"]?.string == sid)
        }
    }

    @Test func `simulate knows what follows from the principal, the document and the flags`() async throws {
        let folder = try TemporaryDirectory()
        defer { folder.remove() }
        let file = folder.file("key.json")
        let condition: JSON = [
            "StringEquals": [
                "aws:PrincipalArn": .string(Self.host), "kms:CallerAccount": "111122223333",
                "kms:RecipientAttestation:PCR16": .string(try await Self.pcr(16)), "kms:MessageType": "RAW",
            ],
            "Bool": ["aws:SecureTransport": "true"],
            "ForAllValues:StringEquals": ["kms:EncryptionContextKeys": ["a", "b"]],
            "Null": ["kms:EncryptionContextKeys": "false", "kms:ViaService": "true"],
        ]
        try Self.write([Self.statement(["Condition": condition])], to: file)
        let arguments =
            [
                "policy", "simulate", "--key-policy", file, "--principal", Self.session, "--action", "kms:Decrypt",
                "--condition", "kms:EncryptionContextKeys=a", "--condition", "kms:EncryptionContextKeys=b",
                "--condition", "kms:messagetype=RAW",
            ]
        #expect(try await Self.run(arguments + Self.document).status == 0)
        #expect(try await Self.run(arguments).status == 1)
        for other in ["aws:SecureTransport=false", "aws:SecureTransport=", "kms:ViaService=s3", "kms:CallerAccount=1"] {
            #expect(try await Self.run(arguments + Self.document + ["--condition", other]).status == 1, "\(other)")
        }
    }

    @Test func `a document that KMS would refuse is no attestation`() async throws {
        let folder = try TemporaryDirectory()
        defer { folder.remove() }
        let file = folder.file("key.json")
        try Self.write([Self.statement([:])], to: file)
        let arguments = [
            "policy", "simulate", "--key-policy", file, "--principal", Self.host, "--action", "kms:Decrypt",
        ]
        // Not AWS's root.
        let result = try await Self.run(arguments + Self.document.prefix(2))
        #expect(result.status == 1)
        #expect(result.errors.contains("KMS would refuse the attestation document: untrusted-root"))
    }

    @Test func `identity policies count as far as the key policy lets them`() async throws {
        let folder = try TemporaryDirectory()
        defer { folder.remove() }
        let root = Self.statement(["Principal": ["AWS": "111122223333"]])
        try Self.write([root], to: folder.file("key.json"))
        let iam: JSON = [
            "Version": "2012-10-17", "Statement": ["Effect": "Allow", "Action": "kms:Sign", "Resource": "*"],
        ]
        // As `aws iam get-role-policy` prints it.
        try RunningBroker.write(
            JSON.object(JSONObject([("RoleName", "host"), ("PolicyDocument", iam)])).serialized(),
            folder.file("iam.json")
        )
        // As `aws kms get-key-policy` prints it.
        let text = String(decoding: try RunningBroker.bytes(folder.file("key.json")), as: UTF8.self)
        try RunningBroker.write(
            JSON.object(JSONObject([("Policy", .string(text)), ("PolicyName", "default")])).serialized(),
            folder.file("got.json")
        )
        let identity = ["--identity-policy", folder.file("iam.json")]
        let request = ["--principal", Self.host, "--action", "kms:Sign"]
        for key in ["key.json", "got.json"] {
            let simulate = ["policy", "simulate", "--key-policy", folder.file(key)] + request
            #expect(try await Self.run(simulate + identity).status == 0)
            #expect(try await Self.run(simulate).status == 1)
        }
        #expect(try await Self.run(["policy", "simulate"] + identity + request).status == 0)
    }

    // MARK: simulate --cases

    /// A trust policy is no policy of a key: `PublishedPolicyTests` judges that one.
    static let publishedCases: [String] = {
        let folder = SharedData.repository.appendingPathComponent("docs/policies")
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return names.filter { $0.hasSuffix(".cases.json") && !$0.contains(".trust.") }.sorted()
    }()

    @Test func `the published policies come with cases`() {
        #expect(!Self.publishedCases.isEmpty)
    }

    @Test(arguments: publishedCases)
    func `each published policy decides as its cases say`(_ name: String) async throws {
        let file = SharedData.repository.appendingPathComponent("docs/policies/\(name)").path
        let result = try await Self.run(["policy", "simulate", "--cases", file])
        #expect(result.status == 0, "\(result.text)")
        #expect(result.text.contains("as expected, 0 not"))
    }

    @Test func `a file of cases is run, and one that is not as expected fails it`() async throws {
        let folder = try TemporaryDirectory()
        defer { folder.remove() }
        let iam: JSON = ["Statement": ["Effect": "Allow", "Action": "kms:Sign", "Resource": "*"]]
        try RunningBroker.write(iam.serialized(), folder.file("iam.json"))
        func cases(_ expected: String, identity: JSON) -> JSON {
            [
                "policies": [
                    "key": [
                        "Version": "2012-10-17",
                        "Statement": [
                            Self.statement(["Principal": ["AWS": "111122223333"]]),
                            Self.statement([
                                "Effect": "Deny", "Condition": ["Bool": ["aws:SecureTransport": "false"]],
                            ]),
                        ],
                    ],
                    "identity": identity,
                ],
                "cases": [
                    [
                        "name": "signs", "principal": .string(Self.host), "action": "kms:Sign",
                        "expect": .string(expected),
                    ],
                    [
                        "principal": .string(Self.host), "action": "kms:Sign", "expect": "explicitDeny",
                        "conditions": ["aws:SecureTransport": "false"],
                    ],
                    [
                        "principal": .string(Self.host), "action": "kms:Sign", "expect": .string(expected),
                        "conditions": ["aws:SecureTransport": nil],
                    ],
                    [
                        "principal": "arn:aws:iam::444455556666:role/x", "action": "kms:Sign", "expect": "implicitDeny",
                        "resource": "arn:aws:kms:us-east-1:111122223333:key/x",
                    ],
                ],
            ]
        }
        let file = folder.file("cases.json")
        for (expected, identity, status, failed) in [
            ("allowed", ["iam.json"], 0, 0), ("implicitDeny", [], 0, 0), ("allowed", [], 1, 2),
            ("allowed", [.object(JSONObject([(Self.host, ["iam.json"])]))], 0, 0),
        ] as [(String, [JSON], Int32, Int64)] {
            // The last: lists by principal.
            let policies: JSON = identity.first?.object.map { .object($0) } ?? .array(identity)
            try RunningBroker.write(cases(expected, identity: policies).serialized(), file)
            let result = try await Self.run(["policy", "simulate", "--cases", file, "--json"])
            #expect(result.status == status, "\(result.text)\(result.errors)")
            #expect(try JSONSchema("policy-cases").faults(in: try RunningBroker.bytes(file)) == [])
            #expect(try JSONSchema("policy-simulate-output").faults(in: result.output) == [])
            let report = try #require(try JSON.parse(result.output).object)
            #expect(report["failed"]?.int64 == failed)
            #expect(report["passed"]?.int64 == 4 - failed)
        }
    }

    static let malformed: [JSON] = [
        [:], ["policies": [:], "cases": []], ["policies": ["key": 1], "cases": [[:]]],
        ["policies": [:], "cases": [["principal": "x", "action": "kms:Sign", "expect": "allowed"]]],
        ["policies": [:], "cases": [["principal": .string(host), "action": "kms:Sign", "expect": "yes"]]],
        ["policies": [:], "cases": [["principal": .string(host), "action": "kms:*", "expect": "allowed"]]],
        [
            "policies": ["key": "absent.json"],
            "cases": [["principal": "x", "action": "kms:Sign", "expect": "allowed"]],
        ],
        [
            "policies": [:],
            "cases": [
                ["principal": .string(host), "action": "kms:Sign", "expect": "allowed", "conditions": ["a:b": 1]]
            ],
        ],
    ]

    @Test(arguments: malformed)
    func `a file that is not one of cases exits with 2 and says where`(_ json: JSON) async throws {
        let folder = try TemporaryDirectory()
        defer { folder.remove() }
        try RunningBroker.write(json.serialized(), folder.file("cases.json"))
        let result = try await Self.run(["policy", "simulate", "--cases", folder.file("cases.json")])
        #expect(result.status == 2, "\(result.text)")
        #expect(!result.errors.isEmpty)
    }

    // MARK: explain

    /// Policies with one fault each, and the code of the advice.
    static let faults: [(code: String, statements: @Sendable (_ pcr0: String, _ pcr16: String) -> [JSON])] = [
        ("image-differs", { _, _ in [statement([:]), gate("kms:RecipientAttestation:ImageSha384", other)] }),
        ("image-differs", { _, _ in [statement([:]), gate("kms:RecipientAttestation:PCR0", other)] }),
        (
            "image-differs",
            { pcr0, _ in
                [
                    statement([
                        "Condition": ["StringEquals": ["kms:RecipientAttestation:PCR0": .string(pcr0.uppercased())]]
                    ])
                ]
            }
        ),
        (
            "image-differs",
            { pcr0, _ in
                [statement(["Condition": ["StringEquals": ["kms:RecipientAttestation:PCR0": .string("0x" + pcr0)]]])]
            }
        ),
        ("configuration-differs", { _, _ in [statement([:]), gate("kms:RecipientAttestation:PCR16", other)] }),
        ("pcr-differs", { _, _ in [statement([:]), gate("kms:RecipientAttestation:PCR3", other)] }),
        ("pcr-missing", { _, _ in [statement([:]), gate("kms:RecipientAttestation:PCR20", other)] }),
        (
            "encryption-context-differs",
            { _, _ in [statement(["Condition": ["StringEquals": ["kms:EncryptionContext:app": "b"]]])] }
        ),
        ("condition-differs", { _, _ in [statement(["Condition": ["StringEquals": ["kms:ViaService": "s3"]]])] }),
        ("statement-denies", { _, _ in [statement([:]), statement(["Effect": "Deny", "Action": "kms:Decrypt"])] }),
        (
            "principal-not-named",
            { _, _ in [statement(["Principal": ["AWS": "arn:aws:iam::111122223333:role/other"]])] }
        ),
        ("resource-not-covered", { _, _ in [statement(["Resource": "arn:aws:kms:*:*:key/other"])] }),
        ("action-not-allowed", { _, _ in [statement(["Action": "kms:Sign"])] }),
        ("identity-policy-missing", { _, _ in [statement(["Principal": ["AWS": "111122223333"]])] }),
    ]

    static let other = String(repeating: "ab", count: 48)

    @Test(arguments: faults.indices)
    func `explain finds the one fault, with both values and a mend`(_ index: Int) async throws {
        let folder = try TemporaryDirectory()
        defer { folder.remove() }
        let fault = Self.faults[index]
        let (pcr0, pcr16) = (try await Self.pcr(0), try await Self.pcr(16))
        try Self.write(fault.statements(pcr0, pcr16), to: folder.file("key.json"))
        let arguments =
            [
                "policy", "explain", "--key-policy", folder.file("key.json"), "--principal", Self.host,
                "--encryption-context", "app=a", "--resource", "arn:aws:kms:us-east-1:111122223333:key/this",
            ] + Self.document
        let report = try await Self.json(arguments)
        let findings = (report["findings"]?.array ?? []).compactMap(\.object)
        #expect(findings.map { $0["code"]?.string } == [fault.code])
        #expect(report["allowed"]?.bool == false)
        #expect(report["document"]?.object?["verdict"]?.string == "accepted")
        #expect(findings.first?["mend"]?.string?.isEmpty == false)
        if fault.code.hasSuffix("differs"), fault.code != "condition-differs" {
            #expect(findings.first?["policy"]?.array?.isEmpty == false)
            #expect(findings.first?["request"]?.array?.isEmpty == false)
        }
        let result = try await Self.run(arguments)
        #expect(result.status == 1)
        #expect(result.text.hasPrefix("denied"))
    }

    @Test func `explain says that nothing is attested, in debug mode, and by whom`() async throws {
        let folder = try TemporaryDirectory()
        defer { folder.remove() }
        let pcr0 = try await Self.pcr(0)
        try Self.write(
            [Self.statement([:]), Self.gate("kms:RecipientAttestation:ImageSha384", pcr0)],
            to: folder.file("key.json")
        )
        let explain = ["policy", "explain", "--key-policy", folder.file("key.json"), "--principal", Self.host]
        let root = ["--root", "\(Self.fixtures)/mock-pki/root.pem"]
        func codes(_ arguments: [String]) async throws -> [String] {
            (try await Self.json(explain + arguments)["findings"]?.array ?? []).compactMap {
                $0.object?["code"]?.string
            }
        }
        #expect(try await codes([]) == ["attestation-missing"])
        #expect(try await codes(Self.document) == [])
        #expect(try await Self.run(explain + Self.document).status == 0)
        #expect(
            try await codes(["--attestation", "\(Self.fixtures)/valid/debug-mode-allowed.cbor"] + root)
                == ["debug-mode", "image-differs"]
        )
        // Genuine for nobody: KMS would not ask the policy, which would allow.
        #expect(try await codes(Array(Self.document.prefix(2))) == ["document-not-verified"])
        #expect(try await Self.run(explain + Self.document.prefix(2)).status == 1)
        #expect(try await codes(Self.document + ["--at", "now"]) == ["document-not-verified"])
        #expect(
            try await codes(["--attestation", "/dev/null"] + root) == ["document-not-verified", "attestation-missing"]
        )
    }

    @Test func `explain warns where the document changes nothing, and where none is taken`() async throws {
        let folder = try TemporaryDirectory()
        defer { folder.remove() }
        let pcr0 = try await Self.pcr(0)
        let file = folder.file("key.json")
        let explain = ["policy", "explain", "--key-policy", file, "--principal", Self.host] + Self.document
        try Self.write([Self.statement([:])], to: file)
        let open = try await Self.json(explain)
        #expect(open["allowed"]?.bool == true)
        #expect(open["findings"]?.array?.first?.object?["code"]?.string == "attestation-not-demanded")
        try Self.write(
            [
                Self.statement([
                    "Condition": ["StringEquals": ["kms:RecipientAttestation:ImageSha384": .string(pcr0)]]
                ])
            ],
            to: file
        )
        let sign = try await Self.json(
            explain + ["--action", "kms:Sign", "--condition", "kms:RecipientAttestation:ImageSha384="]
        )
        #expect(sign["findings"]?.array?.first?.object?["code"]?.string == "operation-takes-no-recipient")
    }

    @Test func `a missing allow behind a deny is told at once`() async throws {
        let folder = try TemporaryDirectory()
        defer { folder.remove() }
        try Self.write(
            [Self.statement(["Action": "kms:Sign"]), Self.gate("kms:RecipientAttestation:PCR16", Self.other)],
            to: folder.file("key.json")
        )
        let report = try await Self.json(
            ["policy", "explain", "--key-policy", folder.file("key.json"), "--principal", Self.host] + Self.document
        )
        #expect(
            report["findings"]?.array?.compactMap { $0.object?["code"]?.string }
                == ["configuration-differs", "action-not-allowed"]
        )
    }

    // MARK: key

    @Test func `the policy that key prints releases to its enclave, and explain tells which side a PCR16 belongs to`()
        async throws
    {
        let folder = try TemporaryDirectory()
        defer { folder.remove() }
        // Of the account of the configuration's KMS key.
        let host = "arn:aws:iam::000000000000:role/host"
        let session = "arn:aws:sts::000000000000:assumed-role/host/i-0abc"
        let measured = try await Self.json(["image", "measure", "--config", Self.configuration])
        let pcr16 = try #require(measured["PCR16"]?.string)
        let result = try await Self.run([
            "policy", "key", "--config", Self.configuration, "--pcr0", Self.other, "--role", host,
        ])
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.errors.isEmpty)
        try RunningBroker.write(result.output, folder.file("key.json"))
        // The configuration's own context and key are the request's.
        let explain = [
            "policy", "explain", "--key-policy", folder.file("key.json"), "--principal", session, "--config",
            Self.configuration,
        ]
        func measure(_ pcr0: String, _ pcr16: String) -> [String] {
            ["--pcr", "0=\(pcr0)", "--pcr", "16=\(pcr16)"]
        }
        #expect(try await Self.run(explain + measure(Self.other, pcr16)).status == 0)
        for (pcr0, pcr16) in [
            (Self.other, Self.zeros), (Self.zeros, pcr16), (Self.zeros, Self.zeros), (pcr16, Self.other),
        ] {
            #expect(try await Self.run(explain + measure(pcr0, pcr16)).status == 1)
        }
        // The document's enclave ran with another configuration.
        let report = try await Self.json(explain + Self.document)
        let messages = (report["findings"]?.array ?? []).compactMap(\.object)
        #expect(messages.map { $0["code"]?.string } == ["image-differs", "configuration-differs"])
        #expect(messages.last?["mend"]?.string?.contains("start the enclave with") == true)
    }

    @Test(arguments: [
        [], ["--config", configuration], ["--config", configuration, "--pcr0", other],
        ["--config", configuration, "--pcr0", "00", "--role", host],
        ["--config", configuration, "--pcr0", zeros, "--role", host],
        ["--config", configuration, "--pcr0", other, "--role", "host"],
        ["--config", configuration, "--pcr0", other, "--role", host, "--admin", host],
        ["--config", "/dev/null", "--pcr0", other, "--role", host],
        ["--config", configuration, "--pcr0", other, "--role", host, "--previous-config", "/dev/null"], ["--no-sealed"],
    ])
    func `key refuses what would make no policy, with 2`(_ arguments: [String]) async throws {
        let result = try await Self.run(["policy", "key"] + arguments)
        #expect(result.status == 2, "\(result.text)")
        #expect(result.text.isEmpty)
        #expect(!result.errors.isEmpty)
    }

    @Test func `key measures the image file that it is given instead of a PCR0`() async throws {
        let folder = try TemporaryDirectory()
        defer { folder.remove() }
        try folder.write(try StagedEnclave.image.serialized(), as: "broker.eif")
        let key = ["policy", "key", "--config", Self.configuration, "--role", "arn:aws:iam::000000000000:role/host"]
        let pcr0 = Hex.encode(StagedEnclave.image.measurements.pcr0)
        let measured = try await Self.run(key + ["--image", folder.file("broker.eif")])
        #expect(measured.status == 0, "\(measured.errors)")
        #expect(measured.output == (try await Self.run(key + ["--pcr0", pcr0])).output)
        #expect(try await Self.run(key + ["--image", folder.file("broker.eif"), "--pcr0", pcr0]).status == 2)
    }

    @Test func `key pins further registers, as named or as measured, and explain and simulate hold to them`()
        async throws
    {
        let folder = try TemporaryDirectory()
        defer { folder.remove() }
        try folder.write(try StagedEnclave.image.serialized(), as: "broker.eif")
        let image = ["--image", folder.file("broker.eif")]
        let key = ["policy", "key", "--config", Self.configuration, "--role", "arn:aws:iam::000000000000:role/host"]
        let measurements = StagedEnclave.image.measurements
        let (pcr0, pcr1) = (Hex.encode(measurements.pcr0), Hex.encode(measurements.pcr1))
        let measured = try await Self.run(key + image + ["--pcr", "1"])
        #expect(measured.status == 0, "\(measured.errors)")
        #expect(measured.output == (try await Self.run(key + ["--pcr0", pcr0, "--pcr", "1=\(pcr1)"])).output)
        try RunningBroker.write(measured.output, folder.file("key.json"))

        let pcr16 = try #require(
            try await Self.json(["image", "measure", "--config", Self.configuration])["PCR16"]?.string
        )
        let request = [
            "--key-policy", folder.file("key.json"), "--principal",
            "arn:aws:sts::000000000000:assumed-role/host/i-0abc",
            "--pcr", "0=\(pcr0)", "--pcr", "16=\(pcr16)",
        ]
        let explain = ["policy", "explain", "--config", Self.configuration] + request
        #expect(try await Self.run(explain + ["--pcr", "1=\(pcr1)"]).status == 0)
        for (more, code, mend) in [
            ([], "pcr-missing", "--pcr 1="), (["--pcr", "1=\(Self.other)"], "pcr-differs", "put the document's value"),
        ] {
            let findings = try await Self.json(explain + more)["findings"]?.array?.compactMap(\.object) ?? []
            #expect(findings.map { $0["code"]?.string } == [code])
            #expect(findings.first?["mend"]?.string?.contains(mend) == true, "\(findings)")
        }
        #expect(try await Self.run(["policy", "lint", "--strict", folder.file("key.json")]).status == 0)

        // A new image beside it, of which the same is known.
        let both = try await Self.run(
            key + ["--pcr0", Self.other, "--pcr", "1=\(Self.other)", "--previous-image", folder.file("broker.eif")]
                + ["--previous-pcr", "1"]
        )
        #expect(both.status == 0, "\(both.errors)")
        try RunningBroker.write(both.output, folder.file("key.json"))
        #expect(try await Self.run(explain + ["--pcr", "1=\(pcr1)"]).status == 0)
        #expect(try await Self.run(explain + ["--pcr", "1=\(Self.other)"]).status == 1)

        for wrong in [
            ["--pcr", "1=\(pcr1)", "--pcr", "1"], ["--pcr", "0=\(pcr0)"], ["--pcr", "16=\(pcr16)"], ["--pcr", "9"],
            ["--pcr", "32=\(pcr1)"], ["--pcr", "1=00"], ["--previous-pcr", "1=\(pcr1)"],
            ["--pcr", "1", "--previous-pcr0", Self.other],
        ] {
            let result = try await Self.run(key + image + wrong)
            #expect(result.status == 2 && result.text.isEmpty && !result.errors.isEmpty, "\(wrong)")
        }
        #expect(try await Self.run(key + ["--pcr0", pcr0, "--pcr", "1"]).status == 2)
    }

    @Test func `before sealing, key says so`() async throws {
        let admin = "arn:aws:iam::111122223333:user/admin"
        let result = try await Self.run(["policy", "key", "--no-sealed", "--admin", admin])
        #expect(result.status == 0)
        #expect(result.errors.contains("before sealing"))
        let folder = try TemporaryDirectory()
        defer { folder.remove() }
        try RunningBroker.write(result.output, folder.file("key.json"))
        let simulate = [
            "policy", "simulate", "--key-policy", folder.file("key.json"), "--principal", admin, "--action",
        ]
        #expect(try await Self.run(simulate + ["kms:GenerateDataKey"]).status == 0)
        #expect(try await Self.run(simulate + ["kms:Decrypt"]).status == 1)
        #expect(try await Self.run(simulate + ["kms:GenerateDataKeyWithoutPlaintext"]).status == 1)
    }
}
