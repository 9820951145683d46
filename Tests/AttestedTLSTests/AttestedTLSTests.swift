// SPDX-License-Identifier: Apache-2.0

import AttestedTLS
import Cryptography
import Testing

struct AttestedTLSTests {
    @Test func `an identity keeps its certificate as it was given`() throws {
        let identity = TLSIdentity(key: try PrivateKey.generate(.ec(.p256)), certificate: [0x30, 0x00])
        #expect(identity.certificate == [0x30, 0x00])
    }
}
