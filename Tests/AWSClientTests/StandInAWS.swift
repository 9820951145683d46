// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Encoding
import Foundation
import NIOCore
import NIOHTTP1
import SigV4
import Synchronization
import Transport

/// Instance metadata, a container's endpoint and STS on 127.0.0.1, for one test.
///
/// STS answers with what it was asked: the token of an assumed role says the role, the parameters and the access key that
/// signed. So two clients that get the same credentials have asked the same.
final class StandInAWS: Sendable {
    struct Seen: Sendable {
        let method: String
        let path: String
        let headers: [String: String]
        let form: [String: String]
    }

    private struct State {
        var seen: [Seen] = []
        /// Answers instead, by the path or the action that a request is for; each is used once.
        var instead: [String: [(HTTPResponseStatus, String)]] = [:]
        /// While set, everything fails.
        var isDown = false
        var number = 0
    }

    private let state = Mutex(State())
    private let clock: @Sendable () -> Timestamp
    /// Of what it gives.
    private let lifetime: Duration
    private let bearer: String?

    init(
        lifetime: Duration = .seconds(6 * 3600),
        bearer: String? = nil,
        clock: @escaping @Sendable () -> Timestamp = { Timestamp(seconds: Int64(Date().timeIntervalSince1970)) }
    ) {
        self.clock = clock
        self.lifetime = lifetime
        self.bearer = bearer
    }

    var seen: [Seen] { state.withLock { $0.seen } }
    var isDown: Bool {
        get { state.withLock { $0.isDown } }
        set { state.withLock { $0.isDown = newValue } }
    }

    /// The next requests for `subject` (a path, or an action of STS) are answered so, one each.
    func answer(_ subject: String, _ answers: (HTTPResponseStatus, String)...) {
        state.withLock { $0.instead[subject, default: []] += answers }
    }

    @Sendable func handle(_ request: HTTPRequest, on loop: any EventLoop) -> EventLoopFuture<HTTPResponse> {
        let (status, text) = respond(request)
        return AWSClientTests.answer(loop, status, text)
    }

    private func respond(_ request: HTTPRequest) -> (HTTPResponseStatus, String) {
        var components = URLComponents()
        components.percentEncodedQuery = String(buffer: request.body)
        let items = (components.queryItems ?? []).map { ($0.name, $0.value?.replacing("+", with: " ") ?? "") }
        let headers = Dictionary(request.headers.map { ($0.name.lowercased(), $0.value) }) { $1 }
        let seen = Seen(
            method: request.method.rawValue,
            path: request.target,
            headers: headers,
            form: Dictionary(items) { $1 }
        )
        let subject = seen.form["Action"] ?? seen.path
        let given = state.withLock { state -> (HTTPResponseStatus, String)? in
            state.seen.append(seen)
            if state.isDown { return (.serviceUnavailable, "") }
            guard state.instead[subject]?.isEmpty == false else { return nil }
            return state.instead[subject]?.removeFirst()
        }
        if let given { return given }
        switch (request.method, request.target) {
        case (.PUT, "/latest/api/token"):
            guard let text = headers["x-aws-ec2-metadata-token-ttl-seconds"], let seconds = Int(text),
                (1...21_600).contains(seconds), headers["x-forwarded-for"] == nil
            else { return (.badRequest, "") }
            return (.ok, "imds-token==")
        case (.GET, "/latest/meta-data/iam/security-credentials/"):
            return headers["x-aws-ec2-metadata-token"] == "imds-token==" ? (.ok, "host-role") : (.unauthorized, "")
        case (.GET, "/latest/meta-data/iam/security-credentials/host-role"):
            guard headers["x-aws-ec2-metadata-token"] == "imds-token==" else { return (.unauthorized, "") }
            return (.ok, document("ASIAINSTANCE", ["Code": "Success", "Type": "AWS-HMAC"]))
        case (.GET, "/container"):
            guard bearer == nil || headers["authorization"] == bearer else { return (.unauthorized, "") }
            return (.ok, document("ASIACONTAINER", ["RoleArn": "arn:aws:iam::111122223333:role/task"]))
        case (.POST, "/"): return sts(seen)
        default: return (.notFound, "")
        }
    }

    private func end() -> String { clock().advanced(byMilliseconds: Int64(lifetime / .milliseconds(1))).rfc3339 }

    /// `AccessKeyId` has a number of its own each time.
    private func document(_ id: String, _ extra: [String: String]) -> String {
        let number = state.withLock { state in
            state.number += 1
            return state.number
        }
        var object = extra
        object["AccessKeyId"] = "\(id)\(number)"
        object["SecretAccessKey"] = "secret/of+\(id)"
        object["Token"] = "token-of-\(id)=="
        object["Expiration"] = end()
        let members = object.map { "\"\($0.key)\": \"\($0.value)\"" }
        return "{\(members.joined(separator: ", "))}"
    }

    private func sts(_ seen: Seen) -> (HTTPResponseStatus, String) {
        guard let action = seen.form["Action"], seen.form["Version"] == "2011-06-15" else {
            return (.badRequest, Self.error("InvalidAction", "Could not find operation"))
        }
        // Access key id of `Credential=AKID/…`; what a region and service it was signed for.
        let scope = seen.headers["authorization"]?.firstMatch(of: /Credential=([^\/]+)\/[0-9]+\/([^,]+),/)
        guard (scope != nil) == (action == "AssumeRole") else {
            return (.forbidden, Self.error("MissingAuthenticationToken", "Request is missing Authentication Token"))
        }
        let parts: [String?] = [
            seen.form["RoleArn"], seen.form["ExternalId"], seen.form["DurationSeconds"], seen.form["WebIdentityToken"],
            // A default session name has the time in it.
            seen.form["RoleSessionName"].flatMap { $0.contains("-17") ? nil : $0 }, scope.map { String($0.1) },
            scope.map { String($0.2) }, seen.headers["x-amz-security-token"],
        ]
        let asked = parts.map { $0 ?? "-" }.joined(separator: "|")
        let result = """
            <\(action)Response xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
              <\(action)Result>
                <AssumedRoleUser><AssumedRoleId>AROAEXAMPLE:s</AssumedRoleId></AssumedRoleUser>
                <Credentials>
                  <AccessKeyId>ASIAASSUMEDROLEKEY</AccessKeyId>
                  <SecretAccessKey>wJalrXUtnFEMI/K7MDENG/bPxRfiCYzEXAMPLEKEY</SecretAccessKey>
                  <SessionToken>\(asked)</SessionToken>
                  <Expiration>\(end())</Expiration>
                </Credentials>
              </\(action)Result>
              <ResponseMetadata><RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId></ResponseMetadata>
            </\(action)Response>
            """
        return (.ok, result)
    }

    /// As in the STS API Reference.
    static func error(_ code: String, _ message: String) -> String {
        """
        <ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
          <Error><Type>Sender</Type><Code>\(code)</Code><Message>\(message)</Message></Error>
          <RequestId>c6104cbe-af31-11e0-8154-cbc7ccf896c7</RequestId>
        </ErrorResponse>
        """
    }
}

/// A chain for tests: the real clock, no delays, nothing of this machine.
func testChain(
    _ variables: [String: String],
    profile: String? = nil,
    aws url: String? = nil,
    clock: @escaping @Sendable () -> Timestamp = { Timestamp(seconds: Int64(Date().timeIntervalSince1970)) },
    sleep: @escaping @Sendable (Duration) async -> Void = { _ in }
) -> CredentialChain {
    var variables = variables
    if let url {
        variables["AWS_ENDPOINT_URL_STS"] = variables["AWS_ENDPOINT_URL_STS"] ?? url
        variables["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = variables["AWS_EC2_METADATA_SERVICE_ENDPOINT"] ?? url
    } else {
        variables["AWS_EC2_METADATA_DISABLED"] = "true"
    }
    let context = CredentialContext(
        variables: variables,
        clock: clock,
        sleep: sleep,
        containerOrigin: url ?? ContainerCredentials.origin
    )
    return CredentialChain(context, profile: profile)
}
