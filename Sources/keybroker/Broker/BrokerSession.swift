// SPDX-License-Identifier: Apache-2.0

import AWSClient
import BrokerProtocol
import Encoding
import KMSProtocol

/// One broker and who asks it: a request in, a JSON object out, or one line that says what went wrong and what to do.
struct BrokerSession: Sendable {
    let url: String
    private let client: KMSClient

    init(_ options: BrokerOptions) throws(CommandFailure) {
        url = options.url
        client = try options.client()
    }

    /// An operation of KMS: `CreateKey`.
    func kms(_ operation: String, _ input: JSONObject) async throws(CommandFailure) -> JSONObject {
        try await call(target: "\(TargetPrefix.kms).\(operation)", input)
    }

    /// An operation of the broker's own.
    func call(_ operation: BrokerOperation, _ input: JSONObject) async throws(CommandFailure) -> JSONObject {
        try await call(target: operation.target, input)
    }

    private func call(target: String, _ input: JSONObject) async throws(CommandFailure) -> JSONObject {
        do {
            return try await client.call(target, .object(input))
        } catch {
            throw BrokerFailure.explained(error, url: url)
        }
    }

    /// Every element of a list that comes in pages, as KMS's do: `Marker` in, `NextMarker` and `Truncated` out.
    func kmsList(_ operation: String, _ member: String, _ input: JSONObject = JSONObject())
        async throws(CommandFailure) -> [JSONObject]
    {
        try await pages(target: "\(TargetPrefix.kms).\(operation)", member, input)
    }

    /// The same of the broker's own operations.
    func list(_ operation: BrokerOperation, _ member: String) async throws(CommandFailure) -> [JSONObject] {
        try await pages(target: operation.target, member, JSONObject())
    }

    /// Far more than a keyring holds: an endpoint that never ends its list is no broker.
    private static let maximumPages = 1000

    private func pages(target: String, _ member: String, _ input: JSONObject)
        async throws(CommandFailure) -> [JSONObject]
    {
        var input = input
        var elements: [JSONObject] = []
        for _ in 0..<Self.maximumPages {
            let answer = try await call(target: target, input)
            guard let page = answer[member]?.array else { throw BrokerFailure.malformed(url) }
            elements += page.compactMap(\.object)
            guard let marker = answer["NextMarker"]?.string else { return elements }
            input["Marker"] = .string(marker)
        }
        throw BrokerFailure.malformed(url)
    }
}
