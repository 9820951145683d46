// SPDX-License-Identifier: Apache-2.0

import NIOCore
import Synchronization

/// Who is connected, and who has to go when a new client needs a place.
///
/// A new client is refused only where everybody else is at work. Before that goes, in this order: who has said nothing
/// for longest; who has its answer and has been quiet for longest, and for a second at least; at the enclave, whoever of
/// the address with the most connections there has been quiet for longest, if the newcomer's address has fewer. So
/// silence, slowness and numbers keep nobody else out.
final class ClientRegister: Sendable {
    /// A client's place here.
    typealias Ticket = Int

    fileprivate struct Client {
        let channel: any Channel
        let address: [UInt8]?
        /// Nil until there is, or is about to be, a connection to the enclave.
        var activity: SpliceActivity?

        var isWaiting: Bool { activity == nil }
    }

    /// The clients of one address.
    fileprivate struct Neighbours {
        var count = 0
        var forwarded = 0
        var waiting = WaitingLine()
    }

    fileprivate struct State {
        var limits: IngressLimits
        var clients: [Ticket: Client] = [:]
        /// Those of them with an activity.
        var forwarded: Set<Ticket> = []
        var byAddress: [[UInt8]: Neighbours] = [:]
        var waiting = WaitingLine()
        var last: Ticket = 0
        var toEnclave = 0
    }

    private let state: Mutex<State>
    private let metrics: HostMetrics

    init(_ limits: IngressLimits, metrics: HostMetrics) {
        state = Mutex(State(limits: limits))
        self.metrics = metrics
    }

    var limits: IngressLimits { state.withLock { $0.limits } }

    /// Clients open now, and those of them that have a connection to the enclave.
    var counts: (waiting: Int, forwarded: Int) {
        state.withLock { ($0.clients.count - $0.forwarded.count, $0.forwarded.count) }
    }

    /// For those who come from now on.
    func update(_ limits: IngressLimits) { state.withLock { $0.limits = limits } }

    /// A place for a client, until its channel closes; nil: there is none. A client without an address (a unix socket) is
    /// no one's.
    func admit(_ channel: any Channel) -> Ticket? {
        metrics.clientCame()
        let address = channel.remoteAddress.flatMap(ClientAddress.network)
        let decision = state.withLock { $0.admit(channel, address) }
        metrics.shed(decision)
        guard let ticket = decision.place else { return nil }
        channel.closeFuture.whenComplete { _ in self.state.withLock { $0.remove(ticket) } }
        return ticket
    }

    /// A place for a client's connection to the enclave, given back with ``releaseEnclave()``; false: there is none.
    func forward(_ ticket: Ticket, _ activity: SpliceActivity) -> Bool {
        let decision = state.withLock { $0.forward(ticket, activity) }
        metrics.shed(decision)
        return decision.place != nil
    }

    func releaseEnclave() { state.withLock { $0.toEnclave -= 1 } }
}

/// Whether somebody gets a place, and who has to go for it.
private struct Decision {
    var place: ClientRegister.Ticket?
    /// Closed once the lock is free.
    var victim: (any Channel)?
    var reason: HostMetrics.Shed?
}

extension HostMetrics {
    fileprivate func shed(_ decision: Decision) {
        if let reason = decision.reason { clientWasShed(reason) }
        decision.victim?.close(promise: nil)
    }
}

extension ClientRegister.State {
    fileprivate mutating func admit(_ channel: any Channel, _ address: [UInt8]?) -> Decision {
        var decision = Decision()
        if let address, let own = byAddress[address], own.count >= limits.connectionsPerAddress {
            guard let victim = silent(of: address) ?? answered(of: address) else { return Decision(reason: .address) }
            decision.victim = leave(victim)
            decision.reason = .idle
        } else if clients.count >= limits.connections {
            guard let victim = silent() ?? answered() else { return Decision(reason: .full) }
            decision.victim = leave(victim)
            decision.reason = .idle
        }
        last += 1
        clients[last] = ClientRegister.Client(channel: channel, address: address)
        let clients = self.clients
        waiting.append(last) { clients[$0]?.isWaiting ?? false }
        if let address {
            byAddress[address, default: .init()].count += 1
            byAddress[address]?.waiting.append(last) { clients[$0]?.isWaiting ?? false }
        }
        decision.place = last
        return decision
    }

    fileprivate mutating func forward(_ ticket: ClientRegister.Ticket, _ activity: SpliceActivity) -> Decision {
        guard let client = clients[ticket] else { return Decision() }
        var decision = Decision(place: ticket)
        if toEnclave >= limits.enclaveConnections {
            decision.reason = .idle
            var victim = answered()
            if victim == nil {
                decision.reason = .full
                victim = fromTheMany(for: client.address)
            }
            guard let victim else { return Decision(reason: .full) }
            decision.victim = leave(victim)
        }
        clients[ticket]?.activity = activity
        forwarded.insert(ticket)
        if let address = client.address { byAddress[address]?.forwarded += 1 }
        toEnclave += 1
        return decision
    }

    /// A client that goes makes room at once, whenever its channel closes.
    private mutating func leave(_ ticket: ClientRegister.Ticket) -> (any Channel)? {
        let channel = clients[ticket]?.channel
        remove(ticket)
        return channel
    }

    fileprivate mutating func remove(_ ticket: ClientRegister.Ticket) {
        guard let client = clients.removeValue(forKey: ticket) else { return }
        forwarded.remove(ticket)
        guard let address = client.address else { return }
        guard var own = byAddress[address], own.count > 1 else {
            byAddress[address] = nil
            return
        }
        own.count -= 1
        if client.activity != nil { own.forwarded -= 1 }
        byAddress[address] = own
    }

    // MARK: Who goes

    private mutating func silent() -> ClientRegister.Ticket? {
        let clients = self.clients
        return waiting.first { clients[$0]?.isWaiting ?? false }
    }

    private mutating func silent(of address: [UInt8]) -> ClientRegister.Ticket? {
        let clients = self.clients
        return byAddress[address]?.waiting.first { clients[$0]?.isWaiting ?? false }
    }

    /// As many as there may be connections to the enclave are looked at, and only where there is no place left.
    private func answered(of address: [UInt8]? = nil) -> ClientRegister.Ticket? {
        let limit = NIODeadline.now() - limits.quietTime
        return quietest { client in
            guard let activity = client.activity, address == nil || client.address == address else { return nil }
            let (since, isAnswered) = activity.last
            return isAnswered && since < limit ? since : nil
        }
    }

    private func fromTheMany(for newcomer: [UInt8]?) -> ClientRegister.Ticket? {
        guard let (address, many) = byAddress.max(by: { $0.value.forwarded < $1.value.forwarded }),
            many.forwarded > (newcomer.flatMap { byAddress[$0]?.forwarded } ?? 0) + 1
        else { return nil }
        return quietest { $0.address == address ? $0.activity?.last.since : nil }
    }

    private func quietest(_ since: (ClientRegister.Client) -> NIODeadline?) -> ClientRegister.Ticket? {
        var found: (ticket: ClientRegister.Ticket, since: NIODeadline)?
        for ticket in forwarded {
            guard let client = clients[ticket], let time = since(client), time < found?.since ?? .distantFuture else {
                continue
            }
            found = (ticket, time)
        }
        return found?.ticket
    }
}

/// Clients in the order in which they came. Those that do not wait any more are passed over, and forgotten now and then.
private struct WaitingLine {
    private static let shortest = 64

    private var order: CircularBuffer<ClientRegister.Ticket> = []
    private var tidyAt = WaitingLine.shortest

    mutating func append(_ ticket: ClientRegister.Ticket, isWaiting: (ClientRegister.Ticket) -> Bool) {
        if order.count >= tidyAt {
            order.removeAll { !isWaiting($0) }
            tidyAt = max(Self.shortest, 2 * order.count)
        }
        order.append(ticket)
    }

    mutating func first(where isWaiting: (ClientRegister.Ticket) -> Bool) -> ClientRegister.Ticket? {
        while let ticket = order.first {
            if isWaiting(ticket) { return ticket }
            order.removeFirst()
        }
        return nil
    }
}
