// SPDX-License-Identifier: Apache-2.0

package import CBOR
package import Cryptography

/// COSE algorithm identifiers (IANA COSE Algorithms).
///
/// Each ECDSA algorithm goes with the one curve of its strength (RFC 9053 section 2.1 recommends it and allows others).
package enum COSEAlgorithm: Int64, Sendable, CaseIterable {
    case a256GCM = 3
    case es256 = -7
    case edDSA = -8
    case es384 = -35
    case es512 = -36

    /// Keys and signatures, for an algorithm that signs.
    var signing: COSESigning? {
        switch self {
        case .a256GCM: nil
        case .es256: COSESigning(key: .ec(.p256), scheme: .ecdsa(.sha256), curve: .p256)
        case .es384: COSESigning(key: .ec(.p384), scheme: .ecdsa(.sha384), curve: .p384)
        case .es512: COSESigning(key: .ec(.p521), scheme: .ecdsa(.sha512), curve: .p521)
        case .edDSA: COSESigning(key: .ed25519, scheme: .ed25519, curve: nil)
        }
    }

    /// As a header value.
    var value: CBORValue { .integer(rawValue) }
}

/// How an algorithm signs.
struct COSESigning {
    let key: KeyAlgorithm
    let scheme: SignatureScheme
    /// For ECDSA, whose signatures are `r || s` (RFC 9053 section 2.1), each as long as a coordinate.
    let curve: EllipticCurve?
}

/// COSE header labels (RFC 9052 section 3.1).
package enum COSEHeader {
    package static let algorithm: CBORValue = .unsigned(1)
    package static let critical: CBORValue = .unsigned(2)
    package static let contentType: CBORValue = .unsigned(3)
    package static let keyIdentifier: CBORValue = .unsigned(4)
    package static let initializationVector: CBORValue = .unsigned(5)
    package static let partialInitializationVector: CBORValue = .unsigned(6)
}

/// What went wrong with a COSE message; never what it carried.
package enum COSEError: Error, Equatable, Sendable {
    case malformed(CBORError)
    /// Not the array that the message type asks for, or a wrong type in it.
    case wrongStructure
    /// The tag is neither absent nor the message type's own, or one is required and absent.
    case unexpectedTag
    /// The protected header is not a map, repeats a label of the unprotected one, or names critical labels unknown here;
    /// or a parameter has the wrong type, or stands where it may not.
    case invalidHeader
    /// The protected header names no algorithm, an unknown one, or another than the caller.
    case unsupportedAlgorithm
    case missingPayload
    case invalidSignature
    case decryptionFailed
    case cryptography(CryptographyError)
}

/// Which of the two forms of RFC 9052 section 2 a decoder takes.
package enum COSETagging: Sendable {
    case required
    case optional
    case forbidden
}
