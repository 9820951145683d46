// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Cryptography
import Testing

@Suite struct IngressNameTests {
    @Test(arguments: [
        ("localhost", "localhost"), ("Broker.Internal:4600", "broker.internal"), ("127.0.0.1", "127.0.0.1"),
        ("10.0.0.7:443", "10.0.0.7"), ("[::1]", "::1"), ("[FD00::0:1]:4600", "fd00::1"),
        ("ip-10-0-0-7.us-west-2.compute.internal", "ip-10-0-0-7.us-west-2.compute.internal"), ("broker:", "broker"),
    ])
    func `reads a host, and drops its port`(host: String, name: String) throws {
        #expect(IngressName(host: host)?.description == name)
    }

    @Test(arguments: [
        "", ":80", ".", "a..b", "-a", "a-", "a_b", "127.1", "0x7f.1", "1.2.3.4.5", "256.0.0.1", "::1", "[::1", "[::1]x",
        "[127.0.0.1]", "[fe80::1%eth0]", "a:b", "a:80:80", "*.internal", "broker.internal.", "b\u{FC}cher.internal",
        String(repeating: "a", count: 64), String(repeating: "a.", count: 127) + "aa",
    ])
    func `refuses what is no name`(host: String) {
        #expect(IngressName(host: host) == nil)
    }

    @Test(arguments: [
        "localhost", "broker", "a.localhost", "a.test", "a.example", "a.local", "a.internal", "a.b.internal",
        "a.home.arpa", "a.intranet", "a.private", "a.corp", "a.home", "a.lan", "10.0.0.0", "10.255.255.255",
        "172.16.0.0",
        "172.31.255.255", "192.168.0.1", "127.0.0.1", "127.255.255.254", "169.254.1.1", "100.64.0.1", "100.127.255.255",
        "::1", "fc00::1", "fdff::1", "fe80::1", "febf::1",
    ])
    func `is private where nobody on the Internet can have it`(text: String) throws {
        #expect(try #require(IngressName(text)).isPrivate)
    }

    @Test(arguments: [
        "amazonaws.com", "kms.us-east-1.amazonaws.com", "example.com", "internal.example.com", "notinternal.co",
        "a.xinternal", "arpa.com", "in-addr.arpa", "9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0",
        "192.167.255.255", "192.169.0.0", "126.255.255.255", "128.0.0.1", "169.253.0.1", "100.63.255.255",
        "100.128.0.0",
        "8.8.8.8", "0.0.0.0", "::", "::2", "::ffff:127.0.0.1", "2001:db8::1", "2600::1", "fbff::1", "fec0::1",
        "ff02::1",
    ])
    func `is public otherwise`(text: String) throws {
        #expect(!(try #require(IngressName(text))).isPrivate)
    }

    @Test func `is what a certificate says, whatever the case`() {
        #expect(IngressName(GeneralName.dnsName("Broker.Internal")) == IngressName(host: "broker.internal:1"))
        #expect(IngressName(GeneralName.ipAddress([127, 0, 0, 1])) == IngressName(host: "127.0.0.1"))
        #expect(IngressName(GeneralName.other(6)) == nil)
        #expect(IngressName(GeneralName.dnsName("*.internal")) == nil)
    }
}
