// SPDX-License-Identifier: Apache-2.0

import COSE
import Cryptography

/// A P-384 key and its certificate, to sign images with (ES384), as AWS asks of those who use PCR8.
public struct ImageSigner: Sendable {
    /// The certificate that goes into the image.
    public let certificate: SigningCertificate
    private let key: PrivateKey

    /// - Parameters:
    ///   - privateKey: PKCS#8 or SEC1, PEM or DER, not encrypted. Copied into locked memory; the
    ///     array is wiped, also when this throws.
    ///   - certificate: Of that key, self-signed or not: nobody checks who issued it.
    /// - Throws: ``EnclaveImageError``: `malformedSigningKey`, `unsupportedSigningKey`, `otherSigningKey`.
    public init(privateKey: inout [UInt8], certificate: SigningCertificate) throws(EnclaveImageError) {
        let isText = privateKey.starts(with: Array("-----".utf8)) || !privateKey.starts(with: [0x30])
        do {
            let secret = try SecretBytes(movingFrom: &privateKey)
            key = isText ? try PrivateKey(pem: secret) : try PrivateKey(der: secret)
        } catch {
            throw EnclaveImageError(
                error.code == .unsupportedKey ? .unsupportedSigningKey : .malformedSigningKey,
                "the private key: \(error.code.rawValue)"
            )
        }
        guard key.algorithm == .ec(.p384) else {
            throw EnclaveImageError(.unsupportedSigningKey, "the private key is not of P-384")
        }
        guard key.publicKey == certificate.parsed.publicKey else {
            throw EnclaveImageError(.otherSigningKey, "the certificate is not for this private key")
        }
        self.certificate = certificate
    }

    /// Signs a value of PCR0.
    ///
    /// - Throws: ``EnclaveImageError`` with `signingFailed` if OpenSSL cannot sign.
    public func sign(pcr0: [UInt8]) throws(EnclaveImageError) -> ImageSignature {
        do {
            let message = try COSESign1.sign(payload: ImageSignature.payload(pcr0: pcr0), algorithm: .es384, key: key)
            return ImageSignature(certificate: certificate, message: message)
        } catch {
            throw EnclaveImageError(.signingFailed, "the image could not be signed")
        }
    }
}

extension EnclaveImage {
    /// Signs the image as it is now: a change of kernel, command line or ramdisks voids it.
    ///
    /// - Throws: as ``ImageSigner/sign(pcr0:)``.
    public mutating func sign(with signer: ImageSigner) throws(EnclaveImageError) {
        signature = try signer.sign(pcr0: measurements.pcr0)
    }
}
