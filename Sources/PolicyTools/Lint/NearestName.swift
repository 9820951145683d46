// SPDX-License-Identifier: Apache-2.0

import AccessPolicy

/// Which name a misspelled one may have meant.
enum NearestName: Sendable {
    /// Names that people write for KMS's, without separators and in lower case.
    private static let synonyms: [String: [String]] = [
        "ed25519": ["ED25519_SHA_512", "ECC_NIST_EDWARDS25519"],
        "eddsa": ["ED25519_SHA_512", "ECC_NIST_EDWARDS25519"],
        "ed25519sha512": ["ED25519_SHA_512"],
        "ed25519ph": ["ED25519_PH_SHA_512"],
        "eced25519": ["ECC_NIST_EDWARDS25519"],
        "ecced25519": ["ECC_NIST_EDWARDS25519"],
        "eccedwards25519": ["ECC_NIST_EDWARDS25519"],
        "rsasha256": ["RSASSA_PKCS1_V1_5_SHA_256"],
        "rs256": ["RSASSA_PKCS1_V1_5_SHA_256"],
        "rs384": ["RSASSA_PKCS1_V1_5_SHA_384"],
        "rs512": ["RSASSA_PKCS1_V1_5_SHA_512"],
        "ps256": ["RSASSA_PSS_SHA_256"],
        "ps384": ["RSASSA_PSS_SHA_384"],
        "ps512": ["RSASSA_PSS_SHA_512"],
        "es256": ["ECDSA_SHA_256"],
        "es384": ["ECDSA_SHA_384"],
        "es512": ["ECDSA_SHA_512"],
        "hs256": ["HMAC_SHA_256", "HMAC_256"],
        "hs384": ["HMAC_SHA_384", "HMAC_384"],
        "hs512": ["HMAC_SHA_512", "HMAC_512"],
        "p256": ["ECC_NIST_P256"],
        "p384": ["ECC_NIST_P384"],
        "p521": ["ECC_NIST_P521"],
        "secp256k1": ["ECC_SECG_P256K1"],
        "aes256": ["SYMMETRIC_DEFAULT"],
        "aes256gcm": ["SYMMETRIC_DEFAULT"],
        "hash": ["DIGEST"],
        "message": ["RAW"],
        "reencrypt": ["kms:ReEncryptFrom"],
        "kmsreencrypt": ["kms:ReEncryptFrom"],
        "kmsrecipientattestation": ["kms:RecipientAttestation:ImageSha384"],
    ]

    /// The one of `names` that `text` is nearest to; nil if it is like none.
    static func of(_ text: String, among names: [String]) -> String? {
        let folded = Self.folded(text)
        if let same = names.first(where: { Self.folded($0) == folded }) { return same }
        if let meant = synonyms[folded]?.first(where: names.contains) { return meant }
        let ranked = names.map { (name: $0, distance: distance(Self.folded($0), folded)) }
        guard let best = ranked.min(by: { $0.distance < $1.distance }) else { return nil }
        // A third of the letters wrong is another word.
        return best.distance <= max(1, min(folded.utf8.count, best.name.utf8.count) / 3) ? best.name : nil
    }

    private static func folded(_ text: String) -> String {
        String(decoding: text.lowercased().utf8.filter { !"_- :.".utf8.contains($0) }, as: UTF8.self)
    }

    /// Letters to insert, to leave out, or to change (Levenshtein). Long texts are like nothing.
    private static func distance(_ a: String, _ b: String) -> Int {
        let (a, b) = (Array(a.utf8), Array(b.utf8))
        guard max(a.count, b.count) <= maximumLength else { return .max }
        var row = Array(0...b.count)
        for (i, letter) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, other) in b.enumerated() {
                let changed = diagonal + (letter == other ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(changed, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[b.count]
    }

    /// Longer than every name here.
    private static let maximumLength = 64
}
