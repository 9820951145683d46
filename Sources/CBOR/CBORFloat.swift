// SPDX-License-Identifier: Apache-2.0

/// Widths of floating-point numbers (RFC 8949 section 3.3).
enum CBORFloat {
    case half
    case single
    case double

    /// RFC 8949 section 4.2.2: every NaN is this one.
    static let canonicalNaN: UInt16 = 0x7E00

    /// The shortest that keeps the value (RFC 8949 section 4.2.1).
    static func shortest(_ value: Double) -> CBORFloat {
        if value.isNaN || Double(Float16(value)) == value { return .half }
        return Double(Float(value)) == value ? .single : .double
    }
}
