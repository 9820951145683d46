// SPDX-License-Identifier: Apache-2.0

package import Cryptography
package import SecurityModule
package import Transport

/// Everything that a boot draws on from outside itself, each a parameter: so that a recorder can stand in between, and a
/// recording in place of all of it.
package struct BootEnvironment: Sendable {
    package var module: SecurityModule
    /// See ``EnclaveEnvironment/isSimulatedModule``.
    package var isSimulatedModule: Bool
    /// The configuration that the image carries; nil: the relay's.
    package var configuration: [UInt8]?
    package var relay: any RelayTransport
    /// The boot id, and nonces of documents.
    package var random: RandomSource
    /// A key for one unwrap.
    package var makeRecipientKey: @Sendable () throws(CryptographyError) -> PrivateKey
    /// Makes the key and certificate of TLS where the keyring has none that fits.
    package var issueTLSIdentity: @Sendable (TLSIdentity.Request) throws(CryptographyError) -> TLSIdentity
    /// Mixes the module's random bytes into this process's and the kernel's generators. False: the kernel did not credit
    /// them.
    package var addEntropy: @Sendable ([UInt8]) -> Bool
    package var retry: RetryPolicy
    /// Told of each state that the boot enters, and after each try that failed.
    package var entered: @Sendable (EnclaveState) -> Void

    package init(
        module: SecurityModule,
        isSimulatedModule: Bool,
        configuration: [UInt8]?,
        relay: any RelayTransport,
        random: @escaping RandomSource,
        makeRecipientKey: @escaping @Sendable () throws(CryptographyError) -> PrivateKey,
        issueTLSIdentity: @escaping @Sendable (TLSIdentity.Request) throws(CryptographyError) -> TLSIdentity,
        addEntropy: @escaping @Sendable ([UInt8]) -> Bool,
        retry: RetryPolicy,
        entered: @escaping @Sendable (EnclaveState) -> Void = { _ in }
    ) {
        self.module = module
        self.isSimulatedModule = isSimulatedModule
        self.configuration = configuration
        self.relay = relay
        self.random = random
        self.makeRecipientKey = makeRecipientKey
        self.issueTLSIdentity = issueTLSIdentity
        self.addEntropy = addEntropy
        self.retry = retry
        self.entered = entered
    }
}

/// Where requests to the host's relay go.
package protocol RelayTransport: Sendable {
    /// One exchange.
    func send(_ request: HTTPRequest) async throws(HTTPClientError) -> HTTPResponse
}

extension HTTPClient: RelayTransport {}

extension BootEnvironment {
    /// What a process boots with.
    init(_ environment: EnclaveEnvironment, relay: any RelayTransport) {
        let isSimulatedModule = environment.isSimulatedModule
        self.init(
            module: environment.module,
            isSimulatedModule: isSimulatedModule,
            configuration: environment.configuration,
            relay: relay,
            random: SecureRandom.bytes,
            makeRecipientKey: RecipientKeys.generate,
            issueTLSIdentity: { request throws(CryptographyError) in
                try TLSIdentity.issue(request, random: SecureRandom.bytes)
            },
            addEntropy: { entropy in
                SecureRandom.add(entropy: entropy)
                // The software module draws on the kernel itself: nothing to credit.
                return isSimulatedModule || KernelEntropy.credit(entropy)
            },
            retry: environment.retry
        )
    }
}
