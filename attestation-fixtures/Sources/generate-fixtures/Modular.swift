// SPDX-License-Identifier: Apache-2.0

/// Arithmetic modulo an odd prime, for signatures with a chosen nonce, which OpenSSL 3.0 does not make.
///
/// Slow, and its time depends on its input: for test keys only.
struct Modulus: Sendable {
    /// Little-endian limbs, as many in every value.
    typealias Value = [UInt64]

    let modulus: Value
    /// Bytes of a value.
    let length: Int

    /// From big-endian bytes, a multiple of eight.
    init(_ bytes: [UInt8]) {
        self.length = bytes.count
        self.modulus = Self.limbs(bytes)
    }

    private static func limbs(_ bytes: [UInt8]) -> Value {
        stride(from: bytes.count, to: 0, by: -8).map { end in
            bytes[(end - 8)..<end].reduce(0) { $0 << 8 | UInt64($1) }
        }
    }

    var zero: Value { Value(repeating: 0, count: modulus.count) }

    /// Big-endian bytes of ``length``, reduced once: below twice the modulus.
    func value(_ bytes: [UInt8]) -> Value {
        let value = Self.limbs(bytes)
        return isLess(value, modulus) ? value : subtracting(value, modulus).value
    }

    func bytes(_ value: Value) -> [UInt8] {
        value.reversed().flatMap { limb in stride(from: 56, through: 0, by: -8).map { UInt8(limb >> UInt64($0) & 0xff) }
        }
    }

    // MARK: Whole numbers

    func isLess(_ a: Value, _ b: Value) -> Bool { subtracting(a, b).borrow }

    private func adding(_ a: Value, _ b: Value) -> (value: Value, carry: Bool) {
        var sum = zero
        var carry: UInt64 = 0
        for i in a.indices {
            let (first, overflow) = a[i].addingReportingOverflow(b[i])
            let (second, again) = first.addingReportingOverflow(carry)
            sum[i] = second
            carry = overflow || again ? 1 : 0
        }
        return (sum, carry == 1)
    }

    private func subtracting(_ a: Value, _ b: Value) -> (value: Value, borrow: Bool) {
        var difference = zero
        var borrow: UInt64 = 0
        for i in a.indices {
            let (first, overflow) = a[i].subtractingReportingOverflow(b[i])
            let (second, again) = first.subtractingReportingOverflow(borrow)
            difference[i] = second
            borrow = overflow || again ? 1 : 0
        }
        return (difference, borrow == 1)
    }

    private func halved(_ a: Value, carry: Bool = false) -> Value {
        var half = zero
        for i in a.indices {
            let above = i + 1 < a.count ? a[i + 1] & 1 : (carry ? 1 : 0)
            half[i] = a[i] >> 1 | above << 63
        }
        return half
    }

    // MARK: Modulo

    func add(_ a: Value, _ b: Value) -> Value {
        let (sum, carry) = adding(a, b)
        return carry || !isLess(sum, modulus) ? subtracting(sum, modulus).value : sum
    }

    func subtract(_ a: Value, _ b: Value) -> Value {
        let (difference, borrow) = subtracting(a, b)
        return borrow ? adding(difference, modulus).value : difference
    }

    func multiply(_ a: Value, _ b: Value) -> Value {
        var product = zero
        for limb in b.reversed() {
            for bit in (0..<64).reversed() {
                product = add(product, product)
                if limb >> UInt64(bit) & 1 == 1 { product = add(product, a) }
            }
        }
        return product
    }

    /// Half modulo: the modulus is odd.
    private func half(_ a: Value) -> Value {
        guard a[0] & 1 == 1 else { return halved(a) }
        let (sum, carry) = adding(a, modulus)
        return halved(sum, carry: carry)
    }

    /// By the binary extended algorithm of Euclid; `a` is not zero.
    func invert(_ a: Value) -> Value {
        var one = zero
        one[0] = 1
        var (u, v, x, y) = (a, modulus, one, zero)
        while u != one && v != one {
            while u[0] & 1 == 0 { (u, x) = (halved(u), half(x)) }
            while v[0] & 1 == 0 { (v, y) = (halved(v), half(y)) }
            if isLess(u, v) {
                (v, y) = (subtracting(v, u).value, subtract(y, x))
            } else {
                (u, x) = (subtracting(u, v).value, subtract(x, y))
            }
        }
        return u == one ? x : y
    }
}
