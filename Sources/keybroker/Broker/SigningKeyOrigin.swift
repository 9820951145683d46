// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Cryptography
import Encoding

/// Whence an enclave has a signing key, as its attestation says.
struct SigningKeyOrigin {
    let kind: AttestationUserData.KeyOrigin
    let time: Timestamp

    /// `made inside 2026-01-05T08:00:00Z`.
    var text: String {
        let words =
            switch kind {
            case .imported: "imported"
            case .madeOffline: "made offline"
            case .madeInside: "made inside"
            }
        return "\(words) \(time.rfc3339)"
    }
}

extension AttestedEnclave {
    /// Nil: the attestation does not name the key with this SubjectPublicKeyInfo.
    func origin(ofKey spki: [UInt8]) -> SigningKeyOrigin? {
        guard userData.signingKeyDigest == Hash.digest(.sha256, spki), let origin = userData.signingKeyOrigin else {
            return nil
        }
        return SigningKeyOrigin(
            kind: origin.origin,
            time: Timestamp(seconds: Int64(clamping: min(origin.createdAt, 1 << 40)))
        )
    }
}
