// SPDX-License-Identifier: Apache-2.0

import AWSClient
import AttestedTLS
import Encoding
import NIOCore
import NIOPosix
import Transport

/// One measurement: connections opened, a warm-up, the time that counts, and the answers that are still due.
struct BenchRun: Sendable {
    /// Answers that are still due at the end get this long.
    private static let grace = Duration.seconds(5)
    private static let connectTimeout = TimeAmount.seconds(5)

    let endpoint: Endpoint
    /// Stands before HTTP; nil: HTTP in clear.
    let tls: TLSClient?
    let requests: SignedRequests
    let connections: Int
    let depth: Int
    let warmUp: Duration
    let duration: Duration
    let clock: @Sendable () -> Timestamp

    struct Result: Sendable {
        var latencies: LatencyHistogram
        var errors: [String: UInt64]
        /// Seconds that were counted.
        var seconds: Double
        /// Microseconds of the client's processor to sign a request, which is not in the latencies.
        var signingMicroseconds: Double
    }

    /// `progress` gets seconds passed and answers so far, once a second.
    func run(progress: @escaping @Sendable (_ seconds: Int, _ answers: UInt64) -> Void) async throws -> Result {
        // One loop: all that the connections share is its own.
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        do {
            let result = try await run(on: group.next(), progress)
            try await group.shutdownGracefully()
            return result
        } catch {
            try? await group.shutdownGracefully()
            throw error
        }
    }

    private func run(on loop: any EventLoop, _ progress: @escaping @Sendable (Int, UInt64) -> Void) async throws
        -> Result
    {
        let began = ContinuousClock.now
        let pool = requests.sign(at: clock())
        let signing = (ContinuousClock.now - began) / max(1, pool.count)
        let load = try await loop.submit { NIOLoopBound(BenchLoad(pool: pool), eventLoop: loop) }.get()
        let channels = try await connect(load, loop)
        let renewal = Task { try await renew(load, loop) }
        defer { renewal.cancel() }

        try await Task.sleep(for: warmUp)
        try await loop.submit { load.value.isCounting = true }.get()
        let start = ContinuousClock.now
        while ContinuousClock.now - start < duration {
            let left = duration - (ContinuousClock.now - start)
            try await Task.sleep(for: min(.seconds(1), left))
            let passed = Int((ContinuousClock.now - start).components.seconds)
            progress(passed, try await loop.submit { load.value.latencies.count }.get())
            guard channels.contains(where: \.isActive) else { break }
        }
        let (latencies, seconds) = try await loop.submit {
            load.value.isCounting = false
            load.value.isOver = true
            return (load.value.latencies, (ContinuousClock.now - start).inSeconds)
        }.get()
        await drain(channels)
        let errors = try await loop.submit { load.value.errors }.get()
        return Result(
            latencies: latencies,
            errors: errors,
            seconds: seconds,
            signingMicroseconds: signing.inSeconds * 1e6
        )
    }

    private func connect(_ load: NIOLoopBound<BenchLoad>, _ loop: any EventLoop) async throws -> [any Channel] {
        var channels: [any Channel] = []
        for _ in 0..<connections {
            do {
                let channel = try await Connector.connect(to: endpoint, group: loop, timeout: Self.connectTimeout) {
                    [depth, tls] channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandlers(tls?.handlers() ?? [])
                        try channel.pipeline.syncOperations.addHandler(BenchConnection(load.value, depth: depth))
                    }
                }.get()
                channels.append(channel)
            } catch {
                for channel in channels { channel.close(promise: nil) }
                throw CommandFailure.failed("\(endpoint): \(Connector.reason(of: error))")
            }
        }
        return channels
    }

    /// Signs the pool anew before it expires, off the loop.
    private func renew(_ load: NIOLoopBound<BenchLoad>, _ loop: any EventLoop) async throws {
        while true {
            try await Task.sleep(for: .nanoseconds(SignedRequests.renewal.nanoseconds))
            let pool = requests.sign(at: clock())
            try await loop.submit { load.value.pool = pool }.get()
        }
    }

    /// Waits for what is under way; what does not come is an error.
    private func drain(_ channels: [any Channel]) async {
        let deadline = ContinuousClock.now + Self.grace
        for channel in channels {
            while channel.isActive, ContinuousClock.now < deadline {
                let outstanding = try? await channel.pipeline.handler(type: BenchConnection.self).map(\.outstanding)
                    .get()
                guard let outstanding, outstanding > 0 else { break }
                try? await Task.sleep(for: .milliseconds(5))
            }
            try? await channel.close().get()
        }
    }
}

extension Duration {
    var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}
