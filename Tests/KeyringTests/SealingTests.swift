// SPDX-License-Identifier: Apache-2.0

import CBOR
import COSE
import Cryptography
import Encoding
import KeyService
import Keyring
import Testing

@Suite struct SealingTests {
    static let contents = Result { try Workshop.contents() }
    static let small = Result { try Workshop.seal(try Workshop.smallContents()).bytes }

    @Test func `what was sealed comes back whole`() throws {
        let contents = try Self.contents.get()
        let sealed = try Workshop.seal(contents)
        let opened = try Workshop.open(sealed.bytes)
        #expect(opened.header == sealed.header)
        #expect(opened.digest == sealed.digest)
        try #require(opened.contents.keys.count == contents.keys.count)
        for (before, after) in zip(contents.keys, opened.contents.keys) {
            #expect(after.id == before.id)
            #expect(after.arn == before.arn)
            #expect(after.spec == before.spec)
            #expect(after.usage == before.usage)
            #expect(after.aliases == before.aliases)
            #expect(after.policy == before.policy)
            #expect(after.description == before.description)
            #expect(after.creationDate == Workshop.time)
            #expect(after.origin == .offline)
            switch (before.material, after.material) {
            case (.asymmetric(let a), .asymmetric(let b)): #expect(try a.pkcs8().array() == b.pkcs8().array())
            case (.symmetric(let a), .symmetric(let b)): #expect(a.bytes.array() == b.bytes.array())
            default: Issue.record("material of another kind")
            }
        }
        let (before, after) = (contents.principals[0], opened.contents.principals[0])
        #expect(after.accessKeyID == before.accessKeyID)
        #expect(after.secret.bytes.array() == before.secret.bytes.array())
        #expect(after.policies == before.policies)
    }

    @Test func `the TLS identity comes back whole, and its certificate is in the digest`() throws {
        var contents = try Workshop.smallContents()
        contents.tlsIdentity = try Workshop.identity()
        let sealed = try Workshop.seal(contents)
        let opened = try Workshop.open(sealed.bytes)
        let (before, after) = (try #require(contents.tlsIdentity), try #require(opened.contents.tlsIdentity))
        #expect(after.certificate.der == before.certificate.der)
        #expect(try after.key.pkcs8().array() == before.key.pkcs8().array())
        let view = try #require(KeyringPublicView(opened).json.object?["tls"]?.object)
        #expect(view["names"] == ["localhost", "127.0.0.1"])
        #expect(view["certificate"]?.string == before.certificate.pem)
        contents.tlsIdentity = try Workshop.identity(key: before.key)
        #expect(try Workshop.seal(contents).digest != sealed.digest)
    }

    @Test func `a certificate of another key is no identity`() throws {
        let identity = try Workshop.identity()
        #expect(throws: CryptographyError.self) {
            try TLSIdentity(key: try PrivateKey.generate(.ec(.p256)), certificate: identity.certificate.der)
        }
    }

    @Test func `two seals of the same contents have different nonces and the same digest`() throws {
        let contents = try Self.contents.get()
        let (first, second) = (try Workshop.seal(contents), try Workshop.seal(contents))
        #expect(first.bytes != second.bytes)
        #expect(first.digest == second.digest)
    }

    @Test func `no secret stands in the sealed bytes or the public view`() throws {
        let contents = try Self.contents.get()
        let sealed = try Workshop.seal(contents)
        let view = KeyringPublicView(try Workshop.open(sealed.bytes)).json.serialized(pretty: false)
        for secret in [contents.principals[0].secret.bytes.array(), try privateScalar(contents)] {
            #expect(!contains(sealed.bytes, secret))
            #expect(!contains(view, secret))
        }
    }

    private func privateScalar(_ contents: KeyringContents) throws -> [UInt8] {
        guard case .asymmetric(let key) = contents.keys[0].material else { return [] }
        return Array(try key.pkcs8().array().suffix(32))
    }

    private func contains(_ haystack: [UInt8], _ needle: [UInt8]) -> Bool {
        !needle.isEmpty && haystack.indices.contains { haystack[$0...].starts(with: needle) }
    }

    // MARK: Refusals in the order of the checks

    @Test func `another keyring's id is refused first`() throws {
        let unopened = try UnopenedKeyring(parsing: try Self.small.get())
        #expect(throws: KeyringError.wrongKeyring) {
            try unopened.open(keyringID: "other", keys: try Workshop.keys(flipping: 0))
        }
    }

    @Test(arguments: [0, 100, 255])
    func `a TSK that differs in one bit is refused by the seal commitment`(bit: Int) throws {
        let unopened = try UnopenedKeyring(parsing: try Self.small.get())
        #expect(throws: KeyringError.wrongKey) {
            try unopened.open(keyringID: Workshop.keyringID, keys: try Workshop.keys(flipping: bit))
        }
    }

    @Test func `the ciphertext of another version under this version's header is refused`() throws {
        let bytes = try Workshop.seal(
            payload: Workshop.payload(view: [], secrets: []),
            header: try Workshop.header(version: 1),
            version: 2
        )
        #expect(throws: KeyringError.doesNotOpen) { try Workshop.open(bytes) }
    }

    @Test func `any one flipped bit is refused`() throws {
        let bytes = try Self.small.get()
        for bit in stride(from: 0, to: bytes.count * 8, by: 37) {
            var damaged = bytes
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(throws: KeyringError.self, "bit \(bit)") { try Workshop.open(damaged) }
        }
    }

    @Test func `any cut is refused`() throws {
        let bytes = try Self.small.get()
        for count in stride(from: 0, to: bytes.count, by: 53) {
            #expect(throws: KeyringError.self) { try UnopenedKeyring(parsing: Array(bytes.prefix(count))) }
        }
        #expect(throws: KeyringError.self) { try UnopenedKeyring(parsing: bytes + [0]) }
    }

    @Test func `more than the limit is refused before it is parsed`() {
        #expect(throws: KeyringError.limitExceeded("sealedLength")) {
            try UnopenedKeyring(parsing: [UInt8](repeating: 0, count: KeyringLimits.sealedLength + 1))
        }
    }

    /// Each header wrong in one way, correctly sealed.
    static let headers: [(String, @Sendable (inout [(CBORValue, CBORValue)]) -> Void)] = [
        ("no seal commitment", { $0.removeLast() }),
        ("an unknown label", { $0.append((.integer(-70_006), .null)) }),
        ("version 0", { $0[1].1 = .unsigned(0) }),
        ("version as text", { $0[1].1 = .text("1") }),
        ("a previous digest in version 1", { $0[2].1 = .bytes([UInt8](repeating: 1, count: 48)) }),
        ("a short previous digest", { $0[2].1 = .bytes([]) }),
        ("a short boot id", { $0[3].1 = .bytes([1]) }),
        ("an id that is none", { $0[0].1 = .text("a/b") }),
    ]

    @Test(arguments: headers.indices)
    func `a header of another form is refused`(index: Int) throws {
        var header = try Workshop.header()
        Self.headers[index].1(&header)
        let bytes = try Workshop.seal(payload: Workshop.payload(view: [], secrets: []), header: header)
        let error = #expect(throws: KeyringError.self, "\(Self.headers[index].0)") {
            try UnopenedKeyring(parsing: bytes)
        }
        guard case .malformed = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    // MARK: Contents, correctly sealed by somebody who has the TSK

    @Test func `a payload made by hand opens`() throws {
        let key = try PrivateKey.generate(.ed25519)
        let view = Workshop.view(spki: key.publicKey.spki)
        let bytes = try Workshop.seal(payload: Workshop.payload(view: view, secrets: [try key.pkcs8().array()]))
        #expect(try Workshop.open(bytes).contents.keys.count == 1)
    }

    @Test func `a private key that is not the one of the public key is refused`() throws {
        let (key, other) = (try PrivateKey.generate(.ed25519), try PrivateKey.generate(.ed25519))
        let view = Workshop.view(spki: key.publicKey.spki)
        try refusesContents(Workshop.payload(view: view, secrets: [try other.pkcs8().array()]))
    }

    @Test func `a key that is not of its spec is refused`() throws {
        let key = try PrivateKey.generate(.ec(.p256))
        let view = Workshop.view(spki: key.publicKey.spki)
        try refusesContents(Workshop.payload(view: view, secrets: [try key.pkcs8().array()]))
    }

    @Test func `too few and too many secrets are refused`() throws {
        let key = try PrivateKey.generate(.ed25519)
        let view = Workshop.view(spki: key.publicKey.spki)
        let secret = try key.pkcs8().array()
        try refusesContents(Workshop.payload(view: view, secrets: []))
        try refusesContents(Workshop.payload(view: view, secrets: [secret, secret]))
    }

    @Test func `unknown members and another format are refused`() throws {
        let key = try PrivateKey.generate(.ed25519)
        let secret = try key.pkcs8().array()
        var view = Workshop.view(spki: key.publicKey.spki)
        view.append((.text("more"), .null))
        try refusesContents(Workshop.payload(view: view, secrets: [secret]))
        view = Workshop.view(spki: key.publicKey.spki)
        view[0].1 = .unsigned(2)
        try refusesContents(Workshop.payload(view: view, secrets: [secret]))
    }

    @Test(
        arguments: [
            [], [0x82], [0x82, 0x40], [0x80], [0x82, 0x40, 0x80, 0x00], [0x82, 0x5F, 0xFF, 0x80],
            [0x82, 0x58, 0x01, 0x00, 0x80], [0x82, 0x5A, 0xFF, 0xFF, 0xFF, 0xFF, 0x80],
            [0x82, 0x40, 0x9A, 0xFF, 0xFF, 0xFF, 0xFF],
            [0x82, 0x5B, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
        ] as [[UInt8]]
    )
    func `a payload that is not the pair is refused`(payload: [UInt8]) throws {
        let bytes = try Workshop.seal(payload: payload)
        #expect(throws: KeyringError.self) { try Workshop.open(bytes) }
    }

    private func refusesContents(_ payload: [UInt8]) throws {
        let bytes = try Workshop.seal(payload: payload)
        let error = #expect(throws: KeyringError.self) { try Workshop.open(bytes) }
        guard case .malformedContents = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    // MARK: Versions

    @Test func `the next version chains to the digest of this one`() throws {
        let contents = try Workshop.smallContents()
        let first = try Workshop.seal(contents)
        let header = KeyringHeader(
            keyringID: Workshop.keyringID,
            version: 2,
            previousDigest: first.digest,
            writerBootID: [UInt8](0..<16)
        )
        let second = try Workshop.seal(contents, header)
        #expect(try Workshop.open(second.bytes).header == header)
        #expect(second.digest != first.digest)
    }
}
