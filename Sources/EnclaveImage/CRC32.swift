// SPDX-License-Identifier: Apache-2.0

/// CRC-32 as in ISO/HDLC, gzip and zlib: polynomial 0x04C11DB7, reflected, complemented before and after.
///
/// Eight bytes a step ("slicing by 8"): images have tens of megabytes. It detects accidents; whoever can change an image
/// can change its checksum.
struct CRC32: Sendable {
    private var state: UInt32 = 0xFFFF_FFFF

    /// Of what was fed so far.
    var value: UInt32 { ~state }

    mutating func update(_ bytes: RawSpan) {
        var state = self.state
        unsafe bytes.withUnsafeBytes { input in
            unsafe Self.tables.withUnsafeBufferPointer { tables in
                var position = 0
                while input.count - position >= 8 {
                    let low =
                        unsafe state
                        ^ UInt32(littleEndian: input.loadUnaligned(fromByteOffset: position, as: UInt32.self))
                    let high = unsafe UInt32(
                        littleEndian: input.loadUnaligned(fromByteOffset: position + 4, as: UInt32.self)
                    )
                    // Eight tables of 256: every index is below 2048.
                    state = unsafe tables[1792 + Int(low & 0xFF)] ^ tables[1536 + Int(low >> 8 & 0xFF)]
                    state = unsafe state ^ tables[1280 + Int(low >> 16 & 0xFF)] ^ tables[1024 + Int(low >> 24)]
                    state = unsafe state ^ tables[768 + Int(high & 0xFF)] ^ tables[512 + Int(high >> 8 & 0xFF)]
                    state = unsafe state ^ tables[256 + Int(high >> 16 & 0xFF)] ^ tables[Int(high >> 24)]
                    position += 8
                }
                while position < input.count {
                    state = unsafe (state >> 8) ^ tables[Int((state ^ UInt32(input[position])) & 0xFF)]
                    position += 1
                }
            }
        }
        self.state = state
    }

    mutating func update(_ bytes: [UInt8]) {
        unsafe update(bytes.span.bytes)
    }

    /// Table n gives what a byte does to the state n bytes later.
    private static let tables: [UInt32] = {
        var tables: [UInt32] = []
        tables.reserveCapacity(2048)
        for byte in UInt32(0)..<256 {
            var state = byte
            for _ in 0..<8 { state = state & 1 == 0 ? state >> 1 : (state >> 1) ^ 0xEDB8_8320 }
            tables.append(state)
        }
        for index in 256..<2048 {
            let before = tables[index - 256]
            tables.append((before >> 8) ^ tables[Int(before & 0xFF)])
        }
        return tables
    }()
}
