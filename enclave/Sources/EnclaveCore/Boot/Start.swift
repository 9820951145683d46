// SPDX-License-Identifier: Apache-2.0

import Cryptography
import SecurityModule

extension Started {
    /// Readings of the module's generator: 256 bytes each on real modules.
    private static let entropyReadings = 2
    private static let bootIDLength = 16

    /// Before any key is made: the module's randomness goes to the kernel's pool and to OpenSSL's, and the boot gets its
    /// name.
    ///
    /// - Throws: ``TerminalFailure`` without randomness.
    static func start(_ environment: BootEnvironment, log: EnclaveLog) throws(TerminalFailure) -> Started {
        do {
            return try begin(environment, log)
        } catch {
            environment.entered(.failed(Failed(failure: error)))
            throw error
        }
    }

    private static func begin(_ environment: BootEnvironment, _ log: EnclaveLog) throws(TerminalFailure) -> Started {
        for _ in 0..<entropyReadings {
            let entropy: [UInt8]
            do {
                entropy = try environment.module.random()
            } catch {
                throw TerminalFailure(.securityModule, "GetRandom: \(error)")
            }
            if !environment.addEntropy(entropy) {
                log.warning("the kernel did not credit the module's entropy")
            }
        }
        do {
            return Started(bootID: try environment.random(bootIDLength))
        } catch {
            throw TerminalFailure(.cryptography, "no random bytes")
        }
    }
}
