// SPDX-License-Identifier: Apache-2.0

/// The two encodings of an ECDSA signature.
package enum ECDSASignature: Sendable {
    /// DER to `r || s`, each `coordinateLength` bytes. Nil for anything but strict DER with 0 < r, s of at most that
    /// length.
    package static func raw(fromDER der: [UInt8], curve: EllipticCurve) -> [UInt8]? {
        let input = der.span
        guard let outer = try? DER.canonical(input, 0..<der.count), outer.tag == DER.sequence else { return nil }
        var reader = DERReader(outer.content)
        var raw: [UInt8] = []
        raw.reserveCapacity(2 * curve.coordinateLength)
        for _ in 0..<2 {
            guard let number = try? reader.next(input, tag: DER.integer), input[number.content.lowerBound] < 0x80
            else { return nil }
            let significant = number.content.drop { input[$0] == 0 }
            guard !significant.isEmpty, significant.count <= curve.coordinateLength else { return nil }
            raw.append(contentsOf: repeatElement(0, count: curve.coordinateLength - significant.count))
            for index in significant { raw.append(input[index]) }
        }
        return reader.isAtEnd ? raw : nil
    }

    /// `r || s` to DER. Nil for a wrong length, or r or s zero.
    package static func der(fromRaw raw: [UInt8], curve: EllipticCurve) -> [UInt8]? {
        let length = curve.coordinateLength
        guard raw.count == 2 * length else { return nil }
        let r = raw.prefix(length)
        let s = raw.suffix(length)
        guard r.contains(where: { $0 != 0 }), s.contains(where: { $0 != 0 }) else { return nil }
        return DERWriter.sequence(DERWriter.integer(magnitude: r), DERWriter.integer(magnitude: s))
    }
}
