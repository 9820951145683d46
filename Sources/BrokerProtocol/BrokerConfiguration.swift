// SPDX-License-Identifier: Apache-2.0

/// What an enclave was told to do: measured into PCR16 byte for byte. Only what matters to security is in it.
package struct BrokerConfiguration: Sendable, Equatable {
    package static let format: Int64 = 1
    /// Bytes of the JSON.
    package static let maximumLength = 65_536
    /// Entries of `hosts`.
    package static let maximumHosts = 64
    /// Entries of the encryption context. KMS bounds its serialised size instead (8192 bytes).
    package static let maximumEncryptionContextEntries = 64
    /// KMS API Reference, Decrypt: `CiphertextBlob` has 1 to 6144 bytes.
    package static let ciphertextLength = 1...6144
    /// SHA-384.
    package static let commitmentLength = 48

    package struct KMS: Sendable, Equatable {
        /// Full key ARN, never an alias.
        package var keyARN: String
        /// `relay`; `tls` is reserved.
        package var channel: String
        /// Reserved for the channel `tls`.
        package var endpoint: String?

        package init(keyARN: String, channel: String = BrokerConfiguration.relayChannel, endpoint: String? = nil) {
            self.keyARN = keyARN
            self.channel = channel
            self.endpoint = endpoint
        }
    }

    package struct TSK: Sendable, Equatable {
        package var ciphertext: [UInt8]
        package var encryptionContext: [String: String]
        /// 48 bytes, hex in JSON.
        package var commitment: [UInt8]
        /// `offline`; `ceremony` is reserved.
        package var born: String

        package init(
            ciphertext: [UInt8],
            encryptionContext: [String: String],
            commitment: [UInt8],
            born: String = BrokerConfiguration.bornOffline
        ) {
            self.ciphertext = ciphertext
            self.encryptionContext = encryptionContext
            self.commitment = commitment
            self.born = born
        }
    }

    package static let serveMode = "serve"
    package static let relayChannel = "relay"
    package static let bornOffline = "offline"

    /// 1 to 64 bytes of `[A-Za-z0-9._-]`.
    package var brokerID: String
    package var account: String
    package var region: String
    /// `serve`; `init` is reserved.
    package var mode: String
    package var kms: KMS
    package var tsk: TSK
    package var keyringID: String
    package var minimumKeyringVersion: UInt64
    /// Names that clients sign as Host. An entry without a port matches any port.
    package var hosts: [String]
    package var ingressTLS: Bool

    /// Memberwise; judged by ``validate()``.
    package init(
        brokerID: String,
        account: String,
        region: String,
        mode: String = BrokerConfiguration.serveMode,
        kms: KMS,
        tsk: TSK,
        keyringID: String,
        minimumKeyringVersion: UInt64 = 1,
        hosts: [String],
        ingressTLS: Bool = false
    ) {
        self.brokerID = brokerID
        self.account = account
        self.region = region
        self.mode = mode
        self.kms = kms
        self.tsk = tsk
        self.keyringID = keyringID
        self.minimumKeyringVersion = minimumKeyringVersion
        self.hosts = hosts
        self.ingressTLS = ingressTLS
    }

    /// The encryption context that `keyring create` makes: it ties the wrapped TSK to one broker and one keyring.
    package static func encryptionContext(brokerID: String, keyringID: String) -> [String: String] {
        ["keybroker:broker": brokerID, "keybroker:keyring": keyringID, "keybroker:purpose": "tsk"]
    }

    /// The broker's own ARN: the resource of `keybroker:*` actions.
    package var arn: String { brokerARN(region: region, account: account, brokerID: brokerID) }
}
