// SPDX-License-Identifier: Apache-2.0

package import Cryptography

/// An HTTP request as Signature Version 4 sees it. Header names in any case, values as received, in order.
package struct SigV4Request: Sendable {
    package var method: String
    /// The path as in the request line, with the query after `?` if there is one.
    package var target: String
    package var headers: [(name: String, value: String)]
    package var body: [UInt8]

    package init(method: String, target: String, headers: [(name: String, value: String)], body: [UInt8]) {
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
    }
}

/// Long-lived or temporary credentials.
package struct AWSCredentials: Sendable {
    package let accessKeyID: String
    package let secretAccessKey: SharedSecret
    package let sessionToken: String?

    package init(accessKeyID: String, secretAccessKey: SharedSecret, sessionToken: String? = nil) {
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
    }
}

/// What a signature is scoped to.
package struct SigV4Scope: Sendable, Equatable {
    package var region: String
    package var service: String

    package init(region: String, service: String) {
        self.region = region
        self.service = service
    }
}

/// An error of authentication as AWS names and words it. HTTP status 400, JSON `__type` and `message`.
package struct SigV4Error: Error, Equatable, Sendable {
    package let name: String
    package let message: String

    package init(name: String, message: String) {
        self.name = name
        self.message = message
    }
}

/// Limits on what is looked at, and the constants of the scheme (AWS General Reference, "Signature Version 4").
enum SigV4Constants {
    static let algorithm = "AWS4-HMAC-SHA256"
    static let terminator = "aws4_request"
    static let secretPrefix = "AWS4"
    /// Bytes of the day at the front of X-Amz-Date.
    static let dayLength = 8

    // AWS publishes no limits; these are above what SDKs send and below what an HTTP server lets through.

    /// Header fields of a request.
    static let headerCount = 128
    /// Bytes of all header names and values together.
    static let headerLength = 64 * 1024
    /// Bytes of the Authorization header.
    static let authorizationLength = 4096
    /// Names in SignedHeaders.
    static let signedHeaderCount = 64
    /// Bytes of a request target.
    static let targetLength = 8192
    /// An access key id: IAM API Reference, accessKeyIdType: 16 to 128 of `\w`. Test systems have shorter ones.
    static let accessKeyIDLength = 1...128
    /// Characters of a refused value that an error message repeats.
    static let echoedLength = 64
    /// Signing keys kept: one for each access key and day.
    static let cachedKeyCount = 256
}
