// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import Cryptography
import EnclaveCore
import Encoding
import Glibc
import KMSProtocol
import KeyService
import SigV4

/// What one `Sign` costs the enclave before the signature is made, step by step, in processor time of one thread.
///
/// Unlike the other benchmarks a part of the root package: it looks at what is not public.
@main
struct RequestBenchmark {
    static let account = "000000000000"
    static let rounds = 15
    static let calls = 4000

    static func main() throws {
        let scene = try Scene()
        print("processor time of one call, median of \(rounds) rounds of \(calls):")
        let verify = try report("SigV4: verify") { try scene.verify() }
        let allowance = try report("allowance, and whether it came before") { scene.admit() }
        let parse = try report("JSON of the body") { _ = try KMSRequestBody.parse(scene.body) }
        let check = try report("Sign without its signature: input, key, policies, state, usage") { try scene.check(0) }
        let conditions = try report("the same with conditions in key policy and IAM policy") { try scene.check(1) }
        let sign = try report("Sign, signature included (Ed25519)") { try scene.sign() }
        print("")
        print(
            "authentication and policy: \(text(verify + allowance + check)) µs, with conditions "
                + "\(text(verify + allowance + conditions)) µs; with the JSON \(text(verify + allowance + parse + check)) µs; "
                + "the signature itself \(text(sign - check)) µs"
        )
    }

    static func report(_ name: String, _ work: () throws -> Void) throws -> Double {
        for _ in 0..<calls { try work() }
        var rounds: [Double] = []
        for _ in 0..<Self.rounds {
            let start = processorTime()
            for _ in 0..<calls { try work() }
            rounds.append((processorTime() - start) / Double(calls))
        }
        let median = rounds.sorted()[rounds.count / 2]
        print("  \(text(median)) µs  \(name)")
        return median
    }

    /// Microseconds of this thread.
    static func processorTime() -> Double {
        var now = timespec()
        unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now)
        return Double(now.tv_sec) * 1e6 + Double(now.tv_nsec) / 1e3
    }

    static func text(_ microseconds: Double) -> String { "\((microseconds * 100).rounded() / 100)" }
}

/// A keyring of a hundred keys, a principal, and one request.
struct Scene {
    let verifier: SigV4Verifier<Caller>
    let request: SigV4Request
    let now = Timestamp(seconds: 1_795_255_200)
    let body: [UInt8]
    let dryRun: JSONObject
    let input: JSONObject
    let service = KeyService(account: RequestBenchmark.account, region: "us-east-1")
    /// Under the policies of most, and under conditions.
    let scenes: [(caller: Caller, keys: KeyTable)]
    let quotas: RequestQuotas
    let memory = SignatureMemory(bits: 16)

    init() throws {
        var secretBytes = Array("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".utf8)
        let secret = SharedSecret(try SecretBytes(movingFrom: &secretBytes))
        let conditions =
            #", "Condition": {"StringEquals": {"kms:SigningAlgorithm": ["ED25519_SHA_512", "ECDSA_SHA_256"], "kms:MessageType": "RAW"}}"#
        scenes = try ["", conditions].map { condition in
            (caller: try Self.caller(condition), keys: try Self.keys(condition))
        }
        let caller = scenes[0].caller
        verifier = SigV4Verifier(
            scope: SigV4Scope(region: "us-east-1", service: "kms"),
            hosts: ["broker.example"]
        ) { $0 == "KBAKEXAMPLEEXAMPLE00" ? (secret, caller) : nil }
        body = Array(
            #"{"KeyId": "alias/audit-50", "Message": "qqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqqo=", "SigningAlgorithm": "ED25519_SHA_512", "MessageType": "RAW"}"#
                .utf8
        )
        input = try KMSRequestBody.parse(body)
        var dryRun = input
        dryRun["DryRun"] = true
        self.dryRun = dryRun
        // As boto3 sends it.
        var headers = [
            (name: "Host", value: "broker.example"), (name: "X-Amz-Target", value: "TrentService.Sign"),
            (name: "Content-Type", value: "application/x-amz-json-1.1"),
            (
                name: "User-Agent",
                value: "Boto3/1.43.11 md/Botocore#1.43.11 ua/2.1 os/linux#6.1 md/arch#x86_64 lang/python"
            ),
            (name: "Content-Length", value: "\(body.count)"),
        ]
        headers += SigV4Signer.sign(
            SigV4Request(method: "POST", target: "/", headers: headers, body: body),
            credentials: AWSCredentials(accessKeyID: "KBAKEXAMPLEEXAMPLE00", secretAccessKey: secret),
            scope: SigV4Scope(region: "us-east-1", service: "kms"),
            at: now
        )
        request = SigV4Request(method: "POST", target: "/", headers: headers, body: body)
        let rates = RequestQuotas.Rates(
            work: 1_000_000_000,
            workBurst: 2_000_000_000,
            changes: 1,
            changesBurst: 1
        )
        quotas = RequestQuotas(rates, inAll: rates, maximum: 512)
    }

    static func caller(_ condition: String) throws -> Caller {
        let policy =
            #"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["kms:Sign", "kms:Verify", "kms:GetPublicKey"], "Resource": "*"\#(condition)}]}"#
        return Caller(
            accessKeyID: "KBAKEXAMPLEEXAMPLE00",
            arn: "arn:aws:iam::\(RequestBenchmark.account):user/recorder",
            account: RequestBenchmark.account,
            policies: [try PolicyDocument(Array(policy.utf8), kind: .identity)]
        )
    }

    static func keys(_ condition: String) throws -> KeyTable {
        let account = RequestBenchmark.account
        let records = try (0..<100).map { index in
            let id = "0a1b2c3d-4e5f-4a6b-8c7d-0000000000\(index < 10 ? "0" : "")\(index)"
            let time = Timestamp(seconds: 1_795_000_000)
            return KeyRecord(
                id: id,
                arn: "arn:aws:kms:us-east-1:\(account):key/\(id)",
                spec: .eccNISTEdwards25519,
                usage: .signVerify,
                creationDate: time,
                aliases: [
                    KeyRecord.Alias(name: "alias/audit-\(index)", creationDate: time, lastUpdatedDate: time)
                ],
                policy:
                    #"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::\#(account):root"}, "Action": "kms:*", "Resource": "*"\#(condition)}]}"#,
                origin: .offline,
                material: .asymmetric(try PrivateKey.generate(.ed25519))
            )
        }
        return try KeyTable(records, account: account, region: "us-east-1")
    }

    func verify() throws { _ = try verifier.verify(request, at: now) }

    func admit() {
        _ = quotas.admit(.work(1), of: scenes[0].caller.arn, at: now)
        _ = memory.hasSeen(0x0123_4567_89AB_CDEF)
    }

    func check(_ index: Int) throws(KMSError) {
        do throws(KMSError) {
            _ = try answer("Sign", dryRun, index)
        } catch {
            guard error.name == "DryRunOperationException" else { throw error }
        }
    }

    func sign() throws { _ = try answer("Sign", input, 0) }

    private func answer(_ operation: String, _ input: JSONObject, _ index: Int) throws(KMSError) -> JSONObject {
        try service.answer(
            operation,
            input,
            caller: scenes[index].caller,
            keys: scenes[index].keys,
            circumstances: Circumstances(now: now, isSecureTransport: true)
        )
    }
}
