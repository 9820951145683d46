// SPDX-License-Identifier: Apache-2.0

import EnclaveCore
import Encoding
import TestSupport
import Testing

struct TokenBucketTests {
    private static let start = Timestamp(seconds: 1_795_255_200)

    private static func after(_ milliseconds: Int64) -> Timestamp { start.advanced(byMilliseconds: milliseconds) }

    @Test func `gives its burst at once, then its rate`() {
        let bucket = TokenBucket(rate: 10, burst: 5)
        for _ in 0..<5 { #expect(bucket.take(1, at: Self.start)) }
        #expect(!bucket.take(1, at: Self.start))
        #expect(!bucket.take(1, at: Self.after(99)))
        #expect(bucket.take(1, at: Self.after(100)))
        #expect(!bucket.take(1, at: Self.after(100)))
        #expect(bucket.take(3, at: Self.after(400)))
        #expect(!bucket.take(1, at: Self.after(400)))
    }

    @Test func `fills to its burst and no further, however long nobody asks`() {
        let bucket = TokenBucket(rate: 10, burst: 5)
        #expect(bucket.take(5, at: Self.start))
        let later = Self.after(86_400_000)
        #expect(!bucket.take(6, at: later))
        #expect(bucket.take(5, at: later))
        #expect(!bucket.take(1, at: later))
    }

    @Test func `takes all that is asked, or nothing`() {
        let bucket = TokenBucket(rate: 1, burst: 5)
        #expect(bucket.take(3, at: Self.start))
        #expect(!bucket.take(3, at: Self.start))
        #expect(bucket.take(2, at: Self.start))
    }

    @Test func `leaves what is to be left`() {
        let bucket = TokenBucket(rate: 1, burst: 8)
        #expect(bucket.take(6, at: Self.start, leaving: 2))
        #expect(!bucket.take(1, at: Self.start, leaving: 2))
        #expect(bucket.take(2, at: Self.start))
    }

    @Test func `a clock that is set back costs the wait of one empty bucket, not of the difference`() {
        let bucket = TokenBucket(rate: 10, burst: 5)
        #expect(bucket.take(1, at: Self.after(3_600_000)))
        #expect(!bucket.take(1, at: Self.start))
        #expect(bucket.take(1, at: Self.after(100)))
        #expect(bucket.take(4, at: Self.after(500)))
    }

    @Test(arguments: [Int64.min, -1, 0, Int64.max])
    func `no time and no cost is beyond it`(milliseconds: Int64) {
        let bucket = TokenBucket(rate: 100_000, burst: 200_000)
        let time = Timestamp(milliseconds: milliseconds)
        #expect(bucket.take(1, at: time))
        #expect(!bucket.take(.max, at: time))
        #expect(!bucket.take(1, at: time, leaving: .max))
        _ = bucket.take(1, at: Self.start)
        _ = bucket.take(1, at: time)
    }

    @Test func `many threads together get no more than there is`() async {
        let bucket = TokenBucket(rate: 1, burst: 1000)
        let taken = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<8 {
                group.addTask { (0..<500).reduce(0) { count, _ in count + (bucket.take(1, at: Self.start) ? 1 : 0) } }
            }
            return await group.reduce(0, +)
        }
        #expect(taken == 1000)
    }

    // MARK: Principals

    private static let rates = RequestQuotas.Rates(work: 10, workBurst: 100, changes: 1, changesBurst: 4)

    private static func quotas(times factor: Int) -> RequestQuotas {
        let all = RequestQuotas.Rates(
            work: rates.work * factor,
            workBurst: rates.workBurst * factor,
            changes: rates.changes * factor,
            changesBurst: rates.changesBurst * factor
        )
        return RequestQuotas(rates, inAll: all, maximum: 4)
    }

    @Test func `what one principal has used up another still has, and work and changes are apart`() {
        let quotas = Self.quotas(times: 4)
        #expect(quotas.admit(.work(100), of: "a", at: Self.start))
        #expect(!quotas.admit(.work(1), of: "a", at: Self.start))
        #expect(quotas.admit(.change(4), of: "a", at: Self.start))
        #expect(!quotas.admit(.change(1), of: "a", at: Self.start))
        #expect(quotas.admit(.work(1), of: "b", at: Self.start))
        #expect(quotas.admit(.change(1), of: "b", at: Self.start))
        #expect(quotas.admit(.work(10), of: "a", at: Self.after(1000)))
    }

    @Test func `greedy principals together leave a quarter to the modest`() {
        let quotas = Self.quotas(times: 2)
        var greedy = 0
        for name in ["a", "b"] {
            for _ in 0..<100 where quotas.admit(.work(1), of: name, at: Self.start) { greedy += 1 }
        }
        #expect(greedy == 150)
        #expect(quotas.admit(.work(40), of: "c", at: Self.start))
    }

    @Test func `strangers by the thousand do not give anyone a second allowance`() {
        let quotas = Self.quotas(times: 1000)
        #expect(quotas.admit(.work(100), of: "a", at: Self.start))
        for index in 0..<2000 { _ = quotas.admit(.work(1), of: "x\(index % 3)", at: Self.after(Int64(index))) }
        #expect(!quotas.admit(.work(100), of: "a", at: Self.after(2000)))
    }

    // MARK: Signatures seen

    @Test func `a mark is known the second time, and forgotten only for others in its place`() {
        let memory = SignatureMemory(bits: 4)
        for mark: UInt64 in [0, 1 << 40 | 3, .max] {
            #expect(!memory.hasSeen(mark))
            #expect(memory.hasSeen(mark))
        }
        #expect(memory.hasSeen(1 << 40 | 3))
        #expect(!memory.hasSeen(1 << 41 | 3))
        #expect(!memory.hasSeen(1 << 40 | 3))
    }

    @Test func `random marks are new, and nine of ten of the latest are known`() {
        let memory = SignatureMemory(bits: 16)
        var random = SplitMix64(seed: 7)
        var marks: [UInt64] = []
        for _ in 0..<6_500 {
            let mark = random.next()
            #expect(!memory.hasSeen(mark))
            marks.append(mark)
        }
        let known = marks.count { memory.hasSeen($0) }
        #expect(known > marks.count * 8 / 10)
    }
}
