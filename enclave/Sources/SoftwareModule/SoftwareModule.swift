// SPDX-License-Identifier: Apache-2.0

import Cryptography
package import Encoding
import NitroAttestation
package import SecurityModule
import Synchronization

/// A complete NSM in software, for laptops and tests: its own certificate authority in a directory, signed documents,
/// PCRs 0 to 15 locked, 16 to 31 the enclave's. Nothing trusts its root unless told to.
///
/// It answers the same bytes to the same bytes as `/dev/nsm`, with the limits and errors of real modules.
package final class SoftwareModule: SecurityModuleTransport {
    /// `root.pem` in a module's directory.
    package static let rootFileName = "root.pem"

    /// The most that `user_data`, `nonce` and `public_key` may have: what real modules accept, and the CDDL of AWS's
    /// attestation document specification says.
    package static let maximumFieldLength = 1024
    /// What one `GetRandom` of a real module yields.
    package static let randomLength = 256

    private struct State: Sendable {
        /// Nil until they are asked for.
        var pcrs: PCRBank?
        var chain: CertificateChain
    }

    private let moduleID: String
    private let measurements: @Sendable () -> SoftwareMeasurements
    private let clock: @Sendable () -> Timestamp
    private let state: Mutex<State>

    /// Opens the authority in `directory`, and makes it first if there is none (`root.pem` is what verifiers are given).
    ///
    /// - Parameters:
    ///   - directory: Made for this user only if there is none. Several processes may use it at once.
    ///   - measurements: PCR0, PCR1 and PCR2; see ``SoftwareMeasurements``. Asked for once, by the first request that
    ///     needs registers: random bytes do not wait for them. PCR3 and PCR4 stand for a fixed role and instance, by AWS's
    ///     rule; the others are zero.
    ///   - clock: What stands in documents.
    /// - Throws: ``SoftwareModuleError`` if the directory cannot be used, or what is in it is not an authority.
    package init(
        directory: String,
        measurements: @escaping @autoclosure @Sendable () -> SoftwareMeasurements,
        clock: @escaping @Sendable () -> Timestamp
    ) throws(SoftwareModuleError) {
        let now = clock()
        let root = try ModuleAuthority.open(directory, at: now)
        do {
            let identity = try ModuleIdentity(startedAt: now)
            var chain = CertificateChain(root: root, identity: identity)
            _ = try chain.current(at: now)
            moduleID = identity.moduleID
            state = Mutex(State(pcrs: nil, chain: chain))
        } catch {
            throw SoftwareModuleError("cannot make certificates: \(error.code.rawValue)")
        }
        self.measurements = measurements
        self.clock = clock
    }

    package func exchange(_ request: [UInt8]) throws(SecurityModuleError) -> [UInt8] {
        do {
            return try answer(ModuleRequest(decoding: request)).encoded
        } catch {
            return ModuleResponse.error(error.code).encoded
        }
    }

    private func answer(_ request: ModuleRequest) throws(ModuleRefusal) -> ModuleResponse {
        switch request {
        case .describeNSM:
            return .describeNSM(moduleID: moduleID, lockedPCRs: try withPCRs { $0.locked.keys.sorted() })
        case .describePCR(let index):
            let (isLocked, value) = try withPCRs { pcrs throws(ModuleRefusal) in try pcrs.describe(index) }
            return .describePCR(isLocked: isLocked, value: value)
        case .extendPCR(let index, let data):
            return .extendPCR(
                value: try withPCRs { pcrs throws(ModuleRefusal) in try pcrs.extend(index, with: data) }
            )
        case .lockPCR(let index):
            try withPCRs { pcrs throws(ModuleRefusal) in try pcrs.lock(index) }
            return .lockPCR
        case .lockPCRs(let range):
            try withPCRs { pcrs throws(ModuleRefusal) in try pcrs.lock(range: range) }
            return .lockPCRs
        case .attestation(let userData, let nonce, let publicKey):
            for field in [userData, nonce, publicKey] where (field?.count ?? 0) > Self.maximumFieldLength {
                throw ModuleRefusal(.inputTooLarge)
            }
            return .attestation(document: try attest(userData: userData, nonce: nonce, publicKey: publicKey))
        case .getRandom:
            guard let bytes = try? SecureRandom.bytes(count: Self.randomLength) else {
                throw ModuleRefusal(.internalError)
            }
            return .getRandom(bytes)
        }
    }

    /// The registers, measured when they are first asked for.
    private func withPCRs<Result: Sendable>(_ body: (inout PCRBank) throws(ModuleRefusal) -> Result)
        throws(ModuleRefusal) -> Result
    {
        try state.withLock { state throws(ModuleRefusal) in
            var pcrs = state.pcrs ?? PCRBank(measured: measurements())
            defer { state.pcrs = pcrs }
            return try body(&pcrs)
        }
    }

    private func attest(userData: [UInt8]?, nonce: [UInt8]?, publicKey: [UInt8]?) throws(ModuleRefusal) -> [UInt8] {
        let now = clock()
        let pcrs = try withPCRs { $0.locked }
        do {
            let (leaf, bundle) = try state.withLock { state in try state.chain.current(at: now) }
            let document = AttestationDocument(
                moduleID: moduleID,
                digest: "SHA384",
                timestamp: now,
                pcrs: pcrs,
                certificate: leaf.der,
                cabundle: bundle,
                publicKey: publicKey,
                userData: userData,
                nonce: nonce
            )
            return try AttestationDocumentEncoder.signed(
                payload: AttestationDocumentEncoder.payload(document),
                key: leaf.key
            )
        } catch {
            throw ModuleRefusal(.internalError)
        }
    }
}

extension PCRBank {
    fileprivate init(measured measurements: SoftwareMeasurements) {
        var boot = ModuleIdentity.boot
        boot[0] = measurements.pcr0
        boot[1] = measurements.pcr1
        boot[2] = measurements.pcr2
        self.init(boot: boot)
    }
}
