// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import Cryptography
import Encoding
import Glibc

/// What verifying a chain costs beside the checks of its signatures alone, in processor time of one thread.
///
/// Unlike the other benchmarks a part of the root package: it looks at what is not public.
@main
struct AuditBenchmark {
    static let events = 2000
    static let rounds = 9

    static func main() throws {
        if CommandLine.arguments.dropFirst().first == "hashes" {
            // One step alone, for `perf record`.
            let chain = try SignedChain(.jcs, .ed25519, count: events)
            for _ in 0..<200 { try chain.verify(RecordJudge(profile: chain.profile, registry: nil)) }
            return
        }
        if CommandLine.arguments.count == 3 { return try long(CommandLine.arguments[1], CommandLine.arguments[2]) }
        print("processor time of one event, medians of \(rounds) rounds of \(events) events, in turns:")
        for (name, algorithm) in [
            ("Ed25519", KeyAlgorithm.ed25519), ("P-256", .ec(.p256)), ("RSA-2048", .rsa(bits: 2048)),
        ] {
            for profile in [ChainProfile.jcs, .illuvrseA, .illuvrseGo] {
                try report(try SignedChain(profile, algorithm, count: events), "\(name), \(profile.rawValue)")
            }
        }
    }

    /// `audit-benchmark 1000000 FILE`: a chain of so many events in a file.
    private static func long(_ count: String, _ path: String) throws {
        let chain = try LongChain(path: path, count: Int(count) ?? 0)
        let start = processorTime()
        try chain.write()
        let written = processorTime()
        try chain.verify()
        let seconds = (processorTime() - written) / 1e6
        print(
            "\(chain.count) events: made in \(text((written - start) / 1e6)) s, verified in \(text(seconds)) s, "
                + "\(Int(Double(chain.count) / seconds)) a second on one thread; peak \(LongChain.peakMemory) KiB"
        )
    }

    private static func report(_ chain: SignedChain, _ name: String) throws {
        let alone = try SignatureChecks(chain)
        let verification = RecordJudge(profile: chain.profile, registry: chain.registry)
        let hashes = RecordJudge(profile: chain.profile, registry: nil)
        var steps: [(name: String, work: () throws -> Void, rounds: [Double])] = [
            ("signatures alone, by OpenSSL", { try alone.run() }, []),
            ("verification", { try chain.verify(verification) }, []),
            ("the same without signatures", { try chain.verify(hashes) }, []),
            ("cutting the text into events", { try chain.cut() }, []),
        ]
        for round in -1..<rounds {
            for index in steps.indices {
                let start = processorTime()
                try steps[index].work()
                // The first round warms up.
                if round >= 0 { steps[index].rounds.append((processorTime() - start) / Double(events)) }
            }
        }
        let medians = steps.map { $0.rounds.sorted()[$0.rounds.count / 2] }
        print(
            "\(name): \(text(medians[1] / medians[0])) × its signature checks, \(chain.text.count / events) bytes an event"
        )
        for (step, median) in zip(steps, medians) {
            print("  \(text(median)) µs  \(step.name) (\(Int(1e6 / median)) events a second)")
        }
    }

    /// Microseconds of this thread.
    private static func processorTime() -> Double {
        var now = timespec()
        unsafe clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now)
        return Double(now.tv_sec) * 1e6 + Double(now.tv_nsec) / 1e3
    }

    private static func text(_ number: Double) -> String { "\((number * 100).rounded() / 100)" }
}

struct Failure: Error {
    let message: String
}
