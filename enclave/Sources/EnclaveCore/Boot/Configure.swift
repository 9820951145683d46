// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Cryptography
import Encoding
import SecurityModule

extension Started {
    /// Measures the configuration, then reads it: whatever the bytes say, what was done with them can be proved.
    ///
    /// - Parameters:
    ///   - bytes: As they came.
    ///   - environment: The module, and whether it is the software one.
    /// - Returns: The next state.
    /// - Throws: ``TerminalFailure``.
    func configured(with bytes: [UInt8], _ environment: BootEnvironment) throws(TerminalFailure) -> Configured {
        guard bytes.count <= BrokerConfiguration.maximumLength else {
            throw TerminalFailure(.configuration, "longer than \(BrokerConfiguration.maximumLength) bytes")
        }
        let digest = Hash.digest(.sha384, bytes)
        let pcr16 = try Measurement.extendAndLock(PCR.configuration, with: digest, environment.module)
        let configuration: BrokerConfiguration
        do {
            configuration = try BrokerConfiguration(json: bytes)
        } catch {
            throw TerminalFailure(.configuration, "\(error)")
        }
        let pcr0 = try Measurement.imagePCR0(environment)
        return Configured(
            bootID: bootID,
            configuration: configuration,
            configurationDigest: digest,
            pcr0: pcr0,
            pcr16: pcr16
        )
    }
}

/// Steps on the module's registers.
enum Measurement: Sendable {
    /// Extends a register once and locks it, so that it enters every document and changes no more.
    ///
    /// - Returns: The register's value.
    /// - Throws: ``TerminalFailure``, also when the register was locked or extended before, or was extended otherwise than
    ///   once with `digest` (a driver may have repeated what it was asked).
    static func extendAndLock(_ index: Int, with digest: [UInt8], _ module: SecurityModule) throws(TerminalFailure)
        -> [UInt8]
    {
        do {
            let before = try module.describePCR(index)
            guard !before.isLocked, before.value.allSatisfy({ $0 == 0 }) else {
                throw TerminalFailure(.securityModule, "PCR\(index) was extended before")
            }
            let value = try module.extendPCR(index, with: digest)
            guard value == Hash.digest(.sha384, before.value + digest) else {
                throw TerminalFailure(.securityModule, "PCR\(index) is not what it was extended to")
            }
            try module.lockPCR(index)
            return value
        } catch let failure as TerminalFailure {
            throw failure
        } catch {
            throw TerminalFailure(.securityModule, "PCR\(index): \(error)")
        }
    }

    /// PCR0, after the refusal of debug mode: there PCR0 to PCR2 are zero, and nothing about the image is attested.
    ///
    /// - Returns: PCR0.
    /// - Throws: ``TerminalFailure``.
    static func imagePCR0(_ environment: BootEnvironment) throws(TerminalFailure) -> [UInt8] {
        var pcr0: [UInt8] = []
        for index in PCR.image {
            let value: [UInt8]
            do {
                value = try environment.module.describePCR(index).value
            } catch {
                throw TerminalFailure(.securityModule, "PCR\(index): \(error)")
            }
            if value.allSatisfy({ $0 == 0 }), !environment.isSimulatedModule {
                throw TerminalFailure(.debugMode, "PCR\(index) is zero: start the enclave without debug mode")
            }
            if index == 0 { pcr0 = value }
        }
        return pcr0
    }
}
