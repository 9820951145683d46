// SPDX-License-Identifier: Apache-2.0

import Encoding
import KMSProtocol
import TestSupport
import Testing

/// The names and limits here against botocore's model of the service.
struct ServiceModelTests {
    private static let script = """
        import json, sys
        import botocore.session
        model = botocore.session.get_session().get_service_model("kms")
        shapes = {}
        for name in json.load(sys.stdin):
            shape = model.shape_for(name)
            shapes[name] = {"min": shape.metadata.get("min"), "max": shape.metadata.get("max"),
                            "enum": list(getattr(shape, "enum", []))}
        json.dump(shapes, sys.stdout)
        """

    static func shapes(_ names: [String]) async throws -> JSONObject {
        let output = try await Tool.python(script, input: JSON.array(names.map(JSON.string)).serialized())
        return try #require(try JSON.parse(output).object)
    }

    @Test(.enabled(if: Tool.pythonHas("botocore"), "python3 has no botocore"))
    func `limits are those of the service model`() async throws {
        let expected: [String: ClosedRange<Int>] = [
            "KeyIdType": KMSLimits.keyID, "PlaintextType": KMSLimits.plaintext,
            "CiphertextType": KMSLimits.ciphertext, "GrantTokenType": KMSLimits.grantToken,
            "AttestationDocumentType": KMSLimits.attestationDocument, "AliasNameType": KMSLimits.aliasName,
            "MarkerType": KMSLimits.marker, "PolicyType": KMSLimits.policy, "PolicyNameType": KMSLimits.policyName,
            "DescriptionType": KMSLimits.description, "CustomKeyStoreIdType": KMSLimits.customKeyStoreID,
            "XksKeyIdType": KMSLimits.xksKeyID, "TagKeyType": KMSLimits.tagKey, "TagValueType": KMSLimits.tagValue,
            "GrantTokenList": 0...KMSLimits.grantTokens,
            "NumberOfBytesType": Int(KMSLimits.numberOfBytes.lowerBound)...Int(KMSLimits.numberOfBytes.upperBound),
            "LimitType": Int(KMSLimits.limit.lowerBound)...Int(KMSLimits.limit.upperBound),
        ]
        let shapes = try await Self.shapes(expected.keys.sorted())
        for (name, range) in expected {
            let shape = try #require(shapes[name]?.object)
            #expect(shape["min"]?.int64 == Int64(range.lowerBound), "\(name)")
            #expect(shape["max"]?.int64 == Int64(range.upperBound), "\(name)")
        }
    }

    @Test(.enabled(if: Tool.pythonHas("botocore"), "python3 has no botocore"))
    func `every name is one of the service model's, in its order`() async throws {
        let ours: [String: [String]] = [
            "SigningAlgorithmSpec": SigningAlgorithm.allCases.map(\.rawValue),
            "MacAlgorithmSpec": MACAlgorithm.allCases.map(\.rawValue),
            "EncryptionAlgorithmSpec": EncryptionAlgorithm.allCases.map(\.rawValue),
            "MessageType": MessageType.allCases.map(\.rawValue),
            "KeyUsageType": KeyUsage.allCases.map(\.rawValue),
            "DataKeySpec": DataKeySpec.allCases.map(\.rawValue),
            "OriginType": KeyOrigin.allCases.map(\.rawValue),
            "KeyEncryptionMechanism": KeyEncryptionMechanism.allCases.map(\.rawValue),
        ]
        let shapes = try await Self.shapes(ours.keys.sorted())
        for (name, values) in ours {
            let theirs = try #require(shapes[name]?.object?["enum"]?.array).compactMap(\.string)
            // The service has more (SM2, ML-DSA), and goes on growing.
            #expect(values == theirs.filter { values.contains($0) }, "\(name)")
        }
        let specs = try #require(await Self.shapes(["KeySpec"])["KeySpec"]?.object?["enum"]?.array).compactMap(\.string)
        #expect(Set(KeySpec.allCases.map(\.rawValue)).isSubset(of: specs))
        // The enum of the older parameter has stopped growing.
        let older =
            try #require(await Self.shapes(["CustomerMasterKeySpec"])["CustomerMasterKeySpec"]?.object?["enum"])
            .array?.compactMap(\.string) ?? []
        #expect(Set(KeySpec.customerMasterKeySpecs.map(\.rawValue)) == Set(older).subtracting(["SM2"]))
        let states = try #require(await Self.shapes(["KeyState"])["KeyState"]?.object?["enum"]?.array).compactMap(
            \.string
        )
        #expect(Set(KeyState.allCases.map(\.rawValue)).isSubset(of: states))
    }
}
