// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Encoding
import KMSProtocol
import KeyService
import NIOCore
import NIOHTTP1
import Transport

/// `POST /`: KMS and the broker's own operations. State, authentication, operation, input, allowance, authorisation,
/// act.
struct ServiceEndpoint: Sendable {
    /// Those that change nothing. GenerateRandom is refused by name where no TLS ends in here: the host would read what it
    /// answers. Changes go to the writer.
    static let operations = KeyService.readOperations.union([KeyService.randomOperation])

    let clock: TrustedClock
    let deferred: DeferredWork
    let gate: RequestGate
    let operations: BrokerOperations
    let writer: KeyringWriter
    let metrics: RequestMetrics

    /// What comes of a request: at once, or from elsewhere.
    private enum Answer {
        case now(HTTPResponse)
        case later(EventLoopFuture<HTTPResponse>)
    }

    func answer(_ request: HTTPRequest, _ unlocked: Unlocked, on loop: any EventLoop) -> EventLoopFuture<HTTPResponse> {
        var measurement = metrics.begin()
        let response: HTTPResponse
        do throws(KMSError) {
            switch try serve(request, unlocked, &measurement, on: loop) {
            case .now(let answer): response = answer
            case .later(let answer):
                return answer.map { [measurement] response in
                    measurement.ended(with: response)
                    return response
                }
            }
        } catch {
            response = Reply.failure(error)
        }
        measurement.ended(with: response)
        return loop.makeSucceededFuture(response)
    }

    private func serve(
        _ request: HTTPRequest,
        _ unlocked: Unlocked,
        _ measurement: inout RequestMetrics.Measurement,
        on loop: any EventLoop
    ) throws(KMSError) -> Answer {
        let now = clock.now
        let body = Array(request.body.readableBytesView)
        let sender = try authenticate(request, body: body, unlocked, at: now)
        let caller = sender.caller
        let target = try OperationTarget(try Self.single(RelayHeader.target, in: request.headers))
        measurement.isFor(target.operation)
        let input = try KMSRequestBody.parse(body)
        let circumstances = Circumstances(now: now, isSecureTransport: request.isSecureTransport)
        if target.prefix == TargetPrefix.kms {
            if KeyService.changeOperations.contains(target.operation) {
                return .later(try change(.kms(target.operation), input, sender, circumstances, on: loop))
            }
            return try kms(target.operation, input, caller, circumstances, unlocked, on: loop)
        }
        guard let operation = BrokerOperation(rawValue: target.operation) else { throw .unknownOperation }
        switch operation {
        case .signBatch: return .later(try signBatch(input, caller, circumstances, unlocked, on: loop))
        case .encrypt, .decrypt:
            return try envelope(input, caller, circumstances, unlocked, on: loop, opens: operation == .decrypt)
        case .createPrincipal: return .later(try change(.principal(.create), input, sender, circumstances, on: loop))
        case .deletePrincipal: return .later(try change(.principal(.delete), input, sender, circumstances, on: loop))
        case .putPrincipalPolicy:
            return .later(try change(.principal(.putPolicy), input, sender, circumstances, on: loop))
        case .listPrincipals:
            try gate.admit(.reading, of: caller, at: now)
            try BrokerOperations.authorize(operation, caller: caller, unlocked, circumstances)
            return .now(Reply.success(try BrokerOperations.principals(input, unlocked)))
        case .getStatus:
            try gate.admit(.reading, of: caller, at: now)
            try BrokerOperations.authorize(operation, caller: caller, unlocked, circumstances)
            return .now(Reply.success(BrokerOperations.status(unlocked, gate, at: now)))
        case .getAttestation:
            try gate.admit(.attestation, of: caller, at: now)
            try BrokerOperations.authorize(operation, caller: caller, unlocked, circumstances)
            return .later(
                deferred.run(on: loop, for: caller.arn, units: RequestCost.attestation.units) { [operations] in
                    Self.reply { () throws(KMSError) in try operations.attestation(input, unlocked) }
                }
            )
        }
    }

    private func authenticate(
        _ request: HTTPRequest,
        body: [UInt8],
        _ unlocked: Unlocked,
        at now: Timestamp
    ) throws(KMSError) -> Authenticated {
        do {
            let authenticated = try unlocked.authenticator.authenticate(request, body: body, at: now)
            gate.wasAuthenticated(authenticated, at: now)
            return authenticated
        } catch {
            gate.wasRefused()
            throw error
        }
    }

    /// A header that must not be there twice: what was authorised and what is done are one.
    private static func single(_ name: String, in headers: HTTPHeaders) throws(KMSError) -> String? {
        let values = headers[name]
        guard values.count <= 1 else { throw .unknownOperation }
        return values.first
    }

    // MARK: Changes

    /// Authorised by the writer, on the version of the keyring that it changes.
    private func change(
        _ operation: ChangeRequest.Operation,
        _ input: JSONObject,
        _ sender: Authenticated,
        _ circumstances: Circumstances,
        on loop: any EventLoop
    ) throws(KMSError) -> EventLoopFuture<HTTPResponse> {
        let request = ChangeRequest(
            operation: operation,
            input: input,
            sender: sender,
            isSecureTransport: circumstances.isSecureTransport
        )
        try gate.admit(.kms(request.name, nil), of: sender.caller, at: circumstances.now)
        return loop.makeFutureWithTask { [writer] in
            switch await writer.perform(request) {
            case .success(let output?): Reply.success(output)
            case .success(nil): Reply.empty()
            case .failure(let error): Reply.failure(error)
            }
        }
    }

    // MARK: KMS

    private func kms(
        _ operation: String,
        _ input: JSONObject,
        _ caller: Caller,
        _ circumstances: Circumstances,
        _ unlocked: Unlocked,
        on loop: any EventLoop
    ) throws(KMSError) -> Answer {
        let spec = Self.spec(operation, input, unlocked.keys)
        let cost = RequestCost.kms(operation, spec)
        try gate.admit(cost, of: caller, at: circumstances.now)
        let service = service(unlocked)
        return act(cost, for: caller, on: loop) { [gate] () throws(KMSError) in
            let output = try service.answer(
                operation,
                input,
                caller: caller,
                keys: unlocked.keys,
                circumstances: circumstances
            )
            if operation == "Sign" { gate.didSign(1) }
            return output
        }
    }

    /// Here and now, or where it holds up no event loop.
    private func act(
        _ cost: RequestCost,
        for caller: Caller,
        on loop: any EventLoop,
        _ act: @escaping @Sendable () throws(KMSError) -> JSONObject
    ) -> Answer {
        guard cost.isSlow else { return .now(Self.reply(act)) }
        return .later(deferred.run(on: loop, for: caller.arn, units: cost.units) { Self.reply(act) })
    }

    private func signBatch(
        _ input: JSONObject,
        _ caller: Caller,
        _ circumstances: Circumstances,
        _ unlocked: Unlocked,
        on loop: any EventLoop
    ) throws(KMSError) -> EventLoopFuture<HTTPResponse> {
        let cost = RequestCost.batch(input, Self.spec("Sign", input, unlocked.keys))
        try gate.admit(cost, of: caller, at: circumstances.now)
        let service = service(unlocked)
        return deferred.run(on: loop, for: caller.arn, units: cost.units) { [gate] in
            Self.reply { () throws(KMSError) in
                let output = try service.signBatch(
                    input,
                    caller: caller,
                    keys: unlocked.keys,
                    circumstances: circumstances
                )
                gate.didSign(output["Signatures"]?.array?.count ?? 0)
                return output
            }
        }
    }

    private func envelope(
        _ input: JSONObject,
        _ caller: Caller,
        _ circumstances: Circumstances,
        _ unlocked: Unlocked,
        on loop: any EventLoop,
        opens: Bool
    ) throws(KMSError) -> Answer {
        let cost = RequestCost.envelope(input)
        try gate.admit(cost, of: caller, at: circumstances.now)
        let service = service(unlocked)
        let keys = unlocked.keys
        return act(cost, for: caller, on: loop) { [gate] () throws(KMSError) in
            if opens {
                return try service.decryptEnvelope(input, caller: caller, keys: keys, circumstances: circumstances)
            }
            return try service.encryptEnvelope(
                input,
                caller: caller,
                keys: keys,
                circumstances: circumstances,
                count: gate.envelopes.count
            )
        }
    }

    private func service(_ unlocked: Unlocked) -> KeyService {
        let configuration = unlocked.configured.configuration
        return KeyService(account: configuration.account, region: configuration.region, operations: Self.operations)
    }

    /// What the key of an operation is whose cost depends on it; nil for another operation, or no key.
    private static func spec(_ operation: String, _ input: JSONObject, _ keys: KeyTable) -> KeySpec? {
        guard operation == "Sign" || operation == "Verify", let keyID = input["KeyId"]?.string else { return nil }
        return keys.spec(of: keyID)
    }

    private static func reply(_ act: () throws(KMSError) -> JSONObject) -> HTTPResponse {
        do {
            return Reply.success(try act())
        } catch {
            return Reply.failure(error)
        }
    }
}
