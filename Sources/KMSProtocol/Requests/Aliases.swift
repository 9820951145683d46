// SPDX-License-Identifier: Apache-2.0

package import Encoding

/// `CreateAlias` and `UpdateAlias`, whose inputs are the same (API Reference).
package struct AliasTargetRequest: Sendable {
    /// With its prefix: `alias/audit`.
    package let aliasName: String
    /// A key id or key ARN, not an alias.
    package let targetKeyID: String

    /// - Throws: `SerializationException` or `ValidationException` in KMS's words; `NotAuthorizedException` for names
    ///   under `alias/aws/`.
    package init(_ input: JSONObject) throws(KMSError) {
        var reader = RequestReader(input)
        let aliasName = try reader.aliasName()
        let targetKeyID = try reader.keyID("TargetKeyId")
        try reader.finish()
        self.aliasName = try reader.present(aliasName)
        self.targetKeyID = try reader.present(targetKeyID)
        try checkAliasName(self.aliasName)
        switch KeyReference(self.targetKeyID) {
        case .id, .arn: return
        case .alias, .aliasARN, nil: throw .validation("Aliases must refer to keys. Not aliases")
        }
    }
}

/// `DeleteAlias` (API Reference).
package struct DeleteAliasRequest: Sendable {
    /// With its prefix: `alias/audit`.
    package let aliasName: String

    /// - Throws: `SerializationException` or `ValidationException` in KMS's words; `NotAuthorizedException` for names
    ///   under `alias/aws/`.
    package init(_ input: JSONObject) throws(KMSError) {
        var reader = RequestReader(input)
        let aliasName = try reader.aliasName()
        try reader.finish()
        self.aliasName = try reader.present(aliasName)
        try checkAliasName(self.aliasName)
    }
}

extension RequestReader {
    fileprivate mutating func aliasName() throws(KMSError) -> String? {
        try string("AliasName", required: true, length: KMSLimits.aliasName, pattern: .aliasName)
    }
}

/// - Throws: `ValidationException` for a name of another form; `NotAuthorizedException` for one of AWS's own.
private func checkAliasName(_ name: String) throws(KMSError) {
    guard name.hasPrefix("alias/"), name != "alias/" else { throw .validation("Invalid identifier") }
    guard !name.hasPrefix("alias/aws/") else { throw KMSError("NotAuthorizedException") }
    guard KeyReference.isAliasName(name) else {
        throw .validation("\(name) contains invalid characters for an alias")
    }
}
