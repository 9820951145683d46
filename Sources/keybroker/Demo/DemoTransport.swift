// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import NIOCore
import NIOPosix
import Transport

/// What host and enclave of a demo talk over.
enum DemoTransport: String, Sendable, CaseIterable, ExpressibleByArgument {
    /// Sockets in the demo's folder.
    case unix
    /// AF_VSOCK, as on Nitro, over this machine's loopback CID.
    case vsock

    /// Where an enclave listens, and where the host listens for it.
    struct Link: Sendable {
        let enclave: Endpoint
        let relay: Endpoint
    }

    /// Well above ports that anything else uses by convention (vsock has 32 bits of them).
    private static let ports: ClosedRange<UInt32> = 0x1000_0000...0x1FFF_FFFF

    /// A link that nobody uses.
    func link(in folder: String) throws(CommandFailure) -> Link {
        switch self {
        case .unix:
            do {
                return Link(
                    enclave: try Endpoint("unix://\(folder)/enclave.sock"),
                    relay: try Endpoint("unix://\(folder)/relay.sock")
                )
            } catch {
                throw .failed("\(error)")
            }
        case .vsock:
            let relay = UInt32.random(in: Self.ports)
            return Link(
                enclave: .vsock(cid: Endpoint.vsockLocal, port: relay ^ 1),
                relay: .vsock(cid: nil, port: relay)
            )
        }
    }

    /// Fails where the machine has no such transport, with what to do.
    func check() async throws(CommandFailure) {
        guard self == .vsock else { return }
        do {
            let listener = try await Listener.bind(
                .vsock(cid: Endpoint.vsockLocal, port: UInt32.random(in: Self.ports)),
                group: MultiThreadedEventLoopGroup.singleton,
                maximumConnections: 1
            ) { $0.eventLoop.makeSucceededVoidFuture() }
            await listener.shutdown(grace: .zero)
        } catch {
            throw .failed("no AF_VSOCK loopback on this machine (\(error)): load it (modprobe vsock_loopback)")
        }
    }
}
