// SPDX-License-Identifier: Apache-2.0

import SigV4
import TestSupport
import Testing

struct HostileInputTests {
    /// One byte of the Authorization header, the target, a header or the body is changed: the request is refused, unless
    /// the change is in what is not signed or in white space.
    @Test(arguments: 0..<4 as Range<UInt64>)
    func `damaged requests are refused and never stop the program`(_ seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let good = plainRequest.signed(by: try credentials(), at: try time(signingTime))
        let verifier = try verifier(hosts: ["kms.us-east-1.amazonaws.com"])
        let now = try time(signingTime)
        for _ in 0..<1000 {
            var request = good
            let index = Int.random(in: 0..<request.headers.count, using: &random)
            var value = Array(request.headers[index].value.utf8)
            let position = Int.random(in: 0..<value.count, using: &random)
            // Printable, and not the byte that is there.
            let byte = UInt8.random(in: 0x21...0x7E, using: &random)
            guard value[position] != byte, request.headers[index].name != "User-Agent" else { continue }
            value[position] = byte
            request.headers[index].value = String(decoding: value, as: UTF8.self)
            let isHostCase = request.headers[index].name == "Host"
            if isHostCase, byte | 0x20 == good.headers[index].value.utf8.dropFirst(position).first.map({ $0 | 0x20 }) {
                continue
            }
            #expect(throws: SigV4Error.self) { try verifier.verify(request, at: now) }
        }
    }

    static let targets: [String] = [
        "", "?", "*", "/%", "/%2", "/%zz", "/?%", "/?&&&", "/?=", "/?=&=", "/\u{0}", "/\u{FFFD}",
        "/?" + String(repeating: "&", count: 8190),
        "/" + String(repeating: "x", count: 8192),
    ]

    @Test(arguments: targets)
    func `strange targets are refused`(_ target: String) throws {
        var request = plainRequest.signed(by: try credentials(), at: try time(signingTime))
        request.target = target
        #expect(throws: SigV4Error.self) { try verifier().verify(request, at: time(signingTime)) }
    }

    /// Paths are normalised, as AWS does; a service that tells paths apart does so before or after.
    @Test(arguments: ["//", "/./", "/a/..", "//..//../..", String(repeating: "/", count: 8192)])
    func `a path that normalises to the signed one verifies`(_ target: String) throws {
        var request = plainRequest.signed(by: try credentials(), at: try time(signingTime))
        request.target = target
        #expect(throws: Never.self) { try verifier().verify(request, at: time(signingTime)) }
    }

    static let authorizations: [String] = [
        " ", ",", "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 ", "AWS4-HMAC-SHA256 ,,,", "AWS4-HMAC-SHA256 =",
        "AWS4-HMAC-SHA256 ==,",
        "AWS4-HMAC-SHA256 Credential=,SignedHeaders=,Signature=",
        "AWS4-HMAC-SHA256 Credential=////,SignedHeaders=;,Signature=",
        "AWS4-HMAC-SHA256 Credential=a/b/c/d/e,SignedHeaders=host,Signature=0",
        "AWS4-HMAC-SHA256 Credential=" + String(repeating: "/", count: 4000) + ",SignedHeaders=host,Signature=0",
        "AWS4-HMAC-SHA256 Credential=a,SignedHeaders=" + String(repeating: "a;", count: 1000) + "b,Signature=0",
    ]

    @Test(arguments: authorizations)
    func `strange Authorizations are refused`(_ value: String) throws {
        var request = plainRequest.signed(by: try credentials(), at: try time(signingTime))
        request.setHeader("Authorization", value)
        let error = #expect(throws: SigV4Error.self) { try verifier().verify(request, at: time(signingTime)) }
        #expect((error?.message.utf8.count ?? 0) < 500)
    }
}
