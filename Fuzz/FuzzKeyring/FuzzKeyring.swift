// SPDX-License-Identifier: Apache-2.0

import FuzzSupport
import Keyring

@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    guard let keyring = try? UnopenedKeyring(parsing: unsafe FuzzInput.bytes(start, count)) else { return 0 }
    law(keyring.claims.version > 0, "versions start at 1")
    return 0
}
