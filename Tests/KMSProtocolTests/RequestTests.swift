// SPDX-License-Identifier: Apache-2.0

import Encoding
import KMSProtocol
import Testing

/// Reads a request of the named operation, for its errors.
func read(_ operation: String, _ json: String) throws {
    let input = try KMSRequestBody.parse(Array(json.utf8))
    switch operation {
    case "Sign": _ = try SignRequest(input)
    case "Verify": _ = try VerifyRequest(input)
    case "GenerateMac": _ = try GenerateMacRequest(input)
    case "VerifyMac": _ = try VerifyMacRequest(input)
    case "GetPublicKey": _ = try GetPublicKeyRequest(input)
    case "DescribeKey": _ = try DescribeKeyRequest(input)
    case "ListAliases": _ = try ListAliasesRequest(input)
    case "ListKeys": _ = try ListKeysRequest(input)
    case "GetKeyPolicy": _ = try GetKeyPolicyRequest(input)
    case "CreateKey": _ = try CreateKeyRequest(input)
    case "CreateAlias": _ = try AliasTargetRequest(input)
    case "PutKeyPolicy": _ = try PutKeyPolicyRequest(input)
    case "Encrypt": _ = try EncryptRequest(input)
    case "Decrypt": _ = try DecryptRequest(input)
    case "GenerateDataKey": _ = try GenerateDataKeyRequest(input)
    case "GenerateRandom": _ = try GenerateRandomRequest(input)
    default: Issue.record("no reader for \(operation)")
    }
}

func object(_ json: String) throws -> JSONObject { try KMSRequestBody.parse(Array(json.utf8)) }

/// Base64 of `count` zero bytes.
func blob(_ count: Int) -> String { Base64.encode([UInt8](repeating: 0, count: count)) }

struct RequestTests {
    struct Fault: Sendable, CustomTestStringConvertible {
        let operation: String
        let json: String
        let error: KMSError

        init(_ operation: String, _ json: String, _ name: String, _ message: String?) {
            self.operation = operation
            self.json = json
            error = KMSError(name, message)
        }

        /// One constraint of one member.
        static func value(_ operation: String, _ json: String, _ violation: String) -> Fault {
            Fault(operation, json, "ValidationException", "1 validation error detected: \(violation)")
        }

        var testDescription: String { "\(operation) \(json.prefix(100))" }
    }

    static let null = "failed to satisfy constraint: Member must not be null"
    static let longer = "failed to satisfy constraint: Member must have length greater than or equal to 1"
    static func shorter(_ count: Int) -> String {
        "failed to satisfy constraint: Member must have length less than or equal to \(count)"
    }
    static let sign = #""KeyId":"k","Message":"AA==","SigningAlgorithm":"ECDSA_SHA_256""#
    static let algorithms =
        "RSASSA_PSS_SHA_256, RSASSA_PSS_SHA_384, RSASSA_PSS_SHA_512, RSASSA_PKCS1_V1_5_SHA_256, "
        + "RSASSA_PKCS1_V1_5_SHA_384, RSASSA_PKCS1_V1_5_SHA_512, ECDSA_SHA_256, ECDSA_SHA_384, ECDSA_SHA_512, "
        + "ED25519_SHA_512, ED25519_PH_SHA_512"

    static let constraints: [Fault] = [
        .value("DescribeKey", "{}", "Value null at 'keyId' \(null)"),
        .value("DescribeKey", #"{"KeyId":null}"#, "Value null at 'keyId' \(null)"),
        .value("DescribeKey", #"{"keyId":"k"}"#, "Value null at 'keyId' \(null)"),
        .value("DescribeKey", #"{"KeyId":""}"#, "Value '' at 'keyId' \(longer)"),
        .value(
            "Sign",
            #"{"KeyId":"k","Message":"","SigningAlgorithm":"ECDSA_SHA_256"}"#,
            "Value at 'message' \(longer)"
        ),
        .value(
            "Sign",
            #"{"KeyId":"k","Message":"\#(blob(4097))","SigningAlgorithm":"ECDSA_SHA_256"}"#,
            "Value at 'message' \(shorter(4096))"
        ),
        .value(
            "Sign",
            #"{"KeyId":"k","Message":"AA==","SigningAlgorithm":"Ed25519"}"#,
            "Value 'Ed25519' at 'signingAlgorithm' failed to satisfy constraint: Member must satisfy enum value set: "
                + "[\(algorithms)]"
        ),
        .value(
            "Sign",
            #"{\#(sign),"MessageType":"raw"}"#,
            "Value 'raw' at 'messageType' failed to satisfy constraint: Member must satisfy enum value set: "
                + "[RAW, DIGEST, EXTERNAL_MU]"
        ),
        .value(
            "Sign",
            #"{\#(sign),"GrantTokens":["1","2","3","4","5","6","7","8","9","10","11"]}"#,
            "Value at 'grantTokens' \(shorter(10))"
        ),
        .value(
            "Sign",
            #"{\#(sign),"GrantTokens":[""]}"#,
            "Value at 'grantTokens' failed to satisfy constraint: Member must satisfy constraint: [Member must have "
                + "length less than or equal to 8192, Member must have length greater than or equal to 1]"
        ),
        .value("Verify", #"{\#(sign)}"#, "Value null at 'signature' \(null)"),
        .value("Verify", #"{\#(sign),"Signature":"\#(blob(6145))"}"#, "Value at 'signature' \(shorter(6144))"),
        .value(
            "GenerateMac",
            #"{"KeyId":"k","Message":"AA==","MacAlgorithm":"HMAC_SHA_1"}"#,
            "Value 'HMAC_SHA_1' at 'macAlgorithm' failed to satisfy constraint: Member must satisfy enum value set: "
                + "[HMAC_SHA_224, HMAC_SHA_256, HMAC_SHA_384, HMAC_SHA_512]"
        ),
        .value(
            "VerifyMac",
            #"{"KeyId":"k","Message":"AA==","MacAlgorithm":"HMAC_SHA_256"}"#,
            "Value null at 'mac' \(null)"
        ),
        .value(
            "ListAliases",
            #"{"Limit":0}"#,
            "Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1"
        ),
        .value(
            "ListAliases",
            #"{"Limit":1001}"#,
            "Value '1001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 1000"
        ),
        .value(
            "CreateAlias",
            #"{"AliasName":"alias/a b","TargetKeyId":"k"}"#,
            "Value 'alias/a b' at 'aliasName' failed to satisfy constraint: Member must satisfy regular expression "
                + "pattern: ^[a-zA-Z0-9:/_-]+$"
        ),
        .value(
            "ListKeys",
            #"{"Limit":1001}"#,
            "Value '1001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 1000"
        ),
        .value("ListKeys", #"{"Marker":""}"#, "Value '' at 'marker' \(longer)"),
        .value("GetKeyPolicy", "{}", "Value null at 'keyId' \(null)"),
        .value("PutKeyPolicy", #"{"KeyId":"k"}"#, "Value null at 'policy' \(null)"),
        .value(
            "PutKeyPolicy",
            #"{"KeyId":"k","Policy":"{}\u0100"}"#,
            "Value '{}\u{100}' at 'policy' failed to satisfy constraint: Member must satisfy regular expression "
                + #"pattern: [\u0009\u000A\u000D\u0020-\u00FF]+"#
        ),
        .value(
            "CreateKey",
            #"{"Tags":[{"TagKey":"a","TagValue":"b"},{"TagKey":"a"}]}"#,
            "Value null at 'tags.2.member.tagValue' \(null)"
        ),
        .value("Decrypt", "{}", "Value null at 'ciphertextBlob' \(null)"),
        .value(
            "Decrypt",
            #"{"CiphertextBlob":"AA==","Recipient":{"KeyEncryptionAlgorithm":"RSAES_OAEP_SHA_256"}}"#,
            "Value null at 'recipient.attestationDocument' \(null)"
        ),
        .value(
            "Decrypt",
            #"{"CiphertextBlob":"AA==","Recipient":{"AttestationDocument":"AA=="}}"#,
            "Value null at 'recipient.keyEncryptionAlgorithm' \(null)"
        ),
        .value(
            "Decrypt",
            #"{"CiphertextBlob":"AA==","Recipient":{"KeyEncryptionAlgorithm":"RSAES_OAEP_SHA_256","#
                + #""AttestationDocument":"\#(blob(262_145))"}}"#,
            "Value at 'recipient.attestationDocument' \(shorter(262_144))"
        ),
        .value(
            "Encrypt",
            #"{"KeyId":"k","Plaintext":"AA==","EncryptionContext":{"a":"\#(String(repeating: "x", count: 8192))"}}"#,
            "Value at 'encryptionContext' \(shorter(8192))"
        ),
        .value(
            "GenerateDataKey",
            #"{"KeyId":"k","NumberOfBytes":1025}"#,
            "Value '1025' at 'numberOfBytes' failed to satisfy constraint: Member must have value less than or equal "
                + "to 1024"
        ),
    ]

    static let types: [Fault] = [
        .init("DescribeKey", "x", "SerializationException", nil),
        .init("DescribeKey", #"{"KeyId":"a","KeyId":"b"}"#, "SerializationException", nil),
        .init("DescribeKey", "[]", "SerializationException", "Unexpected field type"),
        .init("DescribeKey", #"{"KeyId":7}"#, "SerializationException", "NUMBER_VALUE cannot be converted to String"),
        .init("DescribeKey", #"{"KeyId":true}"#, "SerializationException", "TRUE_VALUE cannot be converted to String"),
        .init(
            "DescribeKey",
            #"{"KeyId":{}}"#,
            "SerializationException",
            "Start of structure or map found where not expected."
        ),
        .init("DescribeKey", #"{"KeyId":[]}"#, "SerializationException", "Start of list found where not expected"),
        .init("Sign", #"{"Message":"AA"}"#, "SerializationException", "Member is not valid base64"),
        .init("Sign", #"{"Message":"AB=="}"#, "SerializationException", "Member is not valid base64"),
        .init("Sign", #"{"Message":"_-8="}"#, "SerializationException", "Member is not valid base64"),
        .init(
            "Sign",
            #"{\#(sign),"DryRun":"true"}"#,
            "SerializationException",
            "STRING_VALUE cannot be converted to Boolean"
        ),
        .init(
            "Sign",
            #"{\#(sign),"GrantTokens":"t"}"#,
            "SerializationException",
            "STRING_VALUE cannot be converted to List"
        ),
        .init(
            "Sign",
            #"{\#(sign),"GrantTokens":[null]}"#,
            "SerializationException",
            "NULL_VALUE cannot be converted to String"
        ),
        .init(
            "GenerateDataKey",
            #"{"KeyId":"k","NumberOfBytes":32.5}"#,
            "SerializationException",
            "NUMBER_VALUE cannot be converted to Integer"
        ),
        .init(
            "GenerateDataKey",
            #"{"KeyId":"k","NumberOfBytes":99999999999999999999}"#,
            "SerializationException",
            "NUMBER_VALUE cannot be converted to Integer"
        ),
        .init(
            "Encrypt",
            #"{"KeyId":"k","Plaintext":"AA==","EncryptionContext":{"a":null}}"#,
            "SerializationException",
            "NULL_VALUE cannot be converted to String"
        ),
        .init(
            "Encrypt",
            #"{"KeyId":"k","Plaintext":"AA==","EncryptionContext":{"a":1}}"#,
            "SerializationException",
            "NUMBER_VALUE cannot be converted to String"
        ),
        .init(
            "Decrypt",
            #"{"CiphertextBlob":"AA==","Recipient":"x"}"#,
            "SerializationException",
            "STRING_VALUE cannot be converted to Map"
        ),
    ]

    static let meaning: [Fault] = [
        .init("GenerateRandom", "{}", "ValidationException", "Please specify number of bytes."),
        .value(
            "GenerateRandom",
            #"{"NumberOfBytes":0}"#,
            "Value '0' at 'numberOfBytes' failed to satisfy constraint: Member must have value greater than or equal "
                + "to 1"
        ),
        .init(
            "GenerateDataKey",
            #"{"KeyId":"k"}"#,
            "ValidationException",
            "Please specify either number of bytes or key spec."
        ),
        .init(
            "GenerateDataKey",
            #"{"KeyId":"k","NumberOfBytes":32,"KeySpec":"AES_256"}"#,
            "ValidationException",
            "Please specify either number of bytes or key spec."
        ),
        .init(
            "CreateKey",
            #"{"KeySpec":"HMAC_256"}"#,
            "ValidationException",
            "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys."
        ),
        .init(
            "CreateKey",
            #"{"KeySpec":"HMAC_256","KeyUsage":"SIGN_VERIFY"}"#,
            "ValidationException",
            "KeyUsage SIGN_VERIFY is not compatible with KeySpec HMAC_256."
        ),
        .init(
            "CreateKey",
            #"{"KeySpec":"RSA_2048","CustomerMasterKeySpec":"RSA_2048","KeyUsage":"SIGN_VERIFY"}"#,
            "ValidationException",
            "You cannot specify KeySpec and CustomerMasterKeySpec in the same request."
        ),
        .init(
            "CreateKey",
            #"{"CustomerMasterKeySpec":"ECC_NIST_EDWARDS25519","KeyUsage":"SIGN_VERIFY"}"#,
            "ValidationException",
            "1 validation error detected: Value 'ECC_NIST_EDWARDS25519' at 'customerMasterKeySpec' failed to satisfy "
                + "constraint: Member must satisfy enum value set: [SYMMETRIC_DEFAULT, RSA_2048, RSA_3072, RSA_4096, "
                + "ECC_NIST_P256, ECC_NIST_P384, ECC_NIST_P521, ECC_SECG_P256K1, HMAC_224, HMAC_256, HMAC_384, HMAC_512]"
        ),
        .init(
            "CreateKey",
            #"{"Policy":"\#(String(repeating: " ", count: 32769))"}"#,
            "LimitExceededException",
            "The key policy is longer than 32768 bytes."
        ),
        .init("CreateAlias", #"{"AliasName":"audit","TargetKeyId":"k"}"#, "ValidationException", "Invalid identifier"),
        .init("CreateAlias", #"{"AliasName":"alias/","TargetKeyId":"k"}"#, "ValidationException", "Invalid identifier"),
        .init("CreateAlias", #"{"AliasName":"alias/aws/x","TargetKeyId":"k"}"#, "NotAuthorizedException", nil),
        .init(
            "CreateAlias",
            #"{"AliasName":"alias/a:b","TargetKeyId":"k"}"#,
            "ValidationException",
            "alias/a:b contains invalid characters for an alias"
        ),
        .init(
            "CreateAlias",
            #"{"AliasName":"alias/a","TargetKeyId":"alias/b"}"#,
            "ValidationException",
            "Aliases must refer to keys. Not aliases"
        ),
        .init(
            "PutKeyPolicy",
            #"{"KeyId":"k","PolicyName":"other","Policy":"{}"}"#,
            "ValidationException",
            "The only valid policy name is default."
        ),
        .init(
            "Decrypt",
            #"{"CiphertextBlob":"AA==","DryRun":true,"DryRunModifiers":["IGNORE_CIPHERTEXT"]}"#,
            "UnsupportedOperationException",
            "DryRunModifiers is not supported."
        ),
    ]

    @Test(arguments: constraints + types + meaning)
    func `a fault is answered in KMS's words`(_ fault: Fault) {
        let error = #expect(throws: KMSError.self) { try read(fault.operation, fault.json) }
        #expect(error == fault.error)
    }

    @Test func `all violations are told at once`() {
        let error = #expect(throws: KMSError.self) { try read("Sign", #"{"Message":""}"#) }
        #expect(
            error?.message
                == "3 validation errors detected: Value null at 'keyId' \(Self.null); "
                + "Value at 'message' \(Self.longer); Value null at 'signingAlgorithm' \(Self.null)"
        )
    }

    @Test func `a wrong type is told before any violation`() {
        let error = #expect(throws: KMSError.self) { try read("Sign", #"{"DryRun":"x"}"#) }
        #expect(error?.name == "SerializationException")
    }

    @Test func `a long value is not repeated whole`() throws {
        let error = #expect(throws: KMSError.self) {
            try read("DescribeKey", #"{"KeyId":"\#(String(repeating: "k", count: 100_000))"}"#)
        }
        #expect(try #require(error?.message).utf8.count < 3000)
    }

    // MARK: What is accepted

    @Test func `unknown members are ignored and null is absent`() throws {
        let request = try SignRequest(
            object(#"{\#(Self.sign),"MessageType":null,"GrantTokens":null,"DryRun":null,"Unknown":{"a":[1]}}"#)
        )
        #expect(request.parameters.keyID == "k")
        #expect(request.message == [0])
        #expect(request.parameters.messageType == .raw)
        #expect(request.parameters.signingAlgorithm == .ecdsaSHA256)
        #expect(request.parameters.grantTokens.isEmpty)
        #expect(!request.parameters.dryRun)
    }

    @Test func `members reach the request`() throws {
        let verify = try VerifyRequest(
            object(#"{\#(Self.sign),"MessageType":"DIGEST","Signature":"AQI=","DryRun":true,"GrantTokens":["t"]}"#)
        )
        #expect(verify.parameters.messageType == .digest)
        #expect(verify.signature == [1, 2])
        #expect(verify.parameters.dryRun)
        #expect(verify.parameters.grantTokens == ["t"])

        let mac = try VerifyMacRequest(
            object(#"{"KeyId":"k","Message":"AA==","MacAlgorithm":"HMAC_SHA_384","Mac":"AQI="}"#)
        )
        #expect(mac.parameters.macAlgorithm == .hmacSHA384)
        #expect(mac.mac == [1, 2])

        let key = try CreateKeyRequest(
            object(
                #"{"KeySpec":"ECC_NIST_EDWARDS25519","KeyUsage":"SIGN_VERIFY","Description":"d","#
                    + #""Tags":[{"TagKey":"a","TagValue":""}],"MultiRegion":true}"#
            )
        )
        #expect(key.keySpec == .eccNISTEdwards25519)
        #expect(key.keyUsage == .signVerify)
        #expect(key.tags.map(\.key) == ["a"])
        #expect(key.tags.map(\.value) == [""])
        #expect(key.multiRegion)

        let decrypt = try DecryptRequest(
            object(
                #"{"CiphertextBlob":"AQI=","KeyId":"k","EncryptionContext":{"a":"b","c":""},"#
                    + #""Recipient":{"KeyEncryptionAlgorithm":"RSAES_OAEP_SHA_256","AttestationDocument":"Aw=="}}"#
            )
        )
        #expect(decrypt.encryptionContext == ["a": "b", "c": ""])
        #expect(decrypt.recipient?.unverifiedAttestationDocument == [3])

        #expect(try GenerateDataKeyRequest(object(#"{"KeyId":"k","KeySpec":"AES_128"}"#)).numberOfBytes == 16)
        #expect(try GenerateDataKeyRequest(object(#"{"KeyId":"k","NumberOfBytes":64}"#)).numberOfBytes == 64)
    }

    @Test func `the greatest lengths are accepted`() throws {
        let message = blob(4096)
        #expect(throws: Never.self) {
            try read("Sign", #"{"KeyId":"k","Message":"\#(message)","SigningAlgorithm":"ECDSA_SHA_256"}"#)
        }
        #expect(throws: Never.self) {
            try read(
                "Decrypt",
                #"{"CiphertextBlob":"\#(blob(6144))","Recipient":{"KeyEncryptionAlgorithm":"RSAES_OAEP_SHA_256","#
                    + #""AttestationDocument":"\#(blob(262_144))"}}"#
            )
        }
    }

    @Test func `CreateKey makes a symmetric key when nothing is said`() throws {
        let request = try CreateKeyRequest(KMSRequestBody.parse([]))
        #expect(request.keySpec == .symmetricDefault)
        #expect(request.keyUsage == .encryptDecrypt)
        #expect(request.origin == .awsKMS)
        #expect(request.policy == nil)
    }

    @Test(arguments: [("{}", 50), (#"{"Limit":7}"#, 7), (#"{"Limit":100}"#, 100), (#"{"Limit":1000}"#, 100)])
    func `a page of aliases has at most 100`(_ json: String, _ limit: Int) throws {
        #expect(try ListAliasesRequest(object(json)).limit == limit)
    }

    @Test func `names that differ only in normalization are no encryption context`() {
        let error = #expect(throws: KMSError.self) {
            try read(
                "Encrypt",
                #"{"KeyId":"k","Plaintext":"AA==","EncryptionContext":{"\u00e9":"1","e\u0301":"2"}}"#
            )
        }
        #expect(error?.name == "ValidationException")
    }
}
