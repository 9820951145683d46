// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import BrokerProtocol
import Cryptography
import Encoding
import KMSProtocol
import KeyService
import Keyring

/// Principals as they are to be.
struct PrincipalsChange: Sendable {
    let all: [Principal]
    let table: PrincipalTable
}

/// An operation that changes principals. Whoever may create one, or put its policies, may do all that those policies say:
/// as in IAM.
enum PrincipalChange: Sendable {
    case create
    case delete
    case putPolicy

    /// IAM's quota "Access keys per user": two, so that one can be put in place of the other.
    private static let accessKeysPerUser = 2

    var operation: BrokerOperation {
        switch self {
        case .create: .createPrincipal
        case .delete: .deletePrincipal
        case .putPolicy: .putPrincipalPolicy
        }
    }

    /// The user's ARN: what its access keys have in common.
    func resource(_ input: JSONObject, _ unlocked: Unlocked) -> String? {
        switch self {
        case .create:
            input["PrincipalName"]?.string.map { Self.userARN(unlocked, $0) }
        case .delete, .putPolicy:
            input["AccessKeyId"]?.string.flatMap { unlocked.authenticator.principals.lookup($0)?.principal.arn }
        }
    }

    func make(_ input: JSONObject, caller: Caller, _ current: Unlocked, _ circumstances: Circumstances)
        throws(KMSError) -> (PrincipalsChange, output: JSONObject?)
    {
        switch self {
        case .create: try Self.create(CreatePrincipalRequest(input), current, circumstances)
        case .delete: (try Self.delete(DeletePrincipalRequest(input), caller, current), nil)
        case .putPolicy: (try Self.put(PutPrincipalPolicyRequest(input), caller, current, circumstances), nil)
        }
    }

    // MARK: The three

    private static func create(_ request: CreatePrincipalRequest, _ current: Unlocked, _ circumstances: Circumstances)
        throws(KMSError) -> (PrincipalsChange, output: JSONObject?)
    {
        guard circumstances.isSecureTransport else {
            throw .secretNeedsTLS(BrokerOperation.createPrincipal.rawValue)
        }
        let arn = userARN(current, request.principalName)
        let others = current.contents.principals.filter { $0.arn == arn }
        guard others.count < accessKeysPerUser else {
            throw KMSError(
                "LimitExceededException",
                "\(arn) has \(accessKeysPerUser) access keys, the most of a user: delete one first."
            )
        }
        let principal: Principal
        do {
            principal = Principal(
                accessKeyID: try AccessKey.makeID(random: SecureRandom.bytes),
                secret: try AccessKey.makeSecret(),
                arn: arn,
                policies: request.policies ?? others.first?.policies ?? [],
                creationDate: circumstances.now
            )
        } catch {
            throw KMSError("KMSInternalException", "No access key can be made.")
        }
        let secret = principal.secret.bytes.withBytes { bytes in
            unsafe bytes.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
        }
        let output = JSONObject([
            ("Principal", .object(principal.description)), ("SecretAccessKey", .string(secret)),
        ])
        return (try change(current.contents.principals + [principal], current), output)
    }

    private static func delete(_ request: DeletePrincipalRequest, _ caller: Caller, _ current: Unlocked)
        throws(KMSError) -> PrincipalsChange
    {
        var principals = current.contents.principals
        let index = try index(of: request.accessKeyID, in: principals)
        guard request.accessKeyID != caller.accessKeyID else {
            throw .validation("An access key cannot delete itself: use another one.")
        }
        principals.remove(at: index)
        return try change(principals, current)
    }

    private static func put(
        _ request: PutPrincipalPolicyRequest,
        _ caller: Caller,
        _ current: Unlocked,
        _ circumstances: Circumstances
    ) throws(KMSError) -> PrincipalsChange {
        var principals = current.contents.principals
        principals[try index(of: request.accessKeyID, in: principals)].policies = request.policies
        let change = try change(principals, current)
        guard !request.bypassPolicyLockoutSafetyCheck, request.accessKeyID == caller.accessKeyID else { return change }
        guard let next = change.table.lookup(caller.accessKeyID)?.principal,
            (try? BrokerOperations.authorize(.putPrincipalPolicy, caller: next, current, circumstances)) != nil
        else {
            throw KMSError(
                "MalformedPolicyDocumentException",
                "The new policies will not allow you to put policies in the future."
            )
        }
        return change
    }

    // MARK: What they share

    /// - Throws: `MalformedPolicyDocumentException`. The keyring's limits are judged when it is sealed.
    private static func change(_ principals: [Principal], _ current: Unlocked) throws(KMSError) -> PrincipalsChange {
        do {
            let account = current.configured.configuration.account
            return PrincipalsChange(all: principals, table: try PrincipalTable(principals, account: account))
        } catch {
            throw KMSError("MalformedPolicyDocumentException", error.description)
        }
    }

    private static func index(of accessKeyID: String, in principals: [Principal]) throws(KMSError) -> Int {
        guard let index = principals.firstIndex(where: { $0.accessKeyID == accessKeyID }) else {
            throw KMSError("NotFoundException", "Access key '\(accessKeyID)' does not exist")
        }
        return index
    }

    private static func userARN(_ unlocked: Unlocked, _ name: String) -> String {
        "arn:aws:iam::\(unlocked.configured.configuration.account):user/\(name)"
    }
}

extension Principal {
    /// As responses show it: everything but the secret.
    var description: JSONObject {
        var members = JSONObject([("AccessKeyId", .string(accessKeyID)), ("Arn", .string(arn))])
        if let creationDate { members["CreationDate"] = .epochSeconds(creationDate) }
        members["Policies"] = .array(policies.map { .string($0) })
        return members
    }
}
