// SPDX-License-Identifier: Apache-2.0

import Encoding
import Keyring
import Testing

/// Constants computed with Python's `cryptography` (HMAC and HKDFExpand, SHA-384): TSK 00…1F, keyring id `audit`.
@Suite struct DerivationTests {
    @Test func `the commitment is HKDF-SHA-384 of the TSK under its own info`() throws {
        #expect(
            Hex.encode(try Workshop.keys().commitment())
                == "c47dd4de95429a02d493b12141e440780099ddbf609029be4f217cfd602089e589752187d0aaaa478c0d204f327e64ee"
        )
    }

    @Test func `the seal commitment takes the version as eight bytes, most significant first`() throws {
        let keys = try Workshop.keys()
        #expect(
            Hex.encode(try keys.sealCommitment(version: 1))
                == "25851c9bb521f905e54f7582adb90fe00e0871c144de3ff1508c79d76b076c4a25871124a2e622a7b11c9b04a0495923"
        )
        #expect(
            Hex.encode(try keys.sealCommitment(version: 0x0102_0304_0506_0708))
                == "c56e489432bdb7a38a4ff6b81a98992aed075c09e07431d180805323d1c19345f8c35ed6ceaf3276543f15078de8dfaa"
        )
    }

    @Test(arguments: 0..<256)
    func `a TSK that differs in one bit has another commitment`(bit: Int) throws {
        #expect(try Workshop.keys(flipping: bit).commitment() != Workshop.keys().commitment())
    }

    @Test func `another keyring or another KMS key has another commitment`() throws {
        let commitment = try Workshop.keys().commitment()
        #expect(try Workshop.keys(id: "audit2").commitment() != commitment)
        #expect(try Workshop.keys(arn: Workshop.keyARN + "0").commitment() != commitment)
    }

    @Test(arguments: [0, 1, 31, 33, 64])
    func `a TSK of another length than 32 bytes is refused`(count: Int) throws {
        #expect(throws: KeyringError.invalidKeyLength) {
            _ = try TrustedSessionKey(try Workshop.secret([UInt8](repeating: 1, count: count)))
        }
    }
}
