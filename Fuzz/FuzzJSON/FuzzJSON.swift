// SPDX-License-Identifier: Apache-2.0

import Encoding
import FuzzSupport

@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let bytes = unsafe FuzzInput.bytes(start, count)
    guard let value = try? JSON.parse(bytes) else { return 0 }
    law((try? JSON.parse(value.serialized())) == value, "what is written reads as the same")
    law((try? JSON.parse(value.serialized(pretty: true))) == value, "and so does what is written for people")
    return 0
}
