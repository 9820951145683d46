// SPDX-License-Identifier: Apache-2.0

import COpenSSL

extension Hash {
    /// BLAKE2b with 64 bytes of digest (RFC 7693), which minisign hashes files with.
    package static func blake2b512(_ bytes: [UInt8]) -> [UInt8] {
        let length = 64
        Library.setUp()
        return unsafe [UInt8](unsafeUninitializedCapacity: length) { output, count in
            guard unsafe EVP_Digest(bytes, bytes.count, output.baseAddress, nil, EVP_blake2b512(), nil) == 1 else {
                Library.isUnusable("hash")
            }
            count = length
        }
    }
}
