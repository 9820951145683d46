// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing
import keybroker

/// What `keybroker bench` counts with.
struct LatencyHistogramTests {
    private static func filled(_ values: [UInt64]) -> LatencyHistogram {
        var histogram = LatencyHistogram()
        for value in values { histogram.record(nanoseconds: value) }
        return histogram
    }

    @Test(arguments: [10, 100, 100_000]) func `quantiles are those of the sorted values, to one percent above`(
        count: Int
    ) {
        var random = SplitMix64(seed: UInt64(count))
        // From nanoseconds to minutes, every power of two as likely as another.
        let values = (0..<count).map { _ in random.next() >> UInt64.random(in: 27...63, using: &random) }
        let histogram = Self.filled(values)
        let sorted = values.sorted()
        for share in [0.001, 0.5, 0.9, 0.99, 0.999, 1] {
            let exact = sorted[max(0, Int((Double(count) * share).rounded(.up)) - 1)]
            let found = histogram.quantile(share) ?? 0
            #expect(found >= exact && Double(found) <= Double(exact) * 1.01, "\(share): \(found), \(exact)")
        }
        #expect(histogram.maximum == sorted.last)
        #expect(histogram.mean == values.reduce(0, +) / UInt64(count))
        #expect(histogram.count == UInt64(count))
    }

    @Test func `small values are exact`() {
        let histogram = Self.filled(Array(0..<128))
        #expect((1...128).allSatisfy { histogram.quantile(Double($0) / 128) == UInt64($0 - 1) })
    }

    @Test func `the greatest value there is has its place`() {
        let histogram = Self.filled([0, .max])
        #expect(histogram.quantile(0.5) == 0)
        #expect(histogram.quantile(1) == .max)
    }

    @Test func `nothing recorded is no quantile and no mean`() {
        #expect(LatencyHistogram().quantile(0.5) == nil)
        #expect(LatencyHistogram().mean == nil)
    }
}

/// How `keybroker bench` reads responses.
struct ResponseScannerTests {
    /// The example of RFC 9112 section 2 with a body, and what follows it on the connection.
    private static let head = "HTTP/1.1 200 OK\r\nDate: Mon, 27 Jul 2009 12:28:53 GMT\r\nContent-Length: 14\r\n\r\n"
    private static let body = "Hello World!\r\n"

    private static func scan(_ text: String) -> ResponseScanner.Result { ResponseScanner.scan(Array(text.utf8).span) }

    private static func response(_ result: ResponseScanner.Result) -> ResponseScanner.Response? {
        if case .complete(let response) = result { response } else { nil }
    }

    @Test func `a response is complete with its last byte and not before`() throws {
        let whole = Self.head + Self.body
        for count in 0..<whole.utf8.count {
            #expect(Self.scan(String(decoding: whole.utf8.prefix(count), as: UTF8.self)) == .incomplete, "\(count)")
        }
        let response = try #require(Self.response(Self.scan(whole)))
        #expect(response.status == 200)
        #expect(response.headLength == Self.head.utf8.count)
        #expect(response.bodyLength == Self.body.utf8.count)
        #expect(!response.closes)
        // Another response behind it changes nothing.
        #expect(Self.scan(whole + whole) == .complete(response))
    }

    @Test func `names are read in any case, and values without the space around them`() throws {
        let text = "HTTP/1.1 400 Bad Request\r\ncONTENT-lENGTH: \t 2 \r\nConnection: close\r\n\r\n{}"
        let response = try #require(Self.response(Self.scan(text.replacing("\t", with: " "))))
        #expect(response.status == 400 && response.bodyLength == 2 && response.closes)
    }

    @Test func `no declared body is none`() throws {
        let response = try #require(Self.response(Self.scan("HTTP/1.1 204 No Content\r\n\r\n")))
        #expect(response.bodyLength == 0)
    }

    @Test(arguments: [
        "HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/1.1-200 OK\r\n\r\n", "a\r\nb\r\nc\r\nd\r\ne\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 4194305\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ])
    func `what a broker never sends is malformed`(text: String) {
        #expect(Self.scan(text) == .malformed)
    }

    @Test func `a head without an end is malformed, once it is too long`() {
        let line = "X: " + String(repeating: "y", count: 16 * 1024)
        #expect(Self.scan("HTTP/1.1 200 OK\r\n" + line) == .malformed)
    }
}
