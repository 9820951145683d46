// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Encoding
import KMSProtocol
import KeyService
import Keyring
import SigV4

/// Works out a change: who may, what follows, the sealed bytes. Touches nothing but what it returns.
///
/// Not for an event loop: an RSA key takes seconds.
enum ChangePlanning: Sendable {
    struct Outcome: Sendable {
        let next: Unlocked
        let sealed: SealedKeyring
        /// Nil: an empty body.
        let output: JSONObject?
    }

    static func plan(_ request: ChangeRequest, on current: Unlocked, at now: Timestamp) throws(KMSError) -> Outcome {
        // As it is in this version: a change before may have taken the principal away, or its permissions.
        guard let caller = current.authenticator.principals.lookup(request.sender.caller.accessKeyID)?.principal else {
            throw KMSError(SigV4Error.invalidToken.name, SigV4Error.invalidToken.message)
        }
        let circumstances = Circumstances(now: now, isSecureTransport: request.isSecureTransport)
        // Keys whose date has come are gone, whatever the change is.
        let keys = current.keys.withoutKeysDue(at: now) ?? current.keys
        let planned: PlannedChange
        switch request.operation {
        case .kms(let operation):
            let configuration = current.configured.configuration
            let service = KeyService(
                account: configuration.account,
                region: configuration.region,
                operations: KeyService.changeOperations
            )
            let change = try service.change(
                operation,
                request.input,
                caller: caller,
                keys: keys,
                circumstances: circumstances
            )
            planned = PlannedChange(keys: change.keys, output: change.output)
        case .principal(let change):
            try BrokerOperations.authorize(change.operation, caller: caller, current, circumstances)
            let (principals, output) = try change.make(request.input, caller: caller, current, circumstances)
            planned = PlannedChange(keys: keys, principals: principals, output: output)
        }
        let (next, sealed) = try current.next(planned, signedAt: request.sender.signedAt)
        return Outcome(next: next, sealed: sealed, output: planned.output)
    }
}

extension Unlocked {
    /// The next version, sealed but not stored. Where principals stay, so do the signing keys that were derived for them.
    fileprivate func next(_ change: PlannedChange, signedAt: Timestamp) throws(KMSError) -> (Unlocked, SealedKeyring) {
        var contents = contents
        contents.keys = change.keys.keys
        var authenticator = authenticator
        if let principals = change.principals {
            contents.principals = principals.all
            authenticator = Authenticator(configured.configuration, principals.table)
        }
        contents.lastChange = max(contents.lastChange ?? signedAt, signedAt)
        let sealed: SealedKeyring
        do {
            sealed = try store.seal(contents, after: header, digest: digest)
        } catch {
            throw Self.kmsError(error)
        }
        let next = Unlocked(
            configured: configured,
            header: sealed.header,
            digest: sealed.digest,
            contents: contents,
            keys: change.keys,
            authenticator: authenticator,
            store: store,
            tls: tls,
            sealedDigest: sealed.sealedDigest
        )
        return (next, sealed)
    }

    private static func kmsError(_ error: KeyringError) -> KMSError {
        guard case .limitExceeded(let limit) = error else {
            return KMSError("KMSInternalException", "The change cannot be sealed.")
        }
        let what =
            switch limit {
            case "keys": "more than \(KeyringLimits.keys) keys"
            case "principals": "more than \(KeyringLimits.principals) access keys"
            case "policiesPerPrincipal": "more than \(KeyringLimits.policiesPerPrincipal) policies of one access key"
            case "policyLength": "a policy longer than \(KeyringLimits.policyLength) bytes"
            case "sealedLength": "more than \(KeyringLimits.sealedLength) bytes"
            default: "more than it can (\(limit))"
            }
        return KMSError("LimitExceededException", "With this change the keyring would hold \(what).")
    }
}
