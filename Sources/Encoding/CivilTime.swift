// SPDX-License-Identifier: Apache-2.0

/// A date and time of day in the proleptic Gregorian calendar, in UTC.
struct CivilTime {
    let year: Int64
    let month: Int64
    let day: Int64
    let hour: Int64
    let minute: Int64
    let second: Int64

    private static let secondsPerDay: Int64 = 86_400
    /// The calendar repeats every 400 years, which are this many days.
    private static let daysPerEra: Int64 = 146_097
    /// From 0000-03-01 to 1970-01-01.
    private static let daysBeforeEpoch: Int64 = 719_468

    /// Nil unless the day exists and the time of day is from 00:00:00 to 23:59:59.
    init?(year: Int64, month: Int64, day: Int64, hour: Int64, minute: Int64, second: Int64) {
        guard (0...9999).contains(year), (1...12).contains(month), day >= 1,
            day <= Self.daysInMonth(year: year, month: month),
            (0...23).contains(hour), (0...59).contains(minute), (0...59).contains(second)
        else { return nil }
        self.year = year
        self.month = month
        self.day = day
        self.hour = hour
        self.minute = minute
        self.second = second
    }

    /// The inverse of ``secondsSinceEpoch``, for every value that whole `Int64` milliseconds can have.
    ///
    /// Years are counted from March, so that the leap day is the last of its year: all months before it then have
    /// lengths that one linear formula gives.
    init(secondsSinceEpoch: Int64) {
        let days = Self.floorDivide(secondsSinceEpoch, Self.secondsPerDay)
        let secondOfDay = secondsSinceEpoch - days * Self.secondsPerDay
        let shifted = days + Self.daysBeforeEpoch
        let era = Self.floorDivide(shifted, Self.daysPerEra)
        let dayOfEra = shifted - era * Self.daysPerEra
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        hour = secondOfDay / 3600
        minute = secondOfDay / 60 % 60
        second = secondOfDay % 60
    }

    var secondsSinceEpoch: Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = Self.floorDivide(shiftedYear, 400)
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        let days = era * Self.daysPerEra + dayOfEra - Self.daysBeforeEpoch
        return days * Self.secondsPerDay + hour * 3600 + minute * 60 + second
    }

    private static func daysInMonth(year: Int64, month: Int64) -> Int64 {
        switch month {
        case 4, 6, 9, 11: 30
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        default: 31
        }
    }

    private static func floorDivide(_ a: Int64, _ b: Int64) -> Int64 {
        let (quotient, remainder) = a.quotientAndRemainder(dividingBy: b)
        return remainder < 0 ? quotient - 1 : quotient
    }
}

/// Reads a text of fixed-width decimal fields from left to right.
struct FixedFieldReader {
    private let bytes: [UInt8]
    private var position = 0

    init(_ text: [UInt8]) {
        bytes = text
    }

    var isAtEnd: Bool { position == bytes.count }

    /// Exactly `digits` ASCII digits.
    mutating func number(digits: Int) -> Int64? {
        guard bytes.count - position >= digits else { return nil }
        var value: Int64 = 0
        for byte in bytes[position..<position + digits] {
            guard (0x30...0x39).contains(byte) else { return nil }
            value = value * 10 + Int64(byte - 0x30)
        }
        position += digits
        return value
    }

    /// Goes past one character if it is the one given.
    mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard position < bytes.count, UInt32(bytes[position]) == character.value else { return false }
        position += 1
        return true
    }

    /// One or more digits after a decimal point, as whole milliseconds; what lies below is cut off.
    mutating func fractionInMilliseconds() -> Int64? {
        let start = position
        var value: Int64 = 0
        var weight: Int64 = 100
        while position < bytes.count, (0x30...0x39).contains(bytes[position]) {
            value += Int64(bytes[position] - 0x30) * weight
            weight /= 10
            position += 1
        }
        return position > start ? value : nil
    }
}
