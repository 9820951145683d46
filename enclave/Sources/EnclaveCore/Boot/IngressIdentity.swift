// SPDX-License-Identifier: Apache-2.0

import AttestedTLS
import BrokerProtocol
import Cryptography
import Encoding
import Keyring

/// One version of the keyring, as requests are to be served from it.
struct KeyringVersion: Sendable {
    var header: KeyringHeader
    var digest: [UInt8]
    var sealedDigest: [UInt8]
    var contents: KeyringContents

    init(_ keyring: OpenedKeyring) {
        header = keyring.header
        digest = keyring.digest
        sealedDigest = keyring.sealedDigest
        contents = keyring.contents
    }
}

/// Makes sure that the keyring holds what TLS needs, before anybody is served: a certificate for the very names of the
/// configuration that is valid now.
struct IngressIdentity: Sendable {
    let configuration: BrokerConfiguration
    let environment: BootEnvironment
    let log: EnclaveLog

    /// What is served from: the keyring as it is where TLS is off or the certificate fits; else the next version, which
    /// the host has stored, with a certificate issued here. The key stays as long as there is one, so that clients which
    /// know it by attestation know it still.
    ///
    /// - Parameters:
    ///   - keyring: As it was opened.
    ///   - time: The security module's.
    ///   - store: Seals the next version.
    /// - Returns: The version to serve from.
    /// - Throws: ``BootFailure``.
    func ensured(in keyring: KeyringVersion, at time: Timestamp, _ store: KeyringStore) async throws(BootFailure)
        -> KeyringVersion
    {
        guard configuration.ingressTLS, !fits(keyring.contents.tlsIdentity, at: time) else { return keyring }
        var next = keyring
        let sealed: SealedKeyring
        do {
            next.contents.tlsIdentity = try environment.issueTLSIdentity(
                TLSIdentity.Request(
                    commonName: configuration.brokerID,
                    names: configuration.ingressNames.map(\.generalName),
                    key: keyring.contents.tlsIdentity?.key,
                    time: time
                )
            )
            sealed = try store.seal(next.contents, after: keyring.header, digest: keyring.digest)
        } catch {
            throw .terminal(TerminalFailure(.cryptography, "no TLS identity: \(error)"))
        }
        do {
            try await store.store(sealed)
        } catch {
            switch error {
            case .conflict:
                throw .terminal(
                    TerminalFailure(
                        .keyringConflict,
                        "the host refused version \(sealed.header.version) of the keyring"
                    )
                )
            case .undecided:
                throw .retryable(RetryableFailure(.relay, "the keyring with the TLS identity may not be stored"))
            }
        }
        log.info(
            "TLS certificate issued",
            [
                ("names", .array(configuration.ingressNames.map { .string($0.description) })),
                ("keyringVersion", .number(JSONNumber(Int64(clamping: sealed.header.version)))),
            ]
        )
        next.header = sealed.header
        next.digest = sealed.digest
        next.sealedDigest = sealed.sealedDigest
        return next
    }

    private func fits(_ identity: TLSIdentity?, at time: Timestamp) -> Bool {
        guard let certificate = identity?.certificate, certificate.isValid(at: time),
            let names = try? certificate.subjectAlternativeNames()
        else { return false }
        return Set(names) == Set(configuration.ingressNames.map(\.generalName))
    }
}

extension EnclaveState {
    /// Until it is unlocked the listener has nothing to prove itself with: it answers in clear how it is, and no more.
    var ingressProtocol: IngressProtocol {
        if case .unlocked(let unlocked) = self, let tls = unlocked.tls { .tls(tls) } else { .plain }
    }
}
