// SPDX-License-Identifier: Apache-2.0

import Encoding
import KMSProtocol
import KeyService
import Keyring
import Testing

/// Members that keyrings of before do not have. That those open still, the recorded unlocks show.
@Suite struct OptionalMemberTests {
    @Test func `tags, creation dates and the last change come out as they went in`() throws {
        var contents = try Workshop.smallContents()
        let time = Timestamp(milliseconds: 1_764_000_000_123)
        // Equal to Swift, not to KMS.
        contents.keys[0].tags = [.init(key: "e\u{301}", value: "1"), .init(key: "\u{E9}", value: "2")]
        contents.principals[0].creationDate = time
        contents.lastChange = time
        let opened = try Workshop.open(try Workshop.seal(contents).bytes)
        #expect(opened.contents.principals[0].creationDate == time)
        #expect(opened.contents.lastChange == time)
        let tags = opened.contents.keys[0].tags.map { [[UInt8]($0.key.utf8), [UInt8]($0.value.utf8)] }
        #expect(Set(tags) == [[[0x65, 0xCC, 0x81], [0x31]], [[0xC3, 0xA9], [0x32]]])

        let view = try #require(KeyringPublicView(opened).json.object)
        #expect(view["lastChange"]?.string == time.rfc3339)
        #expect(view["principals"]?.array?[0].object?["created"]?.string == time.rfc3339)
        #expect(view["keys"]?.array?[0].object?["tags"]?.object?.members.count == 2)
    }

    @Test func `without them the public view is as it was`() throws {
        var contents = try Workshop.smallContents()
        for index in contents.principals.indices { contents.principals[index].creationDate = nil }
        let view = try #require(KeyringPublicView(try Workshop.open(try Workshop.seal(contents).bytes)).json.object)
        #expect(view["lastChange"] == nil)
        #expect(view["keys"]?.array?[0].object?["tags"] == nil)
        #expect(view["principals"]?.array?[0].object?["created"] == nil)
    }

    @Test func `more tags than a key may have are not sealed`() throws {
        var contents = try Workshop.smallContents()
        contents.keys[0].tags = (0...50).map { .init(key: "\($0)", value: "") }
        #expect(throws: KeyringError.limitExceeded("tagsPerKey")) { try Workshop.seal(contents) }
    }
}
