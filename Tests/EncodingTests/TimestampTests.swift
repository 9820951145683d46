// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import Testing

@Suite struct TimestampTests {
    // The examples of RFC 3339 section 5.8, without its leap seconds, and edges of the calendar.
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0), ("1985-04-12T23:20:50.52Z", 482_196_050_520),
        ("1996-12-19T16:39:57-08:00", 851_042_397_000), ("1937-01-01T12:00:27.87+00:20", -1_041_337_172_130),
        ("2026-11-21T09:20:00Z", 1_795_252_800_000), ("2000-02-29T00:00:00Z", 951_782_400_000),
        ("1969-12-31T23:59:59.999Z", -1), ("9999-12-31T23:59:59Z", 253_402_300_799_000),
        ("0000-01-01T00:00:00Z", -62_167_219_200_000), ("2026-11-21t09:20:00.1239999z", 1_795_252_800_123),
        ("2026-11-21T09:20:00-00:00", 1_795_252_800_000),
    ])
    func `reads RFC 3339`(text: String, milliseconds: Int64) {
        #expect(Timestamp(rfc3339: text)?.milliseconds == milliseconds)
    }

    @Test(arguments: [
        "2026-02-30T00:00:00Z", "2026-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-04-31T00:00:00Z",
        "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-00T00:00:00Z", "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z", "1990-12-31T23:59:60Z", "2026-01-01 00:00:00Z", "2026-01-01T00:00:00",
        "2026-01-01T00:00:00.Z", "2026-01-01T00:00:00+24:00", "2026-01-01T00:00:00+01:60", "2026-01-01T00:00:00+0100",
        "2026-01-01T00:00:00Z ", "26-01-01T00:00:00Z", "2026-1-1T00:00:00Z", "+026-01-01T00:00:00Z",
        "２０２６-01-01T00:00:00Z", "", "2026-01-01",
    ])
    func `refuses days that do not exist and text that is not RFC 3339`(text: String) {
        #expect(Timestamp(rfc3339: text) == nil)
    }

    @Test func `writes RFC 3339, with the fraction only where there is one`() {
        #expect(Timestamp(milliseconds: 1_795_252_800_000).rfc3339 == "2026-11-21T09:20:00Z")
        #expect(Timestamp(milliseconds: 1_795_252_800_007).rfc3339 == "2026-11-21T09:20:00.007Z")
        #expect(Timestamp(milliseconds: -1).rfc3339 == "1969-12-31T23:59:59.999Z")
    }

    @Test func `reads and writes the basic form of SigV4`() {
        let time = Timestamp(amzDate: "20150830T123600Z")
        #expect(time?.milliseconds == 1_440_938_160_000)
        #expect(time?.amzDate == "20150830T123600Z")
        #expect(time?.amzDay == "20150830")
    }

    @Test(arguments: [
        "20150230T000000Z", "20150830T123600", "20150830T1236Z", "2015-08-30T12:36:00Z", "20150830t123600Z", "",
    ])
    func `refuses other forms of the basic form`(text: String) {
        #expect(Timestamp(amzDate: text) == nil)
    }

    @Test func `agrees with Foundation on a day of every month from year 1 to 9999`() throws {
        let formatter = ISO8601DateFormatter()
        for year in stride(from: 1583, through: 9999, by: 7) {
            for month in 1...12 {
                let text = String(format: "%04d-%02d-28T23:59:59Z", year, month)
                let date = try #require(formatter.date(from: text))
                let time = try #require(Timestamp(rfc3339: text))
                #expect(time.seconds == Int64(date.timeIntervalSince1970))
                #expect(time.rfc3339 == text)
            }
        }
    }

    @Test func `rounds seconds down and clamps at the ends of its range`() {
        #expect(Timestamp(milliseconds: -1).seconds == -1)
        #expect(Timestamp(milliseconds: -1000).seconds == -1)
        #expect(Timestamp(seconds: .max).milliseconds == .max)
        #expect(Timestamp(seconds: .min).milliseconds == .min)
        #expect(Timestamp(milliseconds: .max).advanced(byMilliseconds: 1).milliseconds == .max)
        #expect(Timestamp(milliseconds: .min).advanced(byMilliseconds: -1).milliseconds == .min)
        #expect(Timestamp(milliseconds: .max).rfc3339 == "+292278994-08-17T07:12:55.807Z")
        #expect(Timestamp(milliseconds: .min).rfc3339 == "-292275055-05-16T16:47:04.192Z")
    }
}
