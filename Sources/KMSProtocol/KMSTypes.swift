// SPDX-License-Identifier: Apache-2.0

// Names and limits of the AWS KMS API (version 2014-11-01). Raw values are the wire's.

package enum KeySpec: String, Sendable, CaseIterable {
    case symmetricDefault = "SYMMETRIC_DEFAULT"
    case rsa2048 = "RSA_2048"
    case rsa3072 = "RSA_3072"
    case rsa4096 = "RSA_4096"
    case eccNISTP256 = "ECC_NIST_P256"
    case eccNISTP384 = "ECC_NIST_P384"
    case eccNISTP521 = "ECC_NIST_P521"
    case eccSECGP256K1 = "ECC_SECG_P256K1"
    case eccNISTEdwards25519 = "ECC_NIST_EDWARDS25519"
    case hmac224 = "HMAC_224"
    case hmac256 = "HMAC_256"
    case hmac384 = "HMAC_384"
    case hmac512 = "HMAC_512"

    /// What the older parameter of CreateKey takes: CustomerMasterKeySpec of the service model ends before Ed25519.
    package static let customerMasterKeySpecs = allCases.filter { $0 != .eccNISTEdwards25519 }
}

package enum KeyUsage: String, Sendable, CaseIterable {
    case signVerify = "SIGN_VERIFY"
    case encryptDecrypt = "ENCRYPT_DECRYPT"
    case generateVerifyMAC = "GENERATE_VERIFY_MAC"
    case keyAgreement = "KEY_AGREEMENT"
}

package enum KeyState: String, Sendable, CaseIterable {
    case enabled = "Enabled"
    case disabled = "Disabled"
    case pendingDeletion = "PendingDeletion"
}

package enum SigningAlgorithm: String, Sendable, CaseIterable {
    case rsaPSSSHA256 = "RSASSA_PSS_SHA_256"
    case rsaPSSSHA384 = "RSASSA_PSS_SHA_384"
    case rsaPSSSHA512 = "RSASSA_PSS_SHA_512"
    case rsaPKCS1SHA256 = "RSASSA_PKCS1_V1_5_SHA_256"
    case rsaPKCS1SHA384 = "RSASSA_PKCS1_V1_5_SHA_384"
    case rsaPKCS1SHA512 = "RSASSA_PKCS1_V1_5_SHA_512"
    case ecdsaSHA256 = "ECDSA_SHA_256"
    case ecdsaSHA384 = "ECDSA_SHA_384"
    case ecdsaSHA512 = "ECDSA_SHA_512"
    case ed25519SHA512 = "ED25519_SHA_512"
    case ed25519PhSHA512 = "ED25519_PH_SHA_512"
}

package enum MACAlgorithm: String, Sendable, CaseIterable {
    case hmacSHA224 = "HMAC_SHA_224"
    case hmacSHA256 = "HMAC_SHA_256"
    case hmacSHA384 = "HMAC_SHA_384"
    case hmacSHA512 = "HMAC_SHA_512"
}

package enum MessageType: String, Sendable, CaseIterable {
    case raw = "RAW"
    case digest = "DIGEST"
    case externalMu = "EXTERNAL_MU"
}

package enum EncryptionAlgorithm: String, Sendable, CaseIterable {
    case symmetricDefault = "SYMMETRIC_DEFAULT"
    case rsaesOAEPSHA1 = "RSAES_OAEP_SHA_1"
    case rsaesOAEPSHA256 = "RSAES_OAEP_SHA_256"
}

/// Lengths of a symmetric data key by name.
package enum DataKeySpec: String, Sendable, CaseIterable {
    case aes256 = "AES_256"
    case aes128 = "AES_128"

    /// Bytes of the data key.
    package var length: Int {
        switch self {
        case .aes256: 32
        case .aes128: 16
        }
    }
}

/// Where key material comes from, as the API says it.
package enum KeyOrigin: String, Sendable, CaseIterable {
    case awsKMS = "AWS_KMS"
    case external = "EXTERNAL"
    case awsCloudHSM = "AWS_CLOUDHSM"
    case externalKeyStore = "EXTERNAL_KEY_STORE"
}

/// How the secrets of a response are encrypted to an attested recipient.
package enum KeyEncryptionMechanism: String, Sendable, CaseIterable {
    case rsaesOAEPSHA256 = "RSAES_OAEP_SHA_256"
}
