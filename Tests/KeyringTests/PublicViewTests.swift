// SPDX-License-Identifier: Apache-2.0

import Encoding
import Keyring
import Testing

@Suite struct PublicViewTests {
    @Test func `without the TSK only the header's claims are shown`() throws {
        let sealed = try Workshop.seal(try Workshop.smallContents())
        let view = try #require(KeyringPublicView(try UnopenedKeyring(parsing: sealed.bytes)).json.object)
        #expect(view.members.map(\.name) == ["keyringId", "version", "previousDigest", "writerBootId", "verified"])
        #expect(view["verified"]?.bool == false)
    }

    @Test func `with the TSK keys, public keys and principals are shown`() throws {
        let contents = try Workshop.smallContents()
        let sealed = try Workshop.seal(contents)
        let view = try #require(KeyringPublicView(try Workshop.open(sealed.bytes)).json.object)
        #expect(view["verified"]?.bool == true)
        #expect(view["digest"]?.string == Hex.encode(sealed.digest))
        let key = try #require(view["keys"]?.array?.first?.object)
        #expect(key["publicKey"]?.string?.hasPrefix("-----BEGIN PUBLIC KEY-----") == true)
        let principal = try #require(view["principals"]?.array?.first?.object)
        #expect(principal["accessKeyId"]?.string == contents.principals[0].accessKeyID)
        #expect(principal["secret"] == nil)
    }
}
