// SPDX-License-Identifier: Apache-2.0

import AWSClient
import BrokerProtocol
import Encoding
import KMSProtocol

/// One broker and who asks it: a request in, a JSON object out, or one line that says what went wrong and what to do.
struct BrokerSession: Sendable {
    let url: String
    private let client: KMSClient

    init(_ options: BrokerOptions) { self.init(options, transport: options.transport()) }

    init(_ options: BrokerOptions, transport: WebTransport) {
        url = options.url
        client = options.client(transport: transport)
    }

    /// An operation of KMS: `CreateKey`.
    func kms(_ operation: String, _ input: JSONObject) async throws(CommandFailure) -> JSONObject {
        try await call(target: Self.kmsTarget(operation), input)
    }

    /// The same for callers to whom some errors are answers: those are returned.
    func kms(_ operation: String, _ input: JSONObject, answeredBy errors: Set<String>)
        async throws(CommandFailure) -> Result<JSONObject, KMSError>
    {
        do {
            return .success(
                try await retrying { () throws(KMSClient.Failure) in
                    try await client.call(Self.kmsTarget(operation), .object(input))
                }
            )
        } catch {
            if case .service(let answer, _) = error, errors.contains(answer.name) { return .failure(answer) }
            throw BrokerFailure.explained(error, url: url)
        }
    }

    /// An operation of the broker's own.
    func call(_ operation: BrokerOperation, _ input: JSONObject) async throws(CommandFailure) -> JSONObject {
        try await call(target: operation.target, input)
    }

    /// The same with the answer's bytes, before anything has copied a secret out of them.
    func bytes(_ operation: BrokerOperation, _ input: JSONObject) async throws(CommandFailure) -> [UInt8] {
        let body = JSON.object(input).serialized()
        do {
            return try await retrying { () throws(KMSClient.Failure) in
                try await forwarded(operation.target, body)
            }
        } catch {
            throw BrokerFailure.explained(error, url: url)
        }
    }

    private func forwarded(_ target: String, _ body: [UInt8]) async throws(KMSClient.Failure) -> [UInt8] {
        let response = try await client.forward(target, body)
        guard response.status == 200 else {
            let error = KMSError(body: response.body, errorTypeHeader: response.header(KMSHeader.errorType))
            throw error.map { .service($0, status: response.status) } ?? .malformedResponse
        }
        return response.body
    }

    private func call(target: String, _ input: JSONObject) async throws(CommandFailure) -> JSONObject {
        do {
            return try await retrying { () throws(KMSClient.Failure) in
                try await client.call(target, .object(input))
            }
        } catch {
            throw BrokerFailure.explained(error, url: url)
        }
    }

    // MARK: Trying again

    /// A request that was refused for its date alone is sent again with a later one.
    private static let tries = 3
    /// Signatures are dated by the second (SigV4).
    private static let pause = Duration.milliseconds(1100)

    private func retrying<R: Sendable>(_ send: () async throws(KMSClient.Failure) -> R)
        async throws(KMSClient.Failure) -> R
    {
        var tries = 1
        while true {
            do {
                return try await send()
            } catch {
                guard tries < Self.tries, Self.isWorthAnotherTry(error) else { throw error }
                try? await Task.sleep(for: Self.pause)
                tries += 1
            }
        }
    }

    /// Whether the broker says that it did nothing, and that the same request may succeed: it is dated before the last
    /// change or the start, or came twice within a second. Any other failure may have had an effect.
    private static func isWorthAnotherTry(_ failure: KMSClient.Failure) -> Bool {
        guard case .service(let error, _) = failure, error.name == "KMSInternalException" else { return false }
        return error.message?.hasPrefix("Nothing was changed: ") == true
    }

    private static func kmsTarget(_ operation: String) -> String { "\(TargetPrefix.kms).\(operation)" }

    // MARK: Lists

    /// Every element of a list that comes in pages, as KMS's do: `Marker` in, `NextMarker` and `Truncated` out.
    func kmsList(_ operation: String, _ member: String, _ input: JSONObject = JSONObject())
        async throws(CommandFailure) -> [JSONObject]
    {
        try await list(member, input) { input throws(CommandFailure) in try await self.kms(operation, input) }
    }

    /// The same; nil for whom it is not allowed.
    func kmsListIfAllowed(_ operation: String, _ member: String) async throws(CommandFailure) -> [JSONObject]? {
        let denied: Set = ["AccessDeniedException"]
        if case .failure = try await kms(operation, JSONObject([("Limit", 1)]), answeredBy: denied) { return nil }
        return try await kmsList(operation, member)
    }

    /// The same of the broker's own operations.
    func list(_ operation: BrokerOperation, _ member: String) async throws(CommandFailure) -> [JSONObject] {
        try await list(member, JSONObject()) { input throws(CommandFailure) in try await self.call(operation, input) }
    }

    /// Far more than a keyring holds: an endpoint that never ends its list is no broker.
    private static let maximumPages = 1000

    private func list(
        _ member: String,
        _ input: JSONObject,
        page: (JSONObject) async throws(CommandFailure) -> JSONObject
    ) async throws(CommandFailure) -> [JSONObject] {
        var input = input
        var elements: [JSONObject] = []
        for _ in 0..<Self.maximumPages {
            let answer = try await page(input)
            guard let list = answer[member]?.array else { throw BrokerFailure.malformed(url) }
            elements += list.compactMap(\.object)
            guard let marker = answer["NextMarker"]?.string else { return elements }
            input["Marker"] = .string(marker)
        }
        throw BrokerFailure.malformed(url)
    }
}
