// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import FuzzSupport

/// A public key's line and a signature's file, separated by a zero byte.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let bytes = unsafe FuzzInput.bytes(start, count)
    let parts = bytes.split(separator: 0, maxSplits: 1, omittingEmptySubsequences: false)
    let key = MinisignPublicKey(base64: String(decoding: parts[0], as: UTF8.self))
    if let key {
        law(MinisignPublicKey(base64: key.base64)?.base64 == key.base64, "a key that is read is written the same")
    }
    guard parts.count == 2 else { return 0 }
    guard let signature = MinisignSignature(file: String(decoding: parts[1], as: UTF8.self)) else { return 0 }
    guard let again = MinisignSignature(file: signature.file) else { fail("law broken: what is written can be read") }
    law(again.file == signature.file, "and is the same")
    if let key { _ = signature.isValid(for: bytes, key: key) }
    return 0
}
