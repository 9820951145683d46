// SPDX-License-Identifier: Apache-2.0

import Encoding
import KeyringFiles
package import Transport

/// The configuration of a host: one JSON object, unknown members refused.
///
/// Nothing in it is secret, and nothing in it is believed by the enclave.
package struct HostConfiguration: Sendable, Equatable {
    /// Bytes of the file.
    package static let maximumLength = 65_536

    package struct Enclave: Sendable, Equatable {
        /// Who starts the enclave.
        package enum Launch: String, Sendable, Equatable {
            /// Something else.
            case none
            /// The host, as a process of this machine.
            case process
            /// The host, by `nitro-cli`.
            case nitro
        }

        package var launch: Launch
        /// The program to launch as a process; there with ``Launch/process``.
        package var executable: String?
        /// `nsm` or `software:DIR`, given to the program as it is; there with ``Launch/process``.
        package var module: String?
        /// There with ``Launch/nitro``.
        package var nitro: Nitro?
        /// Where the enclave listens. With `vsock://any:PORT` the CID is the one that ``statusFile`` names.
        package var endpoint: Endpoint
        /// Where the launcher says what runs.
        package var statusFile: String?
        /// How long the launcher bears an enclave that does not answer.
        package var liveness = Liveness.Limits()

        /// Where the enclave is now.
        package var address: EnclaveAddress { EnclaveAddress(endpoint, status: status) }
        package var status: EnclaveStatusFile? { statusFile.map(EnclaveStatusFile.init) }
    }

    /// What `nitro-cli run-enclave` is told.
    package struct Nitro: Sendable, Equatable {
        package enum CPUs: Sendable, Equatable {
            case count(Int)
            case ids([Int])
        }

        /// The image (EIF).
        package var image: String
        package var memoryMiB: Int64
        package var cpus: CPUs
        /// By which the launcher knows its enclave again.
        package var name: String
        /// A console, PCRs of zeros, and no keyring that opens.
        package var isDebug: Bool
        /// The program.
        package var cli: String

        package init(
            image: String,
            memoryMiB: Int64,
            cpus: CPUs,
            name: String = "keybroker",
            isDebug: Bool = false,
            cli: String = "/usr/bin/nitro-cli"
        ) {
            self.image = image
            self.memoryMiB = memoryMiB
            self.cpus = cpus
            self.name = name
            self.isDebug = isDebug
            self.cli = cli
        }
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
    /// Where health, readiness and metrics are asked for; nil: nowhere.
    package var admin: Endpoint?
    package var kms: KMS
    /// The file with the enclave's own configuration, handed out byte for byte.
    package var configurationFile: String
    /// The directory of the state store.
    package var stateDirectory: String

    /// Reads a configuration file.
    ///
    /// - Throws: ``HostConfigurationError``, one line for people that names the file.
    package init(file: String) throws(HostConfigurationError) {
        let bytes: [UInt8]?
        do throws(DurableFile.Failure) {
            bytes = try DurableFile.read(file, limit: Self.maximumLength)
        } catch {
            throw HostConfigurationError(error.description)
        }
        guard let bytes else { throw HostConfigurationError("\(file) does not exist") }
        do throws(HostConfigurationError) {
            try self.init(bytes)
        } catch {
            throw HostConfigurationError("\(file): \(error.description)")
        }
    }

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
        admin: Endpoint? = nil,
        kms: KMS,
        configurationFile: String,
        stateDirectory: String
    ) {
        self.enclave = enclave
        self.relay = relay
        self.ingress = ingress
        self.ingressLimits = ingressLimits
        self.admin = admin
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
