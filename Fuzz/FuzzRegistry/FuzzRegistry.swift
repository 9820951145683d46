// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import Encoding
import FuzzSupport

@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let bytes = unsafe FuzzInput.bytes(start, count)
    if let registry = try? SignerRegistry(json: bytes) {
        let written = registry.json
        guard let again = try? SignerRegistry(json: written.serialized()) else {
            fail("law broken: the canonical shape of what was read can be read")
        }
        law(again.json == written, "and is its own canonical shape")
        let named = registry.signers.filter { $0.publicKey != nil }
        law(again.signers.count == named.count, "no signer with a public key is lost")
    }
    if let keys = try? TrustedKeys(text: String(decoding: bytes, as: UTF8.self)) { _ = keys }
    return 0
}
