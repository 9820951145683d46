// SPDX-License-Identifier: Apache-2.0

import Glibc
import Logging
import NIOCore
package import Transport

/// Who may use a relay that listens on vsock: the enclave, by its CID.
///
/// `vsock://any` accepts whoever reaches this machine: other enclaves of the parent instance, and programs on it. None of
/// them learns a secret, but they could store keyrings and forge logs.
package struct RelayPeers: Sendable {
    private let enclave: EnclaveAddress

    /// Nil where there is nothing to compare: the relay is no vsock listener, or the enclave is not at a vsock address.
    package init?(relay: Endpoint, enclave: EnclaveAddress) {
        guard case .vsock = relay, enclave.isVsock else { return nil }
        self.enclave = enclave
    }

    /// The enclave's CID now; nil: no enclave is known to run.
    package var expected: UInt32? {
        guard case .vsock(let cid, _)? = enclave.current else { return nil }
        return cid
    }

    package func admits(_ cid: UInt32) -> Bool { cid == expected }
}

/// Holds each connection of a relay to ``RelayPeers``.
struct RelayDoor: Sendable {
    private let peers: RelayPeers?
    private let metrics: HostMetrics
    private let logger: Logger
    private let refusals = RareEvent()

    init(_ peers: RelayPeers?, metrics: HostMetrics, logger: Logger) {
        self.peers = peers
        self.metrics = metrics
        self.logger = logger
    }

    /// On the event loop of a new connection.
    ///
    /// - Throws: If it is not to be, so that it is closed.
    func check(_ channel: any Channel) throws {
        guard let peers else { return }
        let found = try channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: CInt.self) {
            VsockPeer.contextID(of: $0)
        }
        let cid = found ?? nil
        if let cid, peers.admits(cid) { return }
        let expected = peers.expected
        if expected != nil { metrics.strangerWasRefused() }
        refusals.happened { count in
            // An enclave is up before its launcher has said where: it comes again.
            logger.log(
                level: expected == nil ? .info : .warning,
                "relay connection refused",
                metadata: [
                    "cid": "\(cid.map(String.init) ?? "unknown")",
                    "enclave": "\(expected.map(String.init) ?? "not known to run")", "connections": "\(count)",
                ]
            )
        }
        throw ListenerError.unusable("not the enclave")
    }
}

/// The other end of a vsock connection.
enum VsockPeer {
    /// `struct sockaddr_vm` (linux/vm_sockets.h): family, reserved, port, CID, and what is not needed here.
    private static let contextIDOffset = 8
    private static let addressLength = 16

    /// Nil: no vsock connection.
    static func contextID(of descriptor: CInt) -> UInt32? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                unsafe getpeername(descriptor, address, &length)
            }
        }
        guard result == 0, Int(length) >= addressLength, CInt(storage.ss_family) == AF_VSOCK else { return nil }
        return unsafe withUnsafeBytes(of: &storage) {
            unsafe $0.loadUnaligned(fromByteOffset: contextIDOffset, as: UInt32.self)
        }
    }
}
