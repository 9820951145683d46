// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Encoding
import Foundation
import SigV4
import Synchronization
import TestSupport
import Testing

struct CredentialProviderTests {
    /// A clock that only tests move.
    private final class TestClock: Sendable {
        private let milliseconds = Mutex(Int64(1_795_000_000_000))
        var now: Timestamp { Timestamp(milliseconds: milliseconds.withLock { $0 }) }
        func advance(_ duration: Duration) {
            milliseconds.withLock { $0 += Int64((duration / .milliseconds(1)).rounded()) }
        }
        @Sendable func read() -> Timestamp { now }

        private let slept = Mutex<[Duration]>([])
        var sleeps: [Duration] { slept.withLock { $0 } }
        @Sendable func sleep(_ duration: Duration) async {
            slept.withLock { $0.append(duration) }
            advance(duration)
            await Task.yield()
        }
    }

    private func provider(_ url: String, _ clock: TestClock) -> CredentialProvider {
        CredentialProvider(testChain([:], aws: url, clock: clock.read))
    }

    private func documents(_ aws: StandInAWS) -> Int { aws.seen.count { $0.path.hasSuffix("host-role") } }

    /// Waits for what goes on in the background.
    private func settled(_ condition: () async -> Bool) async -> Bool {
        for _ in 0..<1000 {
            if await condition() { return true }
            try? await Task.sleep(for: .milliseconds(10))
        }
        return await condition()
    }

    @Test func `twelve hours pass, and there are credentials at every minute of them`() async throws {
        let clock = TestClock()
        let start = clock.now
        let aws = StandInAWS(clock: clock.read)
        try await withWebServer(aws.handle) { _, url in
            let provider = provider(url, clock)
            var ends: Set<String> = []
            for _ in 0..<720 {
                let credentials = try await provider.credentials()
                ends.insert(credentials.accessKeyID)
                let standing = provider.standing
                let end = try #require(standing.expiration)
                #expect(end > clock.now && standing.failure == nil)
                // Whatever was begun in the background is done before the next minute.
                if end.seconds - clock.now.seconds <= 900 {
                    let before = standing
                    _ = await settled { provider.standing != before || end.seconds - clock.now.seconds > 600 }
                }
                clock.advance(.seconds(60))
            }
            #expect(clock.now.seconds - start.seconds == 12 * 3600)
            // At 0:00, within five minutes after 5:45, and within five after 11:30.
            #expect(ends.count == 3 && documents(aws) == 3, "\(documents(aws))")
        }
    }

    @Test func `while there is no answer the old ones are used until they end, and not longer`() async throws {
        let clock = TestClock()
        let aws = StandInAWS(clock: clock.read)
        try await withWebServer(aws.handle) { _, url in
            let provider = provider(url, clock)
            let first = try await provider.credentials().accessKeyID
            aws.isDown = true
            clock.advance(.seconds(5 * 3600 + 46 * 60))
            for _ in 0..<13 {
                #expect(try await provider.credentials().accessKeyID == first)
                clock.advance(.seconds(60))
            }
            #expect(await settled { provider.standing.failure != nil })
            #expect(provider.standing.expiration.map { $0 > clock.now } == true)
            clock.advance(.seconds(120))
            let error = await #expect(throws: CredentialError.self) { try await provider.credentials() }
            #expect(error?.description.contains("HTTP 503") == true)
            #expect(provider.standing.source == nil)
            aws.isDown = false
            clock.advance(.seconds(20))
            #expect(try await provider.credentials().accessKeyID != first)
            #expect(provider.standing.failure == nil)
        }
    }

    @Test func `many who ask at once are answered by one refresh`() async throws {
        let clock = TestClock()
        let aws = StandInAWS(clock: clock.read)
        try await withWebServer(aws.handle) { _, url in
            let provider = provider(url, clock)
            for round in 1...2 {
                let ids = try await withThrowingTaskGroup(of: String.self) { group in
                    for _ in 0..<50 { group.addTask { try await provider.credentials().accessKeyID } }
                    return try await group.reduce(into: Set<String>()) { $0.insert($1) }
                }
                #expect(ids.count == 1 && documents(aws) == round)
                clock.advance(.seconds(7 * 3600))
            }
        }
    }

    @Test func `after a failure nobody is asked before the delay has passed`() async throws {
        let clock = TestClock()
        let aws = StandInAWS(clock: clock.read)
        aws.isDown = true
        try await withWebServer(aws.handle) { _, url in
            let provider = provider(url, clock)
            for _ in 0..<20 { await #expect(throws: CredentialError.self) { try await provider.credentials() } }
            // Three attempts of the first call; the delay is random, and may be nothing.
            #expect(aws.seen.count < 20)
            clock.advance(.seconds(20))
            aws.isDown = false
            _ = try await provider.credentials()
        }
    }

    @Test func `what a service has refused is forgotten`() async throws {
        let clock = TestClock()
        let aws = StandInAWS(clock: clock.read)
        try await withWebServer(aws.handle) { _, url in
            let provider = provider(url, clock)
            let first = try await provider.credentials().accessKeyID
            #expect(try await provider.credentials().accessKeyID == first)
            await provider.forget()
            #expect(try await provider.credentials().accessKeyID != first)
        }
    }

    @Test func `credentials that have ended already are an error that says when`() async throws {
        let clock = TestClock()
        let aws = StandInAWS(lifetime: .seconds(-60), clock: clock.read)
        try await withWebServer(aws.handle) { _, url in
            let error = await #expect(throws: CredentialError.self) { try await provider(url, clock).credentials() }
            #expect(error?.description.contains("ended at 2026-11-") == true)
        }
    }

    @Test func `keys of a file are read again, so that a change is taken up`() async throws {
        let folder = try TemporaryDirectory()
        let file = try folder.write("credentials", "[default]\naws_access_key_id = A1\naws_secret_access_key = s\n")
        let provider = CredentialProvider(testChain(["AWS_SHARED_CREDENTIALS_FILE": file]))
        #expect(try await provider.credentials().accessKeyID == "A1")
        try folder.write("credentials", "[default]\naws_access_key_id = A2\naws_secret_access_key = s\n")
        #expect(try await provider.credentials().accessKeyID == "A2")
        #expect(provider.standing.expiration == nil && provider.standing.source?.contains(file) == true)
    }

    @Test func `left to itself it refreshes in time, at random moments`() async throws {
        let clock = TestClock()
        let aws = StandInAWS(lifetime: .seconds(3600), clock: clock.read)
        try await withWebServer(aws.handle) { _, url in
            let chain = testChain([:], aws: url, clock: clock.read, sleep: clock.sleep)
            let provider = CredentialProvider(chain)
            let task = Task { await provider.keepFresh() }
            #expect(await settled { self.documents(aws) >= 12 })
            task.cancel()
            await task.value
        }
        let waits = Set(clock.sleeps.prefix(10))
        // An hour less ten to fifteen minutes.
        #expect(waits.allSatisfy { (.seconds(2700)...Duration.seconds(3000)).contains($0) }, "\(waits)")
        #expect(waits.count > 5)
    }

    @Test func `delays have full jitter below a bound that doubles up to twenty seconds`() {
        var generator = SplitMix64(seed: 7)
        for (failures, bound) in [(1, 1), (2, 2), (3, 4), (5, 16), (6, 20), (60, 20)] {
            let delays = (0..<2000).map { _ in CredentialContext.retryDelay(after: failures, using: &generator) }
            #expect(delays.allSatisfy { $0 >= .zero && $0 <= .seconds(bound) })
            #expect(delays.contains { $0 < .seconds(bound) * 0.1 } && delays.contains { $0 > .seconds(bound) * 0.9 })
        }
    }
}
