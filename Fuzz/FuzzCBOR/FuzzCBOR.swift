// SPDX-License-Identifier: Apache-2.0

import CBOR
import FuzzSupport

private let limits = CBORLimits(totalLength: 1 << 16, depth: 32, items: 10_000, stringLength: 1 << 16)

@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let bytes = unsafe FuzzInput.bytes(start, count)
    let strict = try? CBORDecoder.decode(bytes, limits: limits)
    let lenient = try? CBORDecoder.decode(bytes, limits: limits, allowing: .all)
    law(strict == nil || lenient != nil, "what is taken strictly is taken leniently")
    guard let strict else { return 0 }
    let encoded = strict.encoded()
    law(encoded.count == bytes.count, "shortest form has one length")
    law((try? CBORDecoder.decode(encoded, limits: limits))?.encoded() == encoded, "what is written can be read")
    return 0
}
