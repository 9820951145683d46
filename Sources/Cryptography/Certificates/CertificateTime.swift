// SPDX-License-Identifier: Apache-2.0

import Encoding

/// `Time` of RFC 5280 section 4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050, whole seconds, `Z`.
enum CertificateTime: Sendable {
    private static let firstGeneralizedYear = 2050

    static func read(_ input: Span<UInt8>, _ element: DERElement) throws(DERError) -> Timestamp {
        let isGeneralized = element.tag == DER.generalizedTime
        guard isGeneralized || element.tag == DER.utcTime, element.content.count == (isGeneralized ? 15 : 13) else {
            throw DERError()
        }
        let text = DER.bytes(input, element.content)
        let digits = text.dropLast().map { Int($0) - 0x30 }
        guard text.last == UInt8(ascii: "Z"), digits.allSatisfy({ (0...9).contains($0) }) else { throw DERError() }
        let pairs = stride(from: 0, to: digits.count, by: 2).map { 10 * digits[$0] + digits[$0 + 1] }
        let year: Int
        if isGeneralized {
            year = 100 * pairs[0] + pairs[1]
            guard year >= firstGeneralizedYear else { throw DERError() }
        } else {
            year = pairs[0] + (pairs[0] < 50 ? 2000 : 1900)
        }
        let rest = pairs.suffix(5).map { $0 }
        guard (1...12).contains(rest[0]), rest[1] >= 1, rest[1] <= days(inMonth: rest[0], of: year), rest[2] < 24,
            rest[3] < 60, rest[4] < 60
        else { throw DERError() }
        let seconds = daysSinceEpoch(year, rest[0], rest[1]) * 86_400 + rest[2] * 3600 + rest[3] * 60 + rest[4]
        return Timestamp(milliseconds: Int64(seconds) * 1000)
    }

    /// DER of a time, rounded down to seconds. Nil before 1950 and after 9999.
    static func write(_ time: Timestamp) -> [UInt8]? {
        let seconds = Int(time.milliseconds / 1000) - (time.milliseconds % 1000 < 0 ? 1 : 0)
        let (year, month, day) = date(daysSinceEpoch: seconds / 86_400 - (seconds % 86_400 < 0 ? 1 : 0))
        guard year >= 1950, year <= 9999 else { return nil }
        let second = (seconds % 86_400 + 86_400) % 86_400
        let isGeneralized = year >= firstGeneralizedYear
        let pairs =
            (isGeneralized ? [year / 100] : []) + [
                year % 100, month, day, second / 3600, second / 60 % 60, second % 60,
            ]
        let text = pairs.flatMap { [UInt8($0 / 10) + 0x30, UInt8($0 % 10) + 0x30] } + [UInt8(ascii: "Z")]
        return DERWriter.element(isGeneralized ? DER.generalizedTime : DER.utcTime, text)
    }

    private static func days(inMonth month: Int, of year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    // The proleptic Gregorian calendar, counted in years that begin in March, so that leap days come last.

    private static func daysSinceEpoch(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let year = month > 2 ? year : year - 1
        let dayOfYear = (153 * ((month + 9) % 12) + 2) / 5 + day - 1
        return 365 * year + year / 4 - year / 100 + year / 400 + dayOfYear - 719_468
    }

    private static func date(daysSinceEpoch: Int) -> (year: Int, month: Int, day: Int) {
        let days = daysSinceEpoch + 719_468
        let era = (days >= 0 ? days : days - 146_096) / 146_097
        let dayOfEra = days - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shifted = (5 * dayOfYear + 2) / 153
        let month = shifted < 10 ? shifted + 3 : shifted - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shifted + 2) / 5 + 1)
    }
}
