// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// What the ingress bears from clients. For the operator's own sake: the enclave has bounds of its own and trusts none of
/// these.
package struct IngressLimits: Sendable, Equatable {
    /// Connections at one time, those included that have not yet asked for anything; more are closed at once.
    package var connections: Int
    /// Of these, those of one address (of IPv6, one /64: what one customer gets, RFC 6177). Clients behind one proxy
    /// share it.
    package var connectionsPerAddress: Int
    /// Connections to the enclave at one time. Below the enclave's own bound, so that it never refuses for that.
    package var enclaveConnections: Int
    /// A client's first request, or its TLS ClientHello, must be there by then.
    package var openingTime: TimeAmount

    package static let standard = IngressLimits()

    package init(
        connections: Int = 2048,
        connectionsPerAddress: Int = 512,
        enclaveConnections: Int = 960,
        openingTime: TimeAmount = .seconds(10)
    ) {
        self.connections = connections
        self.connectionsPerAddress = connectionsPerAddress
        self.enclaveConnections = enclaveConnections
        self.openingTime = openingTime
    }

    /// Bytes that a client may send before it is connected, whatever they are: the enclave's own bound for a header.
    static let openingBytes = 16_384
    /// The enclave is on the same machine: what takes longer is not coming.
    static let connectTimeout = TimeAmount.seconds(5)
    /// Connections under way get this long when the host stops.
    static let shutdownGrace = TimeAmount.seconds(5)
}
