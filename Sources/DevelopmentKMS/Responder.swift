// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import KMSProtocol
import KeyService
import Logging
import NIOCore
import NIOHTTP1
import Transport

/// One request in, one response out, one line in each log.
struct Responder: Sendable {
    /// How a request is answered.
    enum Reply: Sendable {
        case now(HTTPResponse)
        case later(milliseconds: Int64, @Sendable () -> HTTPResponse)
        case never
    }

    let options: DevelopmentKMS.Options
    let authenticator: Authenticator
    let keyStore: KeyStore
    let recipientVerifier: RecipientVerifier
    let failures: FailureInjector
    let clock: @Sendable () -> Timestamp
    let logger: Logger

    func respond(to request: HTTPRequest) -> Reply {
        var record = RequestRecord(
            requestID: Self.makeUUID(),
            time: clock(),
            userAgent: request.headers.first(name: "User-Agent")
        )
        // A web page that found the port: no browser sends a POST without it.
        guard !request.headers.contains(name: "Origin") else {
            record.error = .accessDenied("Requests of web pages are refused, and this one has an Origin header.")
            return .now(finish(record, status: Self.forbidden))
        }
        let decision: FailureInjector.Decision
        do throws(KMSError) {
            decision = failures.decide(try admit(request, &record))
        } catch {
            record.error = error
            return .now(finish(record))
        }
        record.injectedFailure = decision.description
        guard !decision.isSilenced else {
            write(record)
            return .never
        }
        let body = [UInt8](request.body.readableBytesView)
        let act: @Sendable () -> HTTPResponse = { [self, record] in
            var record = record
            do throws(KMSError) {
                if let error = decision.error { throw error }
                record.output = try perform(body, &record)
            } catch {
                record.error = error
            }
            return finish(record)
        }
        return decision.delay > 0 ? .later(milliseconds: decision.delay, act) : .now(act())
    }

    // MARK: Steps

    /// Who asks for which operation.
    private func admit(_ request: HTTPRequest, _ record: inout RequestRecord) throws(KMSError) -> String {
        guard request.method == .POST, request.target == "/" else { throw .unknownOperation }
        let body = [UInt8](request.body.readableBytesView)
        record.caller = try authenticator.authenticate(request, body: body, at: record.time)
        let target = try OperationTarget(request.headers.first(name: KMSHeader.target))
        guard target.prefix == TargetPrefix.kms, DevelopmentKMS.operations.contains(target.operation) else {
            throw .unknownOperation
        }
        record.operation = target.operation
        let input = try? KMSRequestBody.parse(body)
        record.input = input
        record.key = Self.keyMembers.lazy.compactMap { input?[$0]?.string }.first
        return target.operation
    }

    private func perform(_ body: [UInt8], _ record: inout RequestRecord) throws(KMSError) -> JSONObject? {
        guard let operation = record.operation, let caller = record.caller else { throw .unknownOperation }
        let now = clock()
        let input = try KMSRequestBody.parse(body)
        let verified = try recipientVerifier.recipient(of: operation, input, at: now)
        record.recipient = verified?.attested
        let output = try keyStore.perform(
            operation,
            input,
            caller: caller,
            circumstances: Circumstances(now: now, isSecureTransport: false, recipient: verified?.recipient)
        )
        record.key = output?["KeyId"]?.string ?? output?["KeyMetadata"]?.object?["Arn"]?.string ?? record.key
        return output
    }

    private static let keyMembers = ["KeyId", "TargetKeyId", "SourceKeyId", "DestinationKeyId"]

    // MARK: The end of a request

    private static let forbidden = 403

    private func finish(_ record: RequestRecord, status: Int? = nil) -> HTTPResponse {
        write(record)
        if let error = record.error {
            return Self.response(
                status: status ?? error.httpStatus,
                body: error.body,
                requestID: record.requestID,
                errorType: error.name
            )
        }
        return Self.response(
            status: 200,
            body: record.output.map { JSON.object($0).serialized() } ?? [],
            requestID: record.requestID
        )
    }

    private func write(_ record: RequestRecord) {
        LogEntry(record).write(to: logger)
        guard let trail = options.trail else { return }
        var record = record
        record.resources = resources(record)
        trail(
            TrailEvent(record: record, account: options.account, region: options.region, eventID: Self.makeUUID()).line
        )
    }

    /// The keys and the alias that a request was about, each once.
    private func resources(_ record: RequestRecord) -> [String] {
        var arns: [String] = []
        func add(_ arn: String?) {
            if let arn, !arns.contains(arn) { arns.append(arn) }
        }
        if let name = record.input?["AliasName"]?.string, KeyReference.isAliasName(name) {
            add(KMSARN(region: options.region, account: options.account, resource: .alias(name)).description)
        }
        for member in Self.keyMembers {
            add(record.output?[member]?.string.flatMap { KMSARN($0)?.description })
            add(record.input?[member]?.string.flatMap { keyStore.arn(of: $0) })
        }
        add(record.output?["KeyMetadata"]?.object?["Arn"]?.string)
        return arns
    }

    private static func response(
        status: Int,
        body: [UInt8],
        requestID: String,
        errorType: String? = nil
    ) -> HTTPResponse {
        var headers: HTTPHeaders = [KMSHeader.requestID: requestID, KMSHeader.contentType: amzJSON]
        if let errorType { headers.add(name: KMSHeader.errorType, value: errorType) }
        return HTTPResponse(
            status: HTTPResponseStatus(statusCode: status),
            headers: headers,
            body: ByteBuffer(bytes: body)
        )
    }

    /// Nothing depends on it but somebody who compares logs, so that a failing generator does not matter here.
    private static func makeUUID() -> String {
        (try? KeyService.makeKeyID()) ?? "00000000-0000-4000-8000-000000000000"
    }
}
