// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import SigV4
import Synchronization
import TestSupport
import Testing

struct VerifierTests {
    /// A good request with one fault, and what the verifier says of it.
    struct Fault: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let name: String
        /// The message, or how it begins.
        let message: String
        let spoil: @Sendable (inout SigV4Request) -> Void

        init(
            _ description: String,
            _ name: String,
            _ message: String,
            _ spoil: @escaping @Sendable (inout SigV4Request) -> Void
        ) {
            testDescription = description
            self.name = name
            self.message = message
            self.spoil = spoil
        }
    }

    static let missing = "Request is missing Authentication Token"
    static let mismatch = "The request signature we calculated does not match the signature you provided."
    static let badNames = "SignedHeaders must be lower-case header names, sorted, each of them once."

    static let authentication: [Fault] = [
        .init("no Authorization", "MissingAuthenticationTokenException", missing) {
            $0.removeHeader("Authorization")
        },
        .init("authentication in the query", "MissingAuthenticationTokenException", missing) {
            $0.removeHeader("Authorization")
            $0.target = "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=x&X-Amz-Signature=00"
        },
        .init("authentication in both", "MissingAuthenticationTokenException", missing) {
            $0.target = "/?X-Amz-Signature=00"
        },
        .init("authentication in the query, encoded", "MissingAuthenticationTokenException", missing) {
            $0.target = "/?X%2DAmz-Signature=00"
        },
        .init("two Authorizations", "IncompleteSignatureException", "Authorization header must appear once.") {
            $0.headers.append((name: "authorization", value: $0.header("Authorization") ?? ""))
        },
        .init("another algorithm", "IncompleteSignatureException", "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA512'.") {
            $0.editAuthorization { $0.replacing("SHA256", with: "SHA512") }
        },
        .init("another scheme", "IncompleteSignatureException", "Unsupported AWS 'algorithm': 'Basic'.") {
            $0.setHeader("Authorization", "Basic dGVzdDp0ZXN0")
        },
        .init("an empty Authorization", "IncompleteSignatureException", "Unsupported AWS 'algorithm': ''.") {
            $0.setHeader("Authorization", "")
        },
        .init("letters beyond ASCII", "IncompleteSignatureException", "Authorization header has characters") {
            $0.editAuthorization { $0 + "\u{212A}" }
        },
        .init("a long Authorization", "IncompleteSignatureException", "Authorization header is too long.") {
            $0.editAuthorization { $0 + String(repeating: " ", count: 4096) }
        },
        .init(
            "no Credential",
            "IncompleteSignatureException",
            "Authorization header requires 'Credential' parameter."
        ) { $0.editAuthorization { $0.replacing(#/Credential=[^ ]+ /#, with: "") } },
        .init(
            "no SignedHeaders",
            "IncompleteSignatureException",
            "Authorization header requires 'SignedHeaders' parameter."
        ) { $0.editAuthorization { $0.replacing(#/SignedHeaders=[^ ]+ /#, with: "") } },
        .init(
            "no Signature",
            "IncompleteSignatureException",
            "Authorization header requires 'Signature' parameter."
        ) { $0.editAuthorization { $0.replacing(#/, Signature=.*/#, with: "") } },
        .init(
            "nothing but the algorithm and no date",
            "IncompleteSignatureException",
            "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' "
                + "parameter. Authorization header requires 'SignedHeaders' parameter. Authorization header requires "
                + "existence of either a 'X-Amz-Date' or a 'Date' header."
        ) {
            $0.setHeader("Authorization", "AWS4-HMAC-SHA256")
            $0.removeHeader("X-Amz-Date")
        },
        .init(
            "no date",
            "IncompleteSignatureException",
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        ) { $0.removeHeader("X-Amz-Date") },
        .init("an unknown parameter", "IncompleteSignatureException", "Authorization header has a parameter") {
            $0.editAuthorization { $0 + ", Extra=1" }
        },
        .init("a parameter twice", "IncompleteSignatureException", "Authorization header has a parameter") {
            $0.editAuthorization { $0 + ", Signature=00" }
        },
        .init("a part without =", "IncompleteSignatureException", "Authorization header has a part") {
            $0.editAuthorization { $0 + ", Extra" }
        },
    ]

    static let headers: [Fault] = [
        .init("no Host", "IncompleteSignatureException", "'Host' or ':authority' must be a 'SignedHeader'") {
            $0.removeHeader("Host")
        },
        .init("two Hosts", "IncompleteSignatureException", "Host header must appear once.") {
            $0.headers.append((name: "host", value: "kms.us-east-1.amazonaws.com"))
        },
        .init("a Host that is not signed", "IncompleteSignatureException", "'Host' or ':authority' must be") {
            $0.editAuthorization { $0.replacing("content-type;host;", with: "content-type;") }
        },
        .init("another Host", "InvalidSignatureException", "The signed 'Host' is not a name of this service.") {
            $0.setHeader("Host", "evil.example")
        },
        .init("a Content-Type that is not signed", "IncompleteSignatureException", "'content-type' must be") {
            $0.editAuthorization { $0.replacing("content-type;host;", with: "host;") }
        },
        .init("a target that is not signed", "IncompleteSignatureException", "'x-amz-target' must be") {
            $0.editAuthorization { $0.replacing(";x-amz-target", with: "") }
        },
        .init("a date that is not signed", "IncompleteSignatureException", "'x-amz-date' must be") {
            $0.editAuthorization { $0.replacing(";x-amz-date", with: "") }
        },
        .init("an x-amz header added", "IncompleteSignatureException", "'x-amz-added' must be") {
            $0.setHeader("X-Amz-Added", "1")
        },
        .init("two dates", "IncompleteSignatureException", "The header with the date must appear once.") {
            $0.headers.append((name: "x-amz-date", value: "20261121T092000Z"))
        },
        .init("a date of another form", "IncompleteSignatureException", "Date must be in ISO-8601 'basic format'.") {
            $0.setHeader("X-Amz-Date", "2026-11-21T09:20:00Z")
        },
        .init("names not sorted", "IncompleteSignatureException", badNames) {
            $0.editAuthorization { $0.replacing("content-type;host", with: "host;content-type") }
        },
        .init("a name twice", "IncompleteSignatureException", badNames) {
            $0.editAuthorization { $0.replacing("content-type;host", with: "content-type;host;host") }
        },
        .init("a name with capitals", "IncompleteSignatureException", badNames) {
            $0.editAuthorization { $0.replacing("content-type;host", with: "Content-Type;host") }
        },
        .init("an empty name", "IncompleteSignatureException", badNames) {
            $0.editAuthorization { $0.replacing("SignedHeaders=", with: "SignedHeaders=;") }
        },
        .init("no names", "IncompleteSignatureException", badNames) {
            $0.editAuthorization { $0.replacing(#/SignedHeaders=[^,]*/#, with: "SignedHeaders=") }
        },
        .init("a name of no header", "IncompleteSignatureException", "SignedHeaders names a header that") {
            $0.editAuthorization { $0.replacing("x-amz-target", with: "x-amz-target;x-nothing") }
        },
        .init("too many headers", "IncompleteSignatureException", "The request's target or headers are too long.") {
            for index in 0..<128 { $0.headers.append((name: "h\(index)", value: "")) }
        },
        .init("long headers", "IncompleteSignatureException", "The request's target or headers are too long.") {
            $0.headers.append((name: "h", value: String(repeating: "x", count: 65_536)))
        },
        .init("a header name that is none", "IncompleteSignatureException", "The request has a header whose name") {
            $0.headers.append((name: "x-amz-\u{212A}", value: "1"))
        },
    ]

    static let credentials: [Fault] = [
        .init("four parts", "IncompleteSignatureException", "Credential must have exactly 5 slash-delimited elements") {
            $0.editAuthorization { $0.replacing("/aws4_request", with: "") }
        },
        .init("six parts", "IncompleteSignatureException", "Credential must have exactly 5 slash-delimited elements") {
            $0.editAuthorization { $0.replacing("/aws4_request", with: "/aws4_request/") }
        },
        .init("region", "InvalidSignatureException", "Credential should be scoped to a valid region, not 'eu-west-1'.")
        {
            $0.editAuthorization { $0.replacing("us-east-1/kms", with: "eu-west-1/kms") }
        },
        .init("service", "InvalidSignatureException", "Credential should be scoped to correct service: 'kms'.") {
            $0.editAuthorization { $0.replacing("/kms/", with: "/s3/") }
        },
        .init("terminator", "InvalidSignatureException", "Credential should be scoped with a valid terminator") {
            $0.editAuthorization { $0.replacing("aws4_request", with: "aws5_request") }
        },
        .init(
            "day",
            "InvalidSignatureException",
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
                + "'20261120' != '20261121', from '20261121T092000Z'."
        ) { $0.editAuthorization { $0.replacing("20261121/", with: "20261120/") } },
        .init(
            "unknown key",
            "UnrecognizedClientException",
            "The security token included in the request is invalid."
        ) { $0.editAuthorization { $0.replacing("AKIDEXAMPLE", with: "AKIDEXAMPLF") } },
        .init("no key", "UnrecognizedClientException", "The security token included in the request is invalid.") {
            $0.editAuthorization { $0.replacing("AKIDEXAMPLE", with: "") }
        },
    ]

    static let contents: [Fault] = [
        .init("body", "InvalidSignatureException", mismatch) { $0.body[0] ^= 1 },
        .init("no body", "InvalidSignatureException", mismatch) { $0.body = [] },
        .init("method", "InvalidSignatureException", mismatch) { $0.method = "GET" },
        .init("path", "InvalidSignatureException", mismatch) { $0.target = "/x" },
        .init("query", "InvalidSignatureException", mismatch) { $0.target = "/?x" },
        .init("absolute target", "InvalidSignatureException", mismatch) { $0.target = "http://x/" },
        .init("target", "InvalidSignatureException", mismatch) { $0.setHeader("X-Amz-Target", "TrentService.Decrypt") },
        .init("target doubled", "InvalidSignatureException", mismatch) {
            $0.headers.append((name: "X-Amz-Target", value: "TrentService.Sign"))
        },
        .init("content type", "InvalidSignatureException", mismatch) { $0.setHeader("Content-Type", "text/plain") },
        .init("date", "InvalidSignatureException", mismatch) { $0.setHeader("X-Amz-Date", "20261121T092001Z") },
        .init("signature", "InvalidSignatureException", mismatch) {
            $0.editAuthorization { String($0.dropLast()) + ($0.hasSuffix("0") ? "1" : "0") }
        },
        .init("signature cut", "InvalidSignatureException", mismatch) {
            $0.editAuthorization { String($0.dropLast()) }
        },
        .init("signature in capitals", "InvalidSignatureException", mismatch) {
            $0.editAuthorization {
                let parts = $0.split(separator: "Signature=")
                return parts.dropLast().joined(separator: "Signature=") + "Signature=" + (parts.last ?? "").uppercased()
            }
        },
        .init("no signature", "InvalidSignatureException", mismatch) {
            $0.editAuthorization { $0.replacing(#/Signature=.*/#, with: "Signature=") }
        },
    ]

    static func good() throws -> SigV4Request {
        plainRequest.signed(by: try SigV4Tests.credentials(), at: try time(signingTime))
    }

    @Test func `a good request gives its principal and its time`() throws {
        let verifier = try verifier(hosts: ["kms.us-east-1.amazonaws.com"])
        let verified = try verifier.verify(Self.good(), at: time(signingTime))
        #expect(verified.principal == "alice")
        #expect(verified.signedAt == (try time(signingTime)))
    }

    @Test(arguments: authentication + headers + credentials + contents)
    func `one fault is refused by name`(_ fault: Fault) throws {
        var request = try Self.good()
        fault.spoil(&request)
        let verifier = try verifier(hosts: ["kms.us-east-1.amazonaws.com"])
        let error = #expect(throws: SigV4Error.self) { try verifier.verify(request, at: time(signingTime)) }
        #expect(error?.name == fault.name)
        #expect(error?.message.hasPrefix(fault.message) == true, "\(error?.message ?? "")")
    }

    // MARK: Clock

    @Test(arguments: ["2026-11-21T09:15:00Z", "2026-11-21T09:25:00Z"])
    func `five minutes either way are in time`(_ now: String) throws {
        #expect(throws: Never.self) { try verifier().verify(Self.good(), at: time(now)) }
    }

    @Test func `a request from before is expired, in AWS's words`() throws {
        let error = #expect(throws: SigV4Error.self) {
            try verifier().verify(Self.good(), at: time("2026-11-21T09:25:01Z"))
        }
        #expect(error?.name == "InvalidSignatureException")
        #expect(
            error?.message
                == "Signature expired: 20261121T092000Z is now earlier than 20261121T092001Z (20261121T092501Z - 5 min.)"
        )
    }

    @Test func `a request from later is not yet current, in AWS's words`() throws {
        let error = #expect(throws: SigV4Error.self) {
            try verifier().verify(Self.good(), at: time("2026-11-21T09:14:59Z"))
        }
        #expect(error?.name == "InvalidSignatureException")
        #expect(
            error?.message
                == "Signature not yet current: 20261121T092000Z is still later than 20261121T091959Z "
                + "(20261121T091459Z + 5 min.)"
        )
    }

    // MARK: Hosts

    static let hosts: [(signed: String, allowed: [String], isAccepted: Bool)] = [
        ("broker.example", ["broker.example"], true),
        ("Broker.Example", ["broker.example"], true),
        ("broker.example:8443", ["broker.example"], true),
        ("broker.example:8443", ["broker.example:8443"], true),
        ("broker.example", ["broker.example:8443"], false),
        ("broker.example:8444", ["broker.example:8443"], false),
        ("evil.broker.example", ["broker.example"], false),
        ("broker.example.evil", ["broker.example"], false),
        ("broker.example:8443:8443", ["broker.example"], false),
        ("broker.example:x", ["broker.example"], false),
        ("127.0.0.1:4599", ["localhost", "127.0.0.1"], true),
        ("[::1]:4599", ["[::1]"], true),
        ("[::1]", ["[::1]"], true),
        ("[::1]", ["[:"], false),
        ("", ["broker.example"], false),
    ]

    @Test(arguments: hosts)
    func `the signed Host is one of the service's names`(
        _ example: (signed: String, allowed: [String], isAccepted: Bool)
    ) throws {
        var request = plainRequest
        request.setHeader("Host", example.signed)
        let signed = request.signed(by: try SigV4Tests.credentials(), at: try time(signingTime))
        let verifier = try verifier(hosts: example.allowed)
        if example.isAccepted {
            #expect(throws: Never.self) { try verifier.verify(signed, at: time(signingTime)) }
        } else {
            #expect(throws: SigV4Error.self) { try verifier.verify(signed, at: time(signingTime)) }
        }
    }

    // MARK: What may be signed besides

    @Test func `any superset of the required headers may be signed`() throws {
        var request = plainRequest
        request.setHeader("Content-Length", "\(request.body.count)")
        request.setHeader("Accept-Encoding", "identity")
        let signed = request.signed(by: try SigV4Tests.credentials(), at: try time(signingTime)) { _ in true }
        #expect(signed.header("Authorization")?.contains("accept-encoding;content-length;content-type;") == true)
        #expect(throws: Never.self) { try verifier().verify(signed, at: time(signingTime)) }
    }

    @Test func `a Date that stands in for X-Amz-Date must be signed`() throws {
        var request = try Self.good()
        request.removeHeader("X-Amz-Date")
        request.setHeader("Date", "20261121T092000Z")
        // Not signed, so it is refused for that and not for its absence.
        let error = #expect(throws: SigV4Error.self) { try verifier().verify(request, at: time(signingTime)) }
        #expect(error?.message == "'date' must be a 'SignedHeader' in the AWS Authorization.")
    }

    /// Signed by hand, in Python's standard library: the signer here always adds X-Amz-Date.
    @Test(.enabled(if: Tool.pythonHas("hmac"), "there is no python3"))
    func `a request that has only a Date in the basic form verifies`() async throws {
        let script = """
            import hashlib, hmac
            sign = lambda key, text: hmac.new(key, text.encode(), hashlib.sha256)
            canonical = "\\n".join(["POST", "/", "", "date:20261121T092000Z", "host:kms.us-east-1.amazonaws.com", "",
                "date;host", hashlib.sha256(b"{}").hexdigest()])
            scope = "20261121/us-east-1/kms/aws4_request"
            text = "\\n".join(["AWS4-HMAC-SHA256", "20261121T092000Z", scope,
                hashlib.sha256(canonical.encode()).hexdigest()])
            key = b"AWS4wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
            for step in scope.split("/"): key = sign(key, step).digest()
            print("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/" + scope + ", SignedHeaders=date;host, Signature="
                + sign(key, text).hexdigest(), end="")
            """
        let authorization = String(decoding: try await Tool.python(script), as: UTF8.self)
        let request = SigV4Request(
            method: "POST",
            target: "/",
            headers: [
                (name: "Host", value: "kms.us-east-1.amazonaws.com"), (name: "Date", value: "20261121T092000Z"),
                (name: "Authorization", value: authorization),
            ],
            body: Array("{}".utf8)
        )
        #expect(try verifier().verify(request, at: time(signingTime)).principal == "alice")
    }

    static let payloads: [(value: String, isAccepted: Bool)] = [
        // printf '{}' | sha256sum
        ("44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a", true),
        ("44136FA355B3678A1146AD16F7E8649E94FB4FC21FE77E8310C060F61CAAFF8A", false),
        ("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", false),
        ("UNSIGNED-PAYLOAD", false),
        ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", false),
    ]

    @Test(arguments: payloads)
    func `a declared payload hash must be the body's`(_ example: (value: String, isAccepted: Bool)) throws {
        var request = plainRequest
        request.body = Array("{}".utf8)
        request.setHeader("X-Amz-Content-Sha256", example.value)
        let signed = request.signed(by: try SigV4Tests.credentials(), at: try time(signingTime))
        let error = try Self.error { try verifier().verify(signed, at: time(signingTime)) }
        #expect(error?.name == (example.isAccepted ? nil : "InvalidSignatureException"))
    }

    @Test func `a session token is refused unless someone vouches for it`() throws {
        let signed = plainRequest.signed(by: try SigV4Tests.credentials(token: "t"), at: try time(signingTime))
        let refused = try Self.error { try verifier().verify(signed, at: time(signingTime)) }
        #expect(refused?.name == "UnrecognizedClientException")
        let vouching = try verifier { $0 == exampleKeyID && $1 == "t" }
        #expect(throws: Never.self) { try vouching.verify(signed, at: time(signingTime)) }
        // The same key without its token.
        let bare = try Self.error { try vouching.verify(Self.good(), at: time(signingTime)) }
        #expect(bare?.name == "UnrecognizedClientException")
    }

    @Test func `two session tokens are refused, signed or not`() throws {
        var request = plainRequest
        request.setHeader("X-Amz-Security-Token", "t")
        let signed = request.signed(by: try SigV4Tests.credentials(token: "u"), at: try time(signingTime))
        let vouching = try verifier { _, _ in true }
        let error = try Self.error { try vouching.verify(signed, at: time(signingTime)) }
        #expect(error?.name == "UnrecognizedClientException")
    }

    // MARK: The cache of signing keys

    @Test func `a changed secret takes effect at once, and so does a removed key`() throws {
        let current = Mutex<SharedSecret?>(try secret(exampleSecret))
        let verifier = SigV4Verifier<String>(scope: kms, hosts: nil) { _ in
            current.withLock { $0.map { ($0, "alice") } }
        }
        let old = try Self.good()
        let new = plainRequest.signed(
            by: try SigV4Tests.credentials(exampleKeyID, "another"),
            at: try time(signingTime)
        )
        #expect(throws: Never.self) { try verifier.verify(old, at: time(signingTime)) }
        #expect(throws: Never.self) { try verifier.verify(old, at: time(signingTime)) }
        let other = try secret("another")
        current.withLock { $0 = other }
        #expect(throws: SigV4Error.self) { try verifier.verify(old, at: time(signingTime)) }
        #expect(throws: Never.self) { try verifier.verify(new, at: time(signingTime)) }
        current.withLock { $0 = nil }
        let error = try Self.error { try verifier.verify(new, at: time(signingTime)) }
        #expect(error?.name == "UnrecognizedClientException")
    }

    @Test func `more keys than the cache holds all verify`() throws {
        let known = try secret(exampleSecret)
        let verifier = SigV4Verifier<String>(scope: kms, hosts: nil) { (known, $0) }
        for round in 0..<2 {
            for index in 0..<600 {
                let signed = plainRequest.signed(
                    by: try SigV4Tests.credentials("KEY\(index)"),
                    at: try time(signingTime)
                )
                #expect(try verifier.verify(signed, at: time(signingTime)).principal == "KEY\(index)", "round \(round)")
            }
        }
    }

    @Test func `a key of yesterday does not verify today's requests`() throws {
        let verifier = try verifier()
        let late = try time("2026-11-20T23:59:00Z")
        let early = try time("2026-11-21T00:01:00Z")
        let credentials = try SigV4Tests.credentials()
        for moment in [late, early, late] {
            let signed = plainRequest.signed(by: credentials, at: moment)
            #expect(throws: Never.self) { try verifier.verify(signed, at: early) }
        }
    }

    static func error<Value>(_ body: () throws -> Value) throws -> SigV4Error? {
        do {
            _ = try body()
            return nil
        } catch let error as SigV4Error {
            return error
        }
    }
}
