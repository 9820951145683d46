// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import Encoding
import KMSProtocol
import KeyService
import NIOHTTP1
import SigV4
import Transport

/// Who sends a request: SigV4 over the access keys of the options. Any Host will do, since a laptop has many names.
struct Authenticator: Sendable {
    private let verifier: SigV4Verifier<Caller>

    init(options: DevelopmentKMS.Options) {
        var accessKeys: [String: DevelopmentKMS.Options.AccessKey] = [:]
        for key in options.accessKeys { accessKeys[key.credentials.accessKeyID] = key }
        let account = options.account
        verifier = SigV4Verifier(
            scope: SigV4Scope(region: options.region, service: "kms"),
            hosts: nil,
            acceptsToken: { [accessKeys] accessKeyID, token in
                accessKeys[accessKeyID].map { $0.credentials.sessionToken == token } ?? false
            },
            lookup: { [accessKeys] accessKeyID in
                guard let key = accessKeys[accessKeyID] else { return nil }
                let caller = Caller(
                    accessKeyID: accessKeyID,
                    arn: key.arn,
                    account: Self.account(of: key.arn) ?? account,
                    policies: key.policies
                )
                return (key.credentials.secretAccessKey, caller)
            }
        )
    }

    func authenticate(_ request: HTTPRequest, body: [UInt8], at now: Timestamp) throws(KMSError) -> Caller {
        try verifier.authenticate(
            method: request.method.rawValue,
            target: request.target,
            headers: request.headers,
            body: body,
            at: now
        ).principal
    }

    /// The fifth field of an ARN.
    private static func account(of arn: String) -> String? {
        let fields = arn.split(separator: ":", maxSplits: 5, omittingEmptySubsequences: false)
        return fields.count == 6 && !fields[4].isEmpty ? String(fields[4]) : nil
    }
}
