// SPDX-License-Identifier: Apache-2.0

import Encoding
package import Transport

/// The configuration of a host: one JSON object, unknown members refused.
///
/// Nothing in it is secret, and nothing in it is believed by the enclave.
package struct HostConfiguration: Sendable, Equatable {
    /// Bytes of the file.
    package static let maximumLength = 65_536

    package struct Enclave: Sendable, Equatable {
        /// The program to launch; nil: the enclave is started by something else.
        package var executable: String?
        /// `nsm` or `software:DIR`, given to the program as it is.
        package var module: String?
        /// Where the enclave listens.
        package var endpoint: Endpoint
    }

    package struct KMS: Sendable, Equatable {
        /// `https://kms.REGION.amazonaws.com`, or a development KMS by `http`.
        package var endpoint: String
        package var region: String
        /// What is forwarded; anything else is refused.
        package var operations: Set<String>
        /// A profile of the shared credentials file; nil: the usual chain.
        package var profile: String?
        /// PEM file of certificate authorities instead of the system's.
        package var certificateAuthorityFile: String?

        package init(
            endpoint: String,
            region: String,
            operations: Set<String>,
            profile: String? = nil,
            certificateAuthorityFile: String? = nil
        ) {
            self.endpoint = endpoint
            self.region = region
            self.operations = operations
            self.profile = profile
            self.certificateAuthorityFile = certificateAuthorityFile
        }
    }

    package var enclave: Enclave
    /// Where the enclave finds the relay.
    package var relay: Endpoint
    /// Where clients connect.
    package var ingress: Endpoint
    package var ingressLimits: IngressLimits
    package var kms: KMS
    /// The file with the enclave's own configuration, handed out byte for byte.
    package var configurationFile: String
    /// The directory of the state store.
    package var stateDirectory: String

    /// Reads the bytes of a configuration file.
    ///
    /// - Throws: ``HostConfigurationError``, one line for people.
    package init(_ bytes: [UInt8]) throws(HostConfigurationError) {
        do throws(JSONFieldError) {
            let limits = JSONLimits(totalLength: Self.maximumLength, depth: 8)
            self = try HostConfigurationReader.read(try JSONFields(json: bytes, limits: limits))
        } catch {
            throw HostConfigurationError(error.description)
        }
    }

    init(
        enclave: Enclave,
        relay: Endpoint,
        ingress: Endpoint,
        ingressLimits: IngressLimits = .standard,
        kms: KMS,
        configurationFile: String,
        stateDirectory: String
    ) {
        self.enclave = enclave
        self.relay = relay
        self.ingress = ingress
        self.ingressLimits = ingressLimits
        self.kms = kms
        self.configurationFile = configurationFile
        self.stateDirectory = stateDirectory
    }
}

/// What is wrong with a configuration. One line for people.
package struct HostConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}
