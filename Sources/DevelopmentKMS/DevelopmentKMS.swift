// SPDX-License-Identifier: Apache-2.0

package import AccessPolicy
package import Encoding
import KMSProtocol
import KeyService
package import Logging
package import NIOCore
import NIOHTTP1
import NIOPosix
package import NitroAttestation
package import SigV4
package import Transport

/// A KMS for laptops and tests: AWS JSON 1.1 with SigV4, key policies and attested recipients.
///
/// What it refuses, it refuses as AWS KMS does, because programs are developed against it. It is no place for keys that
/// matter: they lie in the memory of an ordinary process, and in plain in its state directory if it has one.
package final class DevelopmentKMS: Sendable {
    package struct Options: Sendable {
        package struct AccessKey: Sendable {
            package var credentials: AWSCredentials
            /// `arn:aws:iam::ACCOUNT:root` makes it the account root.
            package var arn: String
            /// IAM policies of the principal. The root needs none.
            package var policies: [PolicyDocument]

            package init(credentials: AWSCredentials, arn: String, policies: [PolicyDocument] = []) {
                self.credentials = credentials
                self.arn = arn
                self.policies = policies
            }
        }

        package var account: String
        package var region: String
        package var accessKeys: [AccessKey]
        /// Roots of attestation documents; nil: every `Recipient` is refused.
        package var roots: TrustAnchors?
        /// Where keys are kept; nil: in memory alone.
        package var state: StateDirectory?
        /// Makes the ids of new keys, and nothing else, a function of this text and of how many keys were made before.
        package var seed: String?
        package var failures: [FailureRule] = []
        /// Takes each request as a CloudTrail record: one line of JSON, without its end. Called before the response is
        /// sent, by several threads.
        package var trail: (@Sendable (_ line: [UInt8]) -> Void)?

        package init(account: String, region: String, accessKeys: [AccessKey], roots: TrustAnchors?) {
            self.account = account
            self.region = region
            self.accessKeys = accessKeys
            self.roots = roots
        }
    }

    private let responder: Responder

    package init(options: Options, clock: @escaping @Sendable () -> Timestamp, logger: Logger) {
        responder = Responder(
            options: options,
            authenticator: Authenticator(options: options),
            keyStore: KeyStore(options: options, logger: logger),
            recipientVerifier: RecipientVerifier(roots: options.roots),
            failures: FailureInjector(options.failures),
            clock: clock,
            logger: logger
        )
    }

    /// Operations that are offered.
    package static let operations =
        KeyService.readOperations.union(KeyService.encryptionOperations).union(KeyService.changeOperations)
        .union([KeyService.randomOperation])

    /// Serves until ``HTTPServer/shutdown(grace:)``.
    package func serve(on endpoint: Endpoint, group: any EventLoopGroup) async throws -> HTTPServer {
        let responder = responder
        return try await HTTPServer.start(on: endpoint, group: group, limits: Self.limits) { request, eventLoop in
            // Cryptography, an RSA key pair most of all, is nothing for an event loop.
            let pool = NIOThreadPool.singleton
            return pool.runIfActive(eventLoop: eventLoop) { responder.respond(to: request) }.flatMap { reply in
                switch reply {
                case .now(let response): eventLoop.makeSucceededFuture(response)
                case .later(let milliseconds, let act):
                    eventLoop.flatScheduleTask(in: .milliseconds(milliseconds)) {
                        pool.runIfActive(eventLoop: eventLoop, act)
                    }.futureResult
                case .never:
                    eventLoop.scheduleTask(in: Self.silence) { HTTPResponse(status: .gatewayTimeout) }.futureResult
                }
            }
        }
    }

    /// What never is: longer than any client waits.
    private static let silence = TimeAmount.hours(24)

    /// The greatest request is a `Decrypt` with an attestation document of the greatest length.
    private static let limits = HTTPLimits(bodyLength: KMSLimits.requestBody)
}
