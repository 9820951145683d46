// SPDX-License-Identifier: Apache-2.0

import Cryptography
import FuzzSupport
import Glibc

/// The recipient's key, PKCS#8, so that envelopes of the corpus are addressed to it: a file that FUZZ_KEY names.
private let key: PrivateKey? = {
    guard let path = unsafe getenv("FUZZ_KEY"), let file = unsafe fopen(path, "rb") else { return nil }
    defer { unsafe fclose(file) }
    var bytes = [UInt8](repeating: 0, count: 8192)
    let count = unsafe fread(&bytes, 1, bytes.count, file)
    bytes.removeLast(bytes.count - count)
    guard let secret = try? SecretBytes(movingFrom: &bytes) else { return nil }
    return try? PrivateKey(pkcs8: secret)
}()

@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let bytes = unsafe FuzzInput.bytes(start, count)
    guard let key else { fail("FUZZ_KEY names no key") }
    if let opened = try? CMSEnvelopedData.open(bytes, key: key) {
        law(opened.count > 0 && opened.count < bytes.count, "a plaintext is shorter than its envelope")
    }
    return 0
}
