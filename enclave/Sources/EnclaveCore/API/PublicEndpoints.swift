// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Encoding
import KMSProtocol
import KeyService
import NIOCore
import NIOHTTP1
import Transport

/// What needs no authentication: `GET /health` and `GET /attestation`.
struct PublicEndpoints: Sendable {
    /// Bytes of a query: a nonce in hex and a key id of any form.
    private static let queryLength = 4096

    let deferred: DeferredWork
    let desk: AttestationDesk
    let gate: RequestGate
    let clock: TrustedClock

    /// `{state, version}`, with the reason where there is one; 503 unless it serves.
    static func health(_ state: EnclaveState) -> HTTPResponse {
        var members = JSONObject([("state", .string(state.name)), ("version", .string(productVersion))])
        if let reason = state.reason { members["reason"] = .string(reason) }
        let isServing = if case .unlocked = state { true } else { false }
        return Reply.response(
            isServing ? .ok : .serviceUnavailable,
            contentType: "application/json",
            body: JSON.object(members).serialized()
        )
    }

    /// `?nonce=HEX[&key=KEYID]` → the document's bytes.
    func attestation(query: Substring, _ unlocked: Unlocked, on loop: any EventLoop) -> EventLoopFuture<HTTPResponse> {
        do throws(KMSError) {
            let (nonce, keyID) = try Self.parse(query)
            let key: KeyRecord? = if let keyID { try unlocked.keys.resolve(keyID).key } else { nil }
            guard gate.admitsPublicDocument(at: clock.now) else {
                return loop.makeSucceededFuture(Reply.failure(.tooManyRequests, .throttled))
            }
            return deferred.run(on: loop, for: DeferredWork.anonymous, units: RequestCost.attestation.units) { [desk] in
                do throws(KMSError) {
                    return Reply.document(try desk.document(unlocked, nonce: nonce, key: key))
                } catch {
                    return Reply.failure(error)
                }
            }
        } catch {
            return loop.makeSucceededFuture(Reply.failure(error))
        }
    }

    private static func parse(_ query: Substring) throws(KMSError) -> (nonce: [UInt8], keyID: String?) {
        guard query.utf8.count <= queryLength else { throw .validation("The query is too long.") }
        var values: [String: String] = [:]
        for item in query.split(separator: "&", omittingEmptySubsequences: false) {
            let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, let value = percentDecoded(parts[1]) else {
                throw .validation("The query is not nonce=HEX[&key=KEYID].")
            }
            let name = String(parts[0])
            guard name == "nonce" || name == "key", values.updateValue(value, forKey: name) == nil else {
                throw .validation("The query is not nonce=HEX[&key=KEYID].")
            }
        }
        guard let text = values["nonce"], let nonce = try? Hex.decode(text),
            attestationNonceLength.contains(nonce.count)
        else { throw AttestationDesk.nonceLengthError }
        return (nonce, values["key"])
    }

    /// RFC 3986 section 2.1; nil for a broken escape or what is not UTF-8.
    private static func percentDecoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = Substring(text).utf8[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard let digits = String(rest.prefix(2)), let value = try? Hex.decode(digits), value.count == 1 else {
                return nil
            }
            bytes += value
            rest = rest.dropFirst(2)
        }
        return String(validating: bytes, as: UTF8.self)
    }
}
