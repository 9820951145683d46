// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Encoding
import Testing

@Suite struct ConfigurationTests {
    static let keyARN = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"

    static func configuration() -> BrokerConfiguration {
        BrokerConfiguration(
            brokerID: "audit",
            account: "111122223333",
            region: "us-east-1",
            kms: .init(keyARN: keyARN),
            tsk: .init(
                ciphertext: [1, 2, 3],
                encryptionContext: BrokerConfiguration.encryptionContext(brokerID: "audit", keyringID: "ring"),
                commitment: [UInt8](repeating: 9, count: 48)
            ),
            keyringID: "ring",
            hosts: ["127.0.0.1:8443", "broker.example"],
            ingressTLS: true
        )
    }

    @Test func `comes back from its JSON`() throws {
        let configuration = Self.configuration()
        #expect(try BrokerConfiguration(json: configuration.json) == configuration)
    }

    @Test func `has its members in the documented order`() throws {
        let object = try #require(try JSON.parse(Self.configuration().json).object)
        let names = [
            "format", "brokerId", "account", "region", "mode", "kms", "tsk", "keyringId", "minimumKeyringVersion",
            "hosts", "ingress",
        ]
        #expect(object.members.map(\.name) == names)
        #expect(Self.configuration().json.last == UInt8(ascii: "\n"))
    }

    @Test func `has an ARN of its own`() {
        #expect(Self.configuration().arn == "arn:aws:keybroker:us-east-1:111122223333:broker/audit")
    }

    /// Path, and a change that is wrong at that path alone.
    static let damages: [(path: String, from: String, to: String)] = [
        ("format", #""format": 1"#, #""format": 2"#),
        ("brokerId", #""brokerId": "audit""#, #""brokerId": "a/b""#),
        ("account", #""account": "111122223333""#, #""account": "11112222333""#),
        ("region", #""region": "us-east-1""#, #""region": "US""#),
        ("mode", #""mode": "serve""#, #""mode": "init""#),
        ("kms.keyArn", ":key/1234abcd-12ab-34cd-56ef-1234567890ab", ":alias/tsk"),
        ("kms.channel", #""channel": "relay""#, #""channel": "tls""#),
        ("kms.endpoint", #""channel": "relay""#, #""channel": "relay", "endpoint": "https://kms.example""#),
        ("kms.extra", #""channel": "relay""#, #""channel": "relay", "extra": 1"#),
        ("tsk.ciphertext", #""AQID""#, #""AQI""#),
        ("tsk.ciphertext", #""AQID""#, #""""#),
        ("tsk.commitment", "0909", "09"),
        ("tsk.born", #""born": "offline""#, #""born": "ceremony""#),
        ("tsk.encryptionContext", #""keybroker:purpose": "tsk""#, #""keybroker:purpose": 1"#),
        ("tsk.encryptionContext", #""keybroker:purpose": "tsk""#, #""": "tsk""#),
        ("keyringId", #""keyringId": "ring""#, #""keyringId": """#),
        ("minimumKeyringVersion", #""minimumKeyringVersion": 1"#, #""minimumKeyringVersion": 0"#),
        ("hosts[0]", #""127.0.0.1:8443""#, #""127.0.0.1/x""#),
        ("hosts[1]", #""broker.example""#, #""broker..example""#),
        ("ingress.tls", #""tls": true"#, #""tls": "no""#),
        ("surplus", #""format": 1"#, #""surplus": 1, "format": 1"#),
        ("", #""format": 1"#, #""format": 1, "format": 1"#),
    ]

    @Test(arguments: damages)
    func `refuses a wrong member by its path`(damage: (path: String, from: String, to: String)) throws {
        let text = String(decoding: Self.configuration().json, as: UTF8.self)
        let pieces = text.split(separator: damage.from, omittingEmptySubsequences: false)
        try #require(pieces.count >= 2)
        let damaged = pieces[0] + damage.to + pieces.dropFirst().joined(separator: damage.from)
        let error = #expect(throws: JSONFieldError.self) { try BrokerConfiguration(json: Array(damaged.utf8)) }
        #expect(error?.path == damage.path)
    }

    @Test func `refuses no hosts and too many`() {
        for count in [0, BrokerConfiguration.maximumHosts + 1] {
            var configuration = Self.configuration()
            configuration.hosts = [String](repeating: "h", count: count)
            #expect(throws: JSONFieldError.self) { try configuration.validate() }
        }
    }

    @Test func `refuses a public name where TLS ends inside, and says why`() throws {
        var configuration = Self.configuration()
        configuration.hosts[1] = "kms.us-east-1.amazonaws.com:443"
        let error = #expect(throws: JSONFieldError.self) { try configuration.validate() }
        #expect(error?.path == "hosts[1]")
        #expect(error.map { "\($0)" }?.contains("kms.us-east-1.amazonaws.com is public") == true)
        // Nobody is told to trust a certificate where there is none.
        configuration.ingressTLS = false
        #expect(throws: Never.self) { try configuration.validate() }
    }

    @Test func `its certificate names every host once, without ports`() {
        var configuration = Self.configuration()
        configuration.hosts = ["127.0.0.1:8443", "127.0.0.1", "Broker.internal:1", "broker.internal", "[::1]:4600"]
        #expect(configuration.ingressNames.map(\.description) == ["127.0.0.1", "broker.internal", "::1"])
    }

    @Test func `refuses more than its maximum length`() {
        let json = Self.configuration().json + [UInt8](repeating: 0x20, count: BrokerConfiguration.maximumLength)
        #expect(throws: JSONFieldError.self) { try BrokerConfiguration(json: json) }
    }
}
