// SPDX-License-Identifier: Apache-2.0

import Encoding
import KMSProtocol
import KeyService
import Synchronization

/// What stands between authentication and service: allowances, requests that came before, and counts of both.
final class RequestGate: Sendable {
    private let quotas: RequestQuotas
    private let documents = TokenBucket(
        rate: EnclaveLimits.publicDocuments,
        burst: EnclaveLimits.publicDocumentsBurst
    )
    private let memory = SignatureMemory(bits: EnclaveLimits.rememberedRequestBits)
    /// Nonces of each key.
    let envelopes = EnvelopeCounts(limit: EnclaveLimits.envelopesPerKey)
    private let log: EnclaveLog

    private let authenticated = Atomic<Int64>(0)
    private let unauthenticated = Atomic<Int64>(0)
    private let throttled = Atomic<Int64>(0)
    private let repeated = Atomic<Int64>(0)
    private let signatures = Atomic<Int64>(0)
    private let throttledLine = RareLine(every: EnclaveLimits.rareLineInterval)
    private let repeatedLine = RareLine(every: EnclaveLimits.rareLineInterval)

    init(
        _ rates: RequestQuotas.Rates = EnclaveLimits.principalRates,
        inAll: RequestQuotas.Rates = EnclaveLimits.ratesInAll,
        log: EnclaveLog
    ) {
        quotas = RequestQuotas(rates, inAll: inAll, maximum: EnclaveLimits.rememberedPrincipals)
        self.log = log
    }

    /// A request that nobody vouches for was refused.
    func wasRefused() { unauthenticated.add(1, ordering: .relaxed) }

    /// Counts an authenticated request, and notices one that came before: an SDK's second try, a client that signs the
    /// same twice within a second, or a replay. It is served: what it yields its principal asked for.
    func wasAuthenticated(_ request: Authenticated, at now: Timestamp) {
        authenticated.add(1, ordering: .relaxed)
        guard memory.hasSeen(request.mark) else { return }
        repeated.add(1, ordering: .relaxed)
        repeatedLine.happened(at: now) { count in
            log.warning("signed requests came again", [("count", .number(JSONNumber(count)))])
        }
    }

    /// Takes what a request costs of its principal's allowance.
    ///
    /// - Throws: KMS's ThrottlingException.
    func admit(_ cost: RequestCost, of caller: Caller, at now: Timestamp) throws(KMSError) {
        if quotas.admit(cost, of: caller.arn, at: now) { return }
        throttled.add(1, ordering: .relaxed)
        throttledLine.happened(at: now) { count in
            log.warning(
                "requests throttled",
                [("count", .number(JSONNumber(count))), ("principal", .string(caller.arn))]
            )
        }
        throw .throttled
    }

    /// For a document that anybody may ask for.
    func admitsPublicDocument(at now: Timestamp) -> Bool { documents.take(1, at: now) }

    func didSign(_ count: Int) { signatures.add(Int64(count), ordering: .relaxed) }

    /// Messages that were signed, and signed requests that came before, since the process started.
    var signatureCount: Int64 { signatures.load(ordering: .relaxed) }
    var repeatedCount: Int64 { repeated.load(ordering: .relaxed) }

    /// Since the process started.
    var counts: JSONObject {
        JSONObject([
            ("Authenticated", Self.number(authenticated)), ("Unauthenticated", Self.number(unauthenticated)),
            ("Throttled", Self.number(throttled)), ("Repeated", Self.number(repeated)),
            ("Signatures", Self.number(signatures)), ("Envelopes", .number(JSONNumber(envelopes.sum))),
        ])
    }

    private static func number(_ count: borrowing Atomic<Int64>) -> JSON {
        .number(JSONNumber(count.load(ordering: .relaxed)))
    }
}
