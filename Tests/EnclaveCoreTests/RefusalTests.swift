// SPDX-License-Identifier: Apache-2.0

import Cryptography
import EnclaveCore
import Encoding
import Foundation
import KMSProtocol
import KeyService
import Keyring
import NIOCore
import NIOHTTP1
import TestSupport
import Testing
import Transport

/// What the enclave refuses, and that it changes nothing. Each request is one that is answered, with one thing wrong.
@Suite(.serialized) struct RefusalTests {
    static let specification = """
        {"format": 1, "keyringId": "ring", "account": "000000000000", "region": "us-east-1", "keys": [
          {"keySpec": "ECC_NIST_EDWARDS25519", "aliases": ["alias/ed"]},
          {"keySpec": "ECC_NIST_P256", "aliases": ["alias/p256"]},
          {"keySpec": "RSA_2048", "aliases": ["alias/rsa"]},
          {"keySpec": "ECC_NIST_EDWARDS25519", "aliases": ["alias/disabled"]},
          {"keySpec": "ECC_NIST_EDWARDS25519", "aliases": ["alias/doomed"]},
          {"keySpec": "ECC_NIST_EDWARDS25519", "aliases": ["alias/guarded"], "policy":
            {"Version": "2012-10-17", "Statement": [
              {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "kms:*",
               "Resource": "*"},
              {"Effect": "Deny", "Principal": {"AWS": "arn:aws:iam::000000000000:user/signer"}, "Action": "kms:Sign",
               "Resource": "*"}]}}],
         "principals": [
          {"name": "administrator", "policies": [
            {"Version": "2012-10-17", "Statement": [
              {"Effect": "Allow", "Action": ["kms:*", "keybroker:*"], "Resource": "*"}]}]},
          {"name": "signer", "policies": [
            {"Version": "2012-10-17", "Statement": [
              {"Effect": "Allow", "Action": "kms:*", "Resource": "*"}]}]},
          {"name": "reader", "policies": [
            {"Version": "2012-10-17", "Statement": [
              {"Effect": "Allow", "Action": ["kms:Describe*", "kms:Get*", "kms:List*"], "Resource": "*"}]}]},
          {"name": "denied", "policies": [
            {"Version": "2012-10-17", "Statement": [
              {"Effect": "Allow", "Action": "kms:*", "Resource": "*"},
              {"Effect": "Deny", "Action": "kms:Sign", "Resource": "*"}]}]},
          {"name": "narrow", "policies": [
            {"Version": "2012-10-17", "Statement": [
              {"Effect": "Allow", "Action": "kms:Sign", "Resource": "*", "Condition": {"StringEquals": {
                "kms:MessageType": "RAW",
                "kms:SigningAlgorithm": ["ECDSA_SHA_256", "RSASSA_PSS_SHA_256"]}}}]}]}]}
        """

    private static let shared = Task { () -> Rig in
        var contents = try KeyringBuilder.build(
            try KeyringSpecification(json: Array(specification.utf8)),
            at: Workshop.now(),
            random: SecureRandom.bytes
        ) { _ in throw KeyringBuildError("no files here") }
        contents.keys[3].state = .disabled
        contents.keys[4].state = .pendingDeletion
        contents.keys[4].deletionDate = Workshop.now().advanced(byMilliseconds: 7 * 86_400_000)
        let rig = try await Rig(try Workshop(contents))
        try await rig.waitForState("unlocked")
        return rig
    }

    private enum Key: Int {
        case ed = 0
        case p256, rsa, disabled, doomed, guarded
    }

    private static let signer = 1
    private static let reader = 2
    private static let denied = 3
    private static let narrow = 4

    /// One request and what becomes of it.
    struct Refusal: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let name: String
        /// In full; `*` stands for what depends on the time, `{alias}` for the ARN of a key.
        let message: String?
        let status: Int
        let make: @Sendable (Rig) throws -> HTTPRequest

        init(
            _ description: String,
            _ name: String,
            _ message: String?,
            status: Int = 400,
            make: @escaping @Sendable (Rig) throws -> HTTPRequest
        ) {
            testDescription = description
            self.name = name
            self.message = message
            self.status = status
            self.make = make
        }

        /// The good request, spoilt after it was signed.
        static func spoilt(
            _ description: String,
            _ name: String,
            _ message: String?,
            status: Int = 400,
            _ spoil: @escaping @Sendable (inout HTTPRequest) -> Void
        ) -> Refusal {
            Refusal(description, name, message, status: status) { rig in
                var request = try RefusalTests.sign(rig)
                spoil(&request)
                return request
            }
        }
    }

    static func sign(
        _ rig: Rig,
        _ alias: String = "alias/ed",
        algorithm: String = "ED25519_SHA_512",
        messageType: String? = nil,
        message: [UInt8] = [UInt8](repeating: 7, count: 32),
        _ signing: Rig.Signing = Rig.Signing(principal: signer)
    ) throws -> HTTPRequest {
        var input = JSONObject([
            ("KeyId", .string(alias)), ("Message", .blob(message)), ("SigningAlgorithm", .string(algorithm)),
        ])
        if let messageType { input["MessageType"] = .string(messageType) }
        return try rig.signed("TrentService.Sign", JSON.object(input).serialized(), signing)
    }

    private static let missing = "Request is missing Authentication Token"
    private static let mismatch =
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
        + "and signing method. Consult the service documentation for details."
    private static let unknown = "The security token included in the request is invalid."

    private static func notAuthorized(_ user: String, _ key: String, _ reason: String) -> String {
        "User: arn:aws:iam::000000000000:user/\(user) is not authorized to perform: kms:Sign on resource: \(key) \(reason)"
    }

    // MARK: Who asks

    static let authentication: [Refusal] = [
        Refusal.spoilt("no signature", "MissingAuthenticationTokenException", missing) {
            $0.headers.remove(name: "Authorization")
        },
        Refusal.spoilt("presigned: authentication in the query", "MissingAuthenticationTokenException", missing) {
            let authorization = $0.headers.first(name: "Authorization") ?? ""
            $0.headers.remove(name: "Authorization")
            let signature = authorization.split(separator: "Signature=").last ?? ""
            $0.target = "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=x&X-Amz-Signature=\(signature)"
        },
        Refusal.spoilt("two signatures", "IncompleteSignatureException", "Authorization header must appear once.") {
            $0.headers.add(name: "Authorization", value: $0.headers.first(name: "Authorization") ?? "")
        },
        Refusal.spoilt(
            "another algorithm",
            "IncompleteSignatureException",
            "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'."
        ) {
            $0.replaceInAuthorization("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256")
        },
        Refusal("wrong secret", "InvalidSignatureException", mismatch) {
            try sign($0, Rig.Signing(principal: signer, secret: Array("not the secret".utf8)))
        },
        Refusal("another principal's secret", "InvalidSignatureException", mismatch) { rig in
            try sign(rig, Rig.Signing(principal: 0, accessKeyID: rig.workshop.contents.principals[signer].accessKeyID))
        },
        Refusal("unknown principal", "UnrecognizedClientException", unknown) {
            try sign($0, Rig.Signing(principal: signer, accessKeyID: "KBAKAAAAAAAAAAAAAAAA"))
        },
        Refusal("a session token, which no key here has", "UnrecognizedClientException", unknown) {
            try sign($0, Rig.Signing(principal: signer, headers: [(name: "X-Amz-Security-Token", value: "FwoG")]))
        },
        Refusal(
            "another region",
            "InvalidSignatureException",
            "Credential should be scoped to a valid region, not 'eu-west-1'."
        ) {
            try sign($0, Rig.Signing(principal: signer, region: "eu-west-1"))
        },
        Refusal(
            "another service",
            "InvalidSignatureException",
            "Credential should be scoped to correct service: 'kms'."
        ) {
            try sign($0, Rig.Signing(principal: signer, service: "s3"))
        },
        Refusal("another host", "InvalidSignatureException", "The signed 'Host' is not a name of this service.") {
            try sign($0, Rig.Signing(principal: signer, host: "kms.us-east-1.amazonaws.com"))
        },
        Refusal("stale", "InvalidSignatureException", "Signature expired: * is now earlier than * (* - 5 min.)") {
            try sign($0, Rig.Signing(principal: signer, skew: -302))
        },
        Refusal(
            "from the future",
            "InvalidSignatureException",
            "Signature not yet current: * is still later than * (* + 5 min.)"
        ) {
            try sign($0, Rig.Signing(principal: signer, skew: 310))
        },
    ]

    // MARK: What was signed

    static let alterations: [Refusal] = [
        Refusal.spoilt("altered body", "InvalidSignatureException", mismatch) {
            $0.body = ByteBuffer(string: String(buffer: $0.body).replacing("BwcH", with: "BwcI"))
        },
        Refusal.spoilt("body with a space more", "InvalidSignatureException", mismatch) {
            $0.body = ByteBuffer(string: String(buffer: $0.body) + " ")
        },
        Refusal.spoilt("no body", "InvalidSignatureException", mismatch) { $0.body = ByteBuffer() },
        Refusal.spoilt("another operation", "InvalidSignatureException", mismatch) {
            $0.headers.replaceOrAdd(name: "X-Amz-Target", value: "TrentService.Verify")
        },
        Refusal.spoilt("a second operation", "InvalidSignatureException", mismatch) {
            $0.headers.add(name: "X-Amz-Target", value: "TrentService.Sign")
        },
        Refusal.spoilt("altered request target", "InvalidSignatureException", mismatch) { $0.target = "/?a=b" },
        Refusal.spoilt("altered signed header", "InvalidSignatureException", mismatch) {
            $0.headers.replaceOrAdd(name: "Content-Type", value: "application/json")
        },
        Refusal.spoilt("altered host, another name of this service", "InvalidSignatureException", mismatch) {
            $0.headers.replaceOrAdd(name: "Host", value: "\(Workshop.host):443")
        },
        Refusal.spoilt("altered date", "InvalidSignatureException", mismatch) {
            let date = $0.headers.first(name: "X-Amz-Date") ?? ""
            let other = date.replacing(#/[0-9]Z$/#) { $0.output == "0Z" ? "1Z" : "0Z" }
            $0.headers.replaceOrAdd(name: "X-Amz-Date", value: other)
        },
        Refusal.spoilt("altered signature", "InvalidSignatureException", mismatch) {
            let last = ($0.headers.first(name: "Authorization") ?? "").suffix(4)
            $0.replaceInAuthorization(String(last), last == "0000" ? "0001" : "0000")
        },
        Refusal.spoilt(
            "removed signed header",
            "IncompleteSignatureException",
            "SignedHeaders names a header that the request does not have."
        ) {
            $0.headers.remove(name: "Content-Type")
        },
        Refusal.spoilt(
            "removed operation",
            "IncompleteSignatureException",
            "SignedHeaders names a header that the request does not have."
        ) {
            $0.headers.remove(name: "X-Amz-Target")
        },
        Refusal.spoilt(
            "removed date",
            "IncompleteSignatureException",
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        ) {
            $0.headers.remove(name: "X-Amz-Date")
        },
        Refusal.spoilt(
            "an x-amz header that nobody signed",
            "IncompleteSignatureException",
            "'x-amz-meta' must be a 'SignedHeader' in the AWS Authorization."
        ) {
            $0.headers.add(name: "X-Amz-Meta", value: "1")
        },
        Refusal.spoilt(
            "an operation that nobody signed",
            "IncompleteSignatureException",
            "'x-amz-target' must be a 'SignedHeader' in the AWS Authorization."
        ) {
            $0.replaceInAuthorization(";x-amz-target", "")
        },
        Refusal.spoilt(
            "a host that nobody signed",
            "IncompleteSignatureException",
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
        ) {
            $0.replaceInAuthorization(";host", "")
        },
        Refusal("a payload that nobody signed", "InvalidSignatureException", mismatch) {
            try sign(
                $0,
                Rig.Signing(principal: signer, headers: [(name: "X-Amz-Content-Sha256", value: "UNSIGNED-PAYLOAD")])
            )
        },
        Refusal.spoilt("another path", "UnknownOperationException", nil, status: 404) { $0.target = "/kms" },
        Refusal.spoilt("another method", "UnknownOperationException", nil, status: 405) { $0.method = .PUT },
    ]

    // MARK: What is asked

    static let authorization: [Refusal] = [
        Refusal("disabled key", "DisabledException", "{disabled} is disabled.") { try sign($0, "alias/disabled") },
        Refusal("key pending deletion", "KMSInvalidStateException", "{doomed} is pending deletion.") {
            try sign($0, "alias/doomed")
        },
        Refusal(
            "deleted key",
            "NotFoundException",
            "Key 'arn:aws:kms:us-east-1:000000000000:key/00000000-0000-4000-8000-000000000000' does not exist"
        ) {
            try sign($0, "00000000-0000-4000-8000-000000000000")
        },
        Refusal(
            "action not allowed",
            "AccessDeniedException",
            notAuthorized("reader", "{ed}", "because no identity-based policy allows the kms:Sign action")
        ) {
            try sign($0, Rig.Signing(principal: reader))
        },
        Refusal(
            "explicit deny of the principal",
            "AccessDeniedException",
            notAuthorized("denied", "{ed}", "with an explicit deny in an identity-based policy")
        ) {
            try sign($0, Rig.Signing(principal: denied))
        },
        Refusal(
            "explicit deny of the key",
            "AccessDeniedException",
            notAuthorized("signer", "{guarded}", "with an explicit deny in a resource-based policy")
        ) {
            try sign($0, "alias/guarded")
        },
        Refusal(
            "wrong MessageType under a condition",
            "AccessDeniedException",
            notAuthorized("narrow", "{p256}", "because no identity-based policy allows the kms:Sign action")
        ) {
            try sign(
                $0,
                "alias/p256",
                algorithm: "ECDSA_SHA_256",
                messageType: "DIGEST",
                Rig.Signing(principal: narrow)
            )
        },
        Refusal(
            "wrong algorithm under a condition",
            "AccessDeniedException",
            notAuthorized("narrow", "{rsa}", "because no identity-based policy allows the kms:Sign action")
        ) {
            try sign(
                $0,
                "alias/rsa",
                algorithm: "RSASSA_PKCS1_V1_5_SHA_256",
                messageType: "RAW",
                Rig.Signing(principal: narrow)
            )
        },
        Refusal(
            "the broker's own operations under kms:*",
            "AccessDeniedException",
            "User: arn:aws:iam::000000000000:user/signer is not authorized to perform: keybroker:GetStatus on resource: arn:aws:keybroker:us-east-1:000000000000:broker/audit because no identity-based policy allows the keybroker:GetStatus action"
        ) {
            try $0.signed("KeyBroker.GetStatus", Array("{}".utf8), Rig.Signing(principal: signer))
        },
    ]

    @Test(arguments: authentication + alterations + authorization)
    func `is refused by the enclave with KMS's own error, and changes nothing`(_ refusal: Refusal) async throws {
        let rig = try await Self.shared.value
        let (version, digest) = try Self.keyring(rig)
        let signatures = try await rig.count("Signatures")
        let response = try await rig.send(try refusal.make(rig))
        #expect(Int(response.status.code) == refusal.status)
        #expect(response.headers.first(name: "x-amzn-ErrorType") == refusal.name)
        #expect(response.headers.first(name: "Content-Type") == amzJSON)
        let answer = try rig.answer(response)
        #expect(answer.error?.name == refusal.name)
        let expected = refusal.message.map { Self.expand($0, rig) }
        #expect(Self.matches(answer.error?.message, expected), "\(answer.error?.message ?? "no message")")
        #expect(answer.output["Signature"] == nil)

        #expect(try await rig.count("Signatures") == signatures)
        let now = try Self.keyring(rig)
        #expect(now.version == version)
        #expect(now.digest == digest)
    }

    /// What each of them is, without its fault.
    @Test func `the same without the fault is answered`() async throws {
        let rig = try await Self.shared.value
        let pss = "RSASSA_PSS_SHA_256"
        let narrow = Rig.Signing(principal: Self.narrow)
        let good = [
            try Self.sign(rig), try Self.sign(rig, "alias/guarded", Rig.Signing(principal: 0)),
            try Self.sign(rig, Rig.Signing(principal: Self.signer, skew: -290)),
            try Self.sign(rig, Rig.Signing(principal: Self.signer, skew: 290)),
            try Self.sign(rig, Rig.Signing(principal: Self.signer, host: "\(Workshop.host):443")),
            try Self.sign(
                rig,
                Rig.Signing(
                    principal: Self.signer,
                    headers: [(name: "Accept-Encoding", value: "identity"), (name: "X-Amz-Meta", value: "a  b")]
                )
            ),
            try Self.sign(rig, "alias/p256", algorithm: "ECDSA_SHA_256", messageType: "RAW", narrow),
            try Self.sign(rig, "alias/rsa", algorithm: pss, messageType: "RAW", narrow),
        ]
        for request in good {
            let answer = try rig.answer(try await rig.send(request))
            #expect(answer.output["Signature"] != nil, "\(answer.error?.message ?? "")")
        }
        let described = try await rig.call(
            "TrentService.DescribeKey",
            ["KeyId": "alias/ed"],
            Rig.Signing(principal: Self.reader)
        )
        #expect(described.error == nil)
        let verified = try await rig.call(
            "TrentService.DescribeKey",
            ["KeyId": "alias/disabled"],
            Rig.Signing(principal: Self.denied)
        )
        #expect(verified.error == nil)
    }

    // MARK: Helpers

    private static func keyring(_ rig: Rig) throws -> (version: UInt64, digest: [UInt8]) {
        guard case .unlocked(let unlocked) = rig.enclave.currentState else { throw Unexpected() }
        return (unlocked.header.version, unlocked.digest)
    }

    private struct Unexpected: Error {}

    private static func expand(_ message: String, _ rig: Rig) -> String {
        rig.workshop.contents.keys.reduce(message) { text, key in
            let name = key.aliases.first?.name.dropFirst("alias/".count) ?? ""
            return text.replacing("{\(name)}", with: key.arn)
        }
    }

    /// `*` stands for anything without a space.
    private static func matches(_ message: String?, _ expected: String?) -> Bool {
        guard let message, let expected else { return message == expected }
        let (words, patterns) = (message.split(separator: " "), expected.split(separator: " "))
        return words.count == patterns.count
            && zip(words, patterns).allSatisfy { word, pattern in
                guard let star = pattern.firstIndex(of: "*") else { return word == pattern }
                let (head, tail) = (pattern[..<star], pattern[pattern.index(after: star)...])
                return word.hasPrefix(head) && word.hasSuffix(tail) && word.count > head.count + tail.count
            }
    }

    private static func sign(_ rig: Rig, _ signing: Rig.Signing) throws -> HTTPRequest {
        try sign(rig, "alias/ed", signing)
    }
}

extension HTTPRequest {
    fileprivate mutating func replaceInAuthorization(_ part: String, _ other: String) {
        let value = headers.first(name: "Authorization") ?? ""
        headers.replaceOrAdd(name: "Authorization", value: value.replacing(part, with: other))
    }
}
