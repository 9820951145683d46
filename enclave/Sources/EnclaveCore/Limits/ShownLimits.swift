// SPDX-License-Identifier: Apache-2.0

import Encoding
import KMSProtocol
import NIOCore
import Transport

extension EnclaveLimits {
    /// What a client may want to know, as `GetStatus` has it.
    static let shown = JSONObject(
        [
            ("PrincipalWorkPerSecond", principalRates.work), ("PrincipalWorkBurst", principalRates.workBurst),
            ("PrincipalChangesPerSecond", principalRates.changes),
            ("PrincipalChangesBurst", principalRates.changesBurst), ("WorkPerSecond", ratesInAll.work),
            ("ChangesPerSecond", ratesInAll.changes), ("PublicAttestationsPerSecond", publicDocuments),
            ("SlowRequests", deferredRequests), ("PrincipalSlowRequests", deferredRequestsEach),
            ("Connections", server.connections), ("RequestBytes", requestBody), ("SignBatchBytes", batchBody),
            ("PayloadBytes", EnvelopeLimits.payload.upperBound), ("EnvelopesPerKey", Int(envelopesPerKey)),
            ("HeaderBytes", server.headerBytes),
            ("RequestSeconds", Int(server.requestTimeout.nanoseconds / 1_000_000_000)),
            ("IdleSeconds", Int(server.idleTimeout.nanoseconds / 1_000_000_000)), ("ClockSkewSeconds", Int(clockSkew)),
        ].map { ($0.0, JSON.number(JSONNumber(Int64($0.1)))) }
    )
}
