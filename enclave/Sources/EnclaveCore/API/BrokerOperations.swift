// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Encoding
import KMSProtocol
import KeyService
import Keyring

/// The broker's own operations, authorised by the principal's IAM policies on the broker's ARN.
struct BrokerOperations: Sendable {
    let desk: AttestationDesk

    /// Whether the principal may do this to the broker. There is no broker policy: IAM policies decide alone.
    static func authorize(
        _ operation: BrokerOperation,
        caller: Caller,
        _ unlocked: Unlocked,
        _ circumstances: Circumstances
    ) throws(KMSError) {
        let configuration = unlocked.configured.configuration
        try AccessCheck(action: operation.action, caller: caller, circumstances: circumstances)
            .require(onResource: configuration.arn, ownedBy: configuration.account)
    }

    static func status(_ unlocked: Unlocked, _ gate: RequestGate, at now: Timestamp) -> JSONObject {
        let configured = unlocked.configured
        let version = Int64(clamping: unlocked.header.version)
        var status = JSONObject([
            ("BrokerId", .string(configured.configuration.brokerID)),
            ("Version", .string(productVersion)),
            ("State", .string(EnclaveState.unlocked(unlocked).name)),
            ("Time", .epochSeconds(now)),
            ("BootId", .string(Hex.encode(configured.bootID))),
            ("ConfigurationDigest", .string(Hex.encode(configured.configurationDigest))),
            ("Channel", .string(configured.configuration.kms.channel)),
            ("KeyringId", .string(unlocked.header.keyringID)),
            ("KeyringVersion", .number(JSONNumber(version))),
            ("KeyringDigest", .string(Hex.encode(unlocked.digest))),
            ("KeyCount", .number(JSONNumber(Int64(unlocked.keys.keys.count)))),
            ("Pcr0", .string(Hex.encode(configured.pcr0))),
            ("Pcr16", .string(Hex.encode(configured.pcr16))), ("Requests", .object(gate.counts)),
            ("Limits", .object(EnclaveLimits.shown)),
        ])
        status["KeyringSealedDigest"] = unlocked.sealedDigest.map { .string(Hex.encode($0)) }
        return status
    }

    /// `{Limit?, Marker?}` → `{Principals, NextMarker?, Truncated}`, in the order of access key ids.
    static func principals(_ input: JSONObject, _ unlocked: Unlocked) throws(KMSError) -> JSONObject {
        let request = try ListPrincipalsRequest(input)
        let page = try Page(
            of: unlocked.contents.principals,
            limit: request.limit,
            after: request.marker
        ) { $0.accessKeyID }
        return page.output(as: "Principals") { .object($0.description) }
    }

    /// `{Nonce, KeyId?}` → `{AttestationDocument}`.
    func attestation(_ input: JSONObject, _ unlocked: Unlocked) throws(KMSError) -> JSONObject {
        let nonce = try Self.nonce(input)
        let key = try Self.key(input, unlocked)
        return JSONObject([("AttestationDocument", .blob(try desk.document(unlocked, nonce: nonce, key: key)))])
    }

    private static func nonce(_ input: JSONObject) throws(KMSError) -> [UInt8] {
        guard let value = input["Nonce"], value != .null else {
            throw .validation(
                "1 validation error detected: Value null at 'nonce' failed to satisfy constraint: "
                    + "Member must not be null"
            )
        }
        guard let text = value.string, let nonce = try? Base64.decode(text) else {
            throw .serialization("Member is not valid base64")
        }
        guard attestationNonceLength.contains(nonce.count) else { throw AttestationDesk.nonceLengthError }
        return nonce
    }

    private static func key(_ input: JSONObject, _ unlocked: Unlocked) throws(KMSError) -> KeyRecord? {
        guard let value = input["KeyId"], value != .null else { return nil }
        guard let keyID = value.string else { throw .serialization("Member is not a string") }
        return try unlocked.keys.resolve(keyID).key
    }
}
