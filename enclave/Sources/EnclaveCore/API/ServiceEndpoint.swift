// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Encoding
import KMSProtocol
import KeyService
import NIOCore
import NIOHTTP1
import Transport

/// `POST /`: KMS and the broker's own operations. State, authentication, operation, input, authorisation, act.
struct ServiceEndpoint: Sendable {
    /// GenerateRandom is refused by name until TLS ends in here: the host would read what it answers.
    static let operations = KeyService.readOperations.union([KeyService.randomOperation])

    let clock: TrustedClock
    let deferred: DeferredWork
    let operations: BrokerOperations

    func answer(_ request: HTTPRequest, _ unlocked: Unlocked, on loop: any EventLoop) -> EventLoopFuture<HTTPResponse> {
        do throws(KMSError) {
            let now = clock.now
            let body = Array(request.body.readableBytesView)
            let caller = try unlocked.authenticator.authenticate(request, body: body, at: now)
            let target = try OperationTarget(try Self.single(RelayHeader.target, in: request.headers))
            let input = try KMSRequestBody.parse(body)
            let circumstances = Circumstances(now: now, isSecureTransport: request.isSecureTransport)
            if target.prefix == TargetPrefix.kms {
                return kms(target.operation, input, caller, circumstances, unlocked, on: loop)
            }
            guard let operation = BrokerOperation(rawValue: target.operation) else { throw .unknownOperation }
            switch operation {
            case .signBatch:
                let service = service(unlocked)
                return deferred.run(on: loop) {
                    Self.reply { () throws(KMSError) in
                        try service.signBatch(input, caller: caller, keys: unlocked.keys, circumstances: circumstances)
                    }
                }
            case .createPrincipal, .deletePrincipal, .listPrincipals, .putPrincipalPolicy:
                throw .unknownOperation
            case .getStatus:
                try BrokerOperations.authorize(operation, caller: caller, unlocked, circumstances)
                return loop.makeSucceededFuture(Reply.success(BrokerOperations.status(unlocked, at: now)))
            case .getAttestation:
                try BrokerOperations.authorize(operation, caller: caller, unlocked, circumstances)
                return deferred.run(on: loop) { [operations] in
                    Self.reply { () throws(KMSError) in try operations.attestation(input, unlocked) }
                }
            }
        } catch {
            return loop.makeSucceededFuture(Reply.failure(error))
        }
    }

    /// A header that must not be there twice: what was authorised and what is done are one.
    private static func single(_ name: String, in headers: HTTPHeaders) throws(KMSError) -> String? {
        let values = headers[name]
        guard values.count <= 1 else { throw .unknownOperation }
        return values.first
    }

    // MARK: KMS

    private func kms(
        _ operation: String,
        _ input: JSONObject,
        _ caller: Caller,
        _ circumstances: Circumstances,
        _ unlocked: Unlocked,
        on loop: any EventLoop
    ) -> EventLoopFuture<HTTPResponse> {
        let service = service(unlocked)
        let act: @Sendable () -> HTTPResponse = {
            Self.reply { () throws(KMSError) in
                try service.answer(
                    operation,
                    input,
                    caller: caller,
                    keys: unlocked.keys,
                    circumstances: circumstances
                )
            }
        }
        if Self.isSlow(operation, input, unlocked.keys) { return deferred.run(on: loop, act) }
        return loop.makeSucceededFuture(act())
    }

    private func service(_ unlocked: Unlocked) -> KeyService {
        let configuration = unlocked.configured.configuration
        return KeyService(account: configuration.account, region: configuration.region, operations: Self.operations)
    }

    /// Private-key operations that take longer than some 100 µs: RSA and the curves without optimised code.
    private static func isSlow(_ operation: String, _ input: JSONObject, _ keys: KeyTable) -> Bool {
        guard operation == "Sign" || operation == "Verify", let keyID = input["KeyId"]?.string,
            let spec = keys.spec(of: keyID)
        else { return false }
        switch spec {
        case .rsa2048, .rsa3072, .rsa4096: return operation == "Sign"
        case .eccNISTP384, .eccNISTP521, .eccSECGP256K1: return true
        case .eccNISTP256, .eccNISTEdwards25519, .symmetricDefault, .hmac224, .hmac256, .hmac384, .hmac512:
            return false
        }
    }

    private static func reply(_ act: () throws(KMSError) -> JSONObject) -> HTTPResponse {
        do {
            return Reply.success(try act())
        } catch {
            return Reply.failure(error)
        }
    }
}
