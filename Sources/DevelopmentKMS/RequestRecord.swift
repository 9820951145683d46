// SPDX-License-Identifier: Apache-2.0

import Encoding
import KMSProtocol
import KeyService

/// What is known of one request, for the logs.
struct RequestRecord: Sendable {
    /// What a verified attestation document said of whom the answer is for.
    struct Attested: Sendable {
        let moduleID: String
        let pcrs: [Int: [UInt8]]
    }

    let requestID: String
    /// When it came.
    let time: Timestamp
    let userAgent: String?
    var operation: String?
    var caller: Caller?
    /// As sent; whoever writes it chooses what may be written.
    var input: JSONObject?
    /// The key as the request named it, then its ARN once it is known.
    var key: String?
    /// ARNs of the keys and aliases that it was about.
    var resources: [String] = []
    var recipient: Attested?
    /// What ``FailureInjector`` did to it.
    var injectedFailure: String?
    /// Nil: it succeeded.
    var error: KMSError?
    /// The response; nil without one.
    var output: JSONObject?

    init(requestID: String, time: Timestamp, userAgent: String?) {
        self.requestID = requestID
        self.time = time
        self.userAgent = userAgent
    }
}
