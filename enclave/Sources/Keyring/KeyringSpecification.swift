// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
package import Encoding
package import KMSProtocol
import KeyService

/// What an operator asks of a new keyring: `docs/reference/keyring-specification.schema.json`.
package struct KeyringSpecification: Sendable, Equatable {
    package static let format: Int64 = 1
    /// Bytes of the JSON.
    package static let maximumLength = 1 << 20

    package struct Key: Sendable, Equatable {
        /// UUID to keep, of a key that existed elsewhere; nil: a fresh one.
        package var keyID: String?
        /// With their prefix: `alias/audit`.
        package var aliases: [String]
        package var spec: KeySpec
        package var usage: KeyUsage
        package var description: String
        /// Key policy as JSON text; nil: the account root, which lets IAM policies decide.
        package var policy: String?
        /// Not encrypted: PKCS#8 in DER, or PKCS#8, SEC1 or PKCS#1 in PEM for a key pair; raw bytes for a symmetric key.
        /// Nil: made here.
        package var importFile: String?
    }

    package struct Principal: Sendable, Equatable {
        package var name: String
        package var arn: String
        /// IAM policies as JSON text.
        package var policies: [String]
    }

    package var keyringID: String
    package var account: String
    package var region: String
    package var keys: [Key]
    package var principals: [Principal]

    /// Name of the one principal of a specification that names none: it may do everything.
    package static let administratorName = "administrator"

    /// Parses; unknown members are errors.
    package init(json: [UInt8]) throws(JSONFieldError) {
        var fields = try JSONFields(json: json, limits: JSONLimits(totalLength: Self.maximumLength, depth: 32))
        _ = try fields.integer("format", in: Self.format...Self.format)
        keyringID = try fields.string("keyringId")
        try Self.require(
            BrokerIdentifier.isValid(keyringID),
            fields.path("keyringId"),
            "1 to 64 characters of A-Z a-z 0-9 . _ -"
        )
        account = try fields.string("account")
        try Self.require(AWSIdentifier.isAccount(account), fields.path("account"), "twelve digits")
        region = try fields.string("region")
        try Self.require(AWSIdentifier.isRegion(region), fields.path("region"), "a region such as us-east-1")
        keys = []
        for (index, entry) in try Self.array(try fields.value("keys"), fields.path("keys")).enumerated() {
            keys.append(try Key(entry, at: fields.path("keys[\(index)]")))
        }
        try Self.require((1...KeyringLimits.keys).contains(keys.count), "keys", "1 to \(KeyringLimits.keys) keys")
        principals = []
        if let list = try fields.optionalValue("principals") {
            for (index, entry) in try Self.array(list, fields.path("principals")).enumerated() {
                principals.append(try Principal(entry, at: fields.path("principals[\(index)]"), account: account))
            }
            try Self.require(
                (1...KeyringLimits.principals).contains(principals.count),
                "principals",
                "1 to \(KeyringLimits.principals) principals; leave it out for one administrator"
            )
        } else {
            principals = [.administrator(account: account)]
        }
        try fields.finish()
    }

    static func array(_ value: JSON, _ path: String) throws(JSONFieldError) -> [JSON] {
        guard let elements = value.array else {
            throw JSONFieldError(path: path, problem: .wrongType(expected: "array"))
        }
        return elements
    }

    static func require(_ holds: Bool, _ path: String, _ rule: String) throws(JSONFieldError) {
        if !holds { throw JSONFieldError(path: path, problem: .invalid(reason: rule)) }
    }

    /// A policy stands in the file as an object, and is kept as its text.
    static func policyText(_ value: JSON, _ path: String) throws(JSONFieldError) -> String {
        guard value.object != nil else { throw JSONFieldError(path: path, problem: .wrongType(expected: "object")) }
        let text = String(decoding: value.serialized(), as: UTF8.self)
        try require(text.utf8.count <= KeyringLimits.policyLength, path, "at most 32768 bytes")
        return text
    }
}

extension KeyringSpecification.Key {
    /// Key specs with one sensible use: signing, or authentication codes; RSA keys sign unless told otherwise.
    private static func usage(of spec: KeySpec) -> KeyUsage {
        switch spec {
        case .symmetricDefault: .encryptDecrypt
        case .hmac224, .hmac256, .hmac384, .hmac512: .generateVerifyMAC
        default: .signVerify
        }
    }

    fileprivate init(_ value: JSON, at path: String) throws(JSONFieldError) {
        var fields = try JSONFields(value, at: path)
        let specName = try fields.string("keySpec")
        guard let spec = KeySpec(rawValue: specName) else {
            let known = KeySpec.allCases.map(\.rawValue).joined(separator: ", ")
            throw JSONFieldError(path: fields.path("keySpec"), problem: .invalid(reason: "one of \(known)"))
        }
        self.spec = spec
        usage = Self.usage(of: spec)
        if let name = try fields.optionalString("keyUsage") {
            guard let usage = KeyUsage(rawValue: name), spec.usages.contains(usage) else {
                let known = spec.usages.map(\.rawValue).joined(separator: ", ")
                throw JSONFieldError(path: fields.path("keyUsage"), problem: .invalid(reason: "one of \(known)"))
            }
            self.usage = usage
        }
        keyID = try fields.optionalString("keyId")
        if let keyID {
            try KeyringSpecification.require(
                KeyReference.isKeyID(keyID),
                fields.path("keyId"),
                "a UUID in lower case"
            )
        }
        aliases = []
        if let list = try fields.optionalValue("aliases") {
            for entry in try KeyringSpecification.array(list, fields.path("aliases")) {
                guard let name = entry.string else {
                    throw JSONFieldError(path: fields.path("aliases"), problem: .wrongType(expected: "string"))
                }
                try KeyringSpecification.require(
                    KeyReference.isAliasName(name) && !name.hasPrefix("alias/aws/"),
                    fields.path("aliases"),
                    "alias/ and a name of A-Z a-z 0-9 / _ -, not alias/aws/"
                )
                aliases.append(name)
            }
            try KeyringSpecification.require(
                aliases.count <= KeyringLimits.aliasesPerKey,
                fields.path("aliases"),
                "at most \(KeyringLimits.aliasesPerKey)"
            )
        }
        description = try fields.optionalString("description") ?? ""
        try KeyringSpecification.require(
            KMSLimits.description.contains(description.unicodeScalars.count),
            fields.path("description"),
            "at most \(KMSLimits.description.upperBound) characters"
        )
        policy = nil
        if let value = try fields.optionalValue("policy") {
            policy = try KeyringSpecification.policyText(value, fields.path("policy"))
        }
        importFile = try fields.optionalString("importFile")
        if let origin = try fields.optionalString("origin") {
            let actual: KeyRecord.Origin = importFile == nil ? .offline : .imported
            try KeyringSpecification.require(
                origin == actual.rawValue,
                fields.path("origin"),
                "\"imported\" with importFile, \"offline\" without; it may be left out"
            )
        }
        try fields.finish()
    }
}

extension KeyringSpecification.Principal {
    /// `kms:*` does not cover the broker's own operations, so both are named.
    private static let administratorPolicy =
        #"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["kms:*","keybroker:*"],"Resource":"*"}]}"#

    fileprivate static func administrator(account: String) -> Self {
        let name = KeyringSpecification.administratorName
        return Self(name: name, arn: userARN(account: account, name: name), policies: [administratorPolicy])
    }

    private static func userARN(account: String, name: String) -> String { "arn:aws:iam::\(account):user/\(name)" }

    fileprivate init(_ value: JSON, at path: String, account: String) throws(JSONFieldError) {
        var fields = try JSONFields(value, at: path)
        name = try fields.string("name")
        try KeyringSpecification.require(
            BrokerIdentifier.isValid(name),
            fields.path("name"),
            "1 to 64 characters of A-Z a-z 0-9 . _ -"
        )
        arn = try fields.optionalString("arn") ?? Self.userARN(account: account, name: name)
        try KeyringSpecification.require(
            Self.isPrincipalARN(arn, account: account),
            fields.path("arn"),
            "arn:aws:iam::\(account):user/NAME or role/NAME"
        )
        policies = []
        for (index, entry) in try KeyringSpecification.array(
            try fields.value("policies"),
            fields.path("policies")
        ).enumerated() {
            policies.append(try KeyringSpecification.policyText(entry, fields.path("policies[\(index)]")))
        }
        try KeyringSpecification.require(
            policies.count <= KeyringLimits.policiesPerPrincipal,
            fields.path("policies"),
            "at most \(KeyringLimits.policiesPerPrincipal)"
        )
        try fields.finish()
    }

    /// A user, role or session of the broker's own account; never the account root, which no policy binds.
    private static func isPrincipalARN(_ text: String, account: String) -> Bool {
        guard text.utf8.count <= 512 else { return false }
        let parts = text.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false)
        guard parts.count == 6, parts[0] == "arn", parts[1] == "aws" || parts[1].hasPrefix("aws-"),
            parts[2] == "iam" || parts[2] == "sts", parts[3].isEmpty, parts[4] == account
        else { return false }
        let kinds = parts[2] == "iam" ? ["user/", "role/"] : ["assumed-role/"]
        let isNamed = kinds.contains { parts[5].hasPrefix($0) && parts[5].utf8.count > $0.utf8.count }
        return isNamed && parts[5].utf8.allSatisfy { (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "*") }
    }
}
