// SPDX-License-Identifier: Apache-2.0

package import NIOCore

/// What the ingress bears from clients. For the operator's own sake: the enclave has bounds of its own and trusts none of
/// these.
package struct IngressLimits: Sendable, Equatable {
    /// Connections at one time, those included that have not yet asked for anything. For one more, one of those that are
    /// not in use goes (``ClientRegister``); where all are, the new one is closed at once.
    package var connections: Int
    /// Of these, those of one address (of IPv6, one /64: what one customer gets, RFC 6177). Clients behind one proxy
    /// share it.
    package var connectionsPerAddress: Int
    /// Connections to the enclave at one time. Below the enclave's own bound, so that it never refuses for that.
    package var enclaveConnections: Int
    /// A client's first request, or its TLS ClientHello, must be there by then.
    package var openingTime: TimeAmount
    /// Who has an answer and asks for nothing more for this long makes room for others, if there is none: clients on one
    /// connection for many requests ask again sooner than that.
    package var quietTime: TimeAmount

    package static let standard = IngressLimits()

    package init(
        connections: Int = 2048,
        connectionsPerAddress: Int = 512,
        enclaveConnections: Int = 960,
        openingTime: TimeAmount = .seconds(10),
        quietTime: TimeAmount = .seconds(1)
    ) {
        self.connections = connections
        self.connectionsPerAddress = connectionsPerAddress
        self.enclaveConnections = enclaveConnections
        self.openingTime = openingTime
        self.quietTime = quietTime
    }

    /// Bytes that a client may send before it is connected, whatever they are: the enclave's own bound for a header.
    static let openingBytes = 16_384
    /// The enclave is on the same machine: what takes longer is not coming.
    static let connectTimeout = TimeAmount.seconds(5)
    /// After its answer, a client that is turned away has this long to read it.
    static let lingerTime = TimeAmount.seconds(1)
    /// Connections under way get this long when the host stops.
    static let shutdownGrace = TimeAmount.seconds(5)
}
