// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Cryptography
import Encoding
import KMSProtocol
import Keyring
import NitroAttestation
import SoftwareModule

/// What surrounds the broker in a demo.
struct DemoWorld: Sendable {
    let kmsURL: String
    /// The KMS as its account's root.
    let administrator: KMSClient
    /// Shared credentials file of the host's role.
    let hostCredentials: String
    /// Folder of the software module.
    let module: String
    let roots: TrustAnchors
    let measurements: SoftwareMeasurements
}

/// A sealed keyring, the configuration that commits to its TSK, and what the demo needs to use it.
struct DemoKeyring: Sendable {
    struct Key: Sendable {
        let id: String
        let spec: KeySpec

        /// The algorithm to sign 32-byte digests with; nil for a MAC key.
        var signingAlgorithm: SigningAlgorithm? {
            switch spec {
            case .eccNISTEdwards25519: .ed25519SHA512
            case .eccNISTP256: .ecdsaSHA256
            case .rsa2048: .rsaPKCS1SHA256
            default: nil
            }
        }
    }

    struct Principal: Sendable {
        let accessKeyID: String
        let secret: SharedSecret
    }

    static let specification: JSON = [
        "format": 1, "keyringId": "demo-keys", "account": .string(Demo.account), "region": .string(Demo.region),
        "keys": [
            ["aliases": ["alias/audit-ed25519"], "keySpec": "ECC_NIST_EDWARDS25519"],
            ["aliases": ["alias/audit-p256"], "keySpec": "ECC_NIST_P256"],
            ["aliases": ["alias/audit-rsa"], "keySpec": "RSA_2048"],
            ["aliases": ["alias/audit-hmac"], "keySpec": "HMAC_256"],
        ],
    ]

    let kmsKeyARN: String
    let configuration: [UInt8]
    let configurationFile: String
    let sealedBytes: [UInt8]
    let keys: [Key]
    let administrator: Principal

    var pcr16: [UInt8] { ExpectedIdentity.pcr16(configuration: configuration) }

    /// Writes the configuration, and the credentials for programs that somebody may want to try.
    init(_ result: OfflineKeyring.Result, specification: KeyringSpecification, keyARN: String, folder: DemoFolder)
        throws(CommandFailure)
    {
        guard let administrator = result.contents.principals.first else { throw .failed("no principal") }
        kmsKeyARN = keyARN
        configuration = result.configuration
        configurationFile = folder.file("enclave.json")
        sealedBytes = result.sealed.bytes
        let view = KeyringPublicView(result.sealed, contents: result.contents).json
        keys = (view.object?["keys"]?.array ?? []).compactMap { key in
            guard let id = key.object?["keyId"]?.string, let spec = key.object?["keySpec"]?.string else { return nil }
            return KeySpec(rawValue: spec).map { Key(id: id, spec: $0) }
        }
        self.administrator = Principal(accessKeyID: administrator.accessKeyID, secret: administrator.secret)
        try InputFile.write(configuration, to: configurationFile)
        try InputFile.write(
            Array(CredentialsFile.text(of: result.contents, specification: specification).utf8),
            to: folder.file("credentials"),
            permissions: 0o600
        )
    }
}
