// SPDX-License-Identifier: Apache-2.0

/// A point in time: milliseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
///
/// Never read from a clock in here: whoever needs the time is given it.
public struct Timestamp: Sendable, Hashable, Comparable {
    /// Milliseconds since the Unix epoch.
    public let milliseconds: Int64

    /// Makes a timestamp of milliseconds since the Unix epoch.
    public init(milliseconds: Int64) {
        self.milliseconds = milliseconds
    }

    /// Makes a timestamp of seconds since the Unix epoch, clamped to the range of `Int64` milliseconds.
    public init(seconds: Int64) {
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1000)
        self.milliseconds = overflow ? (seconds < 0 ? Int64.min : Int64.max) : product
    }

    /// Whole seconds since the Unix epoch, rounded down.
    public var seconds: Int64 {
        let (quotient, remainder) = milliseconds.quotientAndRemainder(dividingBy: 1000)
        return remainder < 0 ? quotient - 1 : quotient
    }

    /// The milliseconds beyond ``seconds``: 0 to 999.
    var millisecondOfSecond: Int64 {
        let remainder = milliseconds % 1000
        return remainder < 0 ? remainder + 1000 : remainder
    }

    /// This time plus a number of milliseconds, clamped.
    public func advanced(byMilliseconds milliseconds: Int64) -> Timestamp {
        let (sum, overflow) = self.milliseconds.addingReportingOverflow(milliseconds)
        return Timestamp(milliseconds: overflow ? (milliseconds < 0 ? Int64.min : Int64.max) : sum)
    }

    /// Earlier before later.
    public static func < (a: Timestamp, b: Timestamp) -> Bool { a.milliseconds < b.milliseconds }
}

// MARK: Text

extension Timestamp {
    /// Parses RFC 3339 in UTC or with an offset, with or without a fraction: `2026-11-21T09:20:00Z`.
    ///
    /// What the fraction says beyond milliseconds is cut off. A leap second (`:60`) is refused: it has no place here.
    public init?(rfc3339 text: String) {
        var reader = FixedFieldReader(Array(text.utf8))
        guard let year = reader.number(digits: 4), reader.take("-"), let month = reader.number(digits: 2),
            reader.take("-"), let day = reader.number(digits: 2), reader.take("T") || reader.take("t"),
            let hour = reader.number(digits: 2), reader.take(":"), let minute = reader.number(digits: 2),
            reader.take(":"), let second = reader.number(digits: 2),
            let whole = CivilTime(year: year, month: month, day: day, hour: hour, minute: minute, second: second)
        else { return nil }
        var fraction: Int64 = 0
        if reader.take(".") {
            guard let read = reader.fractionInMilliseconds() else { return nil }
            fraction = read
        }
        var offset: Int64 = 0
        if !(reader.take("Z") || reader.take("z")) {
            let sign: Int64
            if reader.take("+") {
                sign = 1
            } else if reader.take("-") {
                sign = -1
            } else {
                return nil
            }
            guard let hours = reader.number(digits: 2), hours < 24, reader.take(":"),
                let minutes = reader.number(digits: 2), minutes < 60
            else { return nil }
            offset = sign * (hours * 3600 + minutes * 60)
        }
        guard reader.isAtEnd else { return nil }
        // Years have four digits: nothing here comes near an overflow.
        self.init(milliseconds: (whole.secondsSinceEpoch - offset) * 1000 + fraction)
    }

    /// Parses the basic form that SigV4 uses: `20261121T092000Z`.
    package init?(amzDate text: String) { self.init(amzDate: Array(text.utf8)[...]) }

    /// The same of bytes.
    package init?(amzDate text: ArraySlice<UInt8>) {
        var reader = FixedFieldReader(Array(text))
        guard let year = reader.number(digits: 4), let month = reader.number(digits: 2),
            let day = reader.number(digits: 2), reader.take("T"), let hour = reader.number(digits: 2),
            let minute = reader.number(digits: 2), let second = reader.number(digits: 2), reader.take("Z"),
            reader.isAtEnd,
            let time = CivilTime(year: year, month: month, day: day, hour: hour, minute: minute, second: second)
        else { return nil }
        self.init(seconds: time.secondsSinceEpoch)
    }

    /// `2026-11-21T09:20:00.000Z`; without the fraction when it is zero.
    ///
    /// Years outside 0 to 9999, which RFC 3339 cannot express, are written with a sign.
    public var rfc3339: String {
        let time = CivilTime(secondsSinceEpoch: seconds)
        let day = "\(Self.year(time.year))-\(Self.padded(time.month, to: 2))-\(Self.padded(time.day, to: 2))"
        let clock =
            "\(Self.padded(time.hour, to: 2)):\(Self.padded(time.minute, to: 2)):\(Self.padded(time.second, to: 2))"
        let fraction = millisecondOfSecond == 0 ? "" : ".\(Self.padded(millisecondOfSecond, to: 3))"
        return "\(day)T\(clock)\(fraction)Z"
    }

    /// `20261121T092000Z`
    package var amzDate: String {
        let time = CivilTime(secondsSinceEpoch: seconds)
        let clock =
            "\(Self.padded(time.hour, to: 2))\(Self.padded(time.minute, to: 2))\(Self.padded(time.second, to: 2))"
        return "\(amzDay)T\(clock)Z"
    }

    /// `20261121`
    package var amzDay: String {
        let time = CivilTime(secondsSinceEpoch: seconds)
        return "\(Self.year(time.year))\(Self.padded(time.month, to: 2))\(Self.padded(time.day, to: 2))"
    }

    private static func year(_ year: Int64) -> String {
        switch year {
        case 0...9999: padded(year, to: 4)
        case 10000...: "+\(year)"
        default: "-\(padded(-year, to: 4))"
        }
    }

    private static func padded(_ value: Int64, to width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
    }
}
