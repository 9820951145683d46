// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Cryptography
import DevelopmentKMS
import Encoding
import Logging
import NIOCore
import NIOPosix
import NitroAttestation
import SigV4
import Transport

struct KMSCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kms",
        abstract: "A development KMS that verifies attestation.",
        subcommands: [KMSServeCommand.self]
    )
}

struct KMSServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Serve the AWS KMS API on this machine.",
        discussion: """
            Requests carry SigV4. Decrypt, GenerateDataKey and GenerateRandom take a
            Recipient: the attestation document is verified against --root, the key
            policy is evaluated with its PCRs (kms:RecipientAttestation:*), and the answer
            is encrypted to the attested key, as AWS KMS does. It is for development only:
            keys lie in memory, and in plain in the --state directory. Without one,
            nothing is kept when it stops.

              keybroker kms serve --root module/root.pem
              AWS_ENDPOINT_URL_KMS=http://127.0.0.1:4599 AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test \\
                AWS_DEFAULT_REGION=us-east-1 aws kms create-key

            --fail makes requests fail on purpose, the same ones in each run. A rule is
            OPERATION=FAILURE[:COUNT][%PERCENT]; OPERATION is a name or *, and FAILURE is

              throttle      ThrottlingException
              error:NAME    the error of this name
              delay:MS      the answer comes so many milliseconds late
              silence       the request is taken and never answered

            COUNT ends the rule after so many failures; PERCENT spreads them evenly. Rules
            are asked in their order, delays add up, and the first other rule that
            applies decides.

              --fail Decrypt=throttle:2                 the first two
              --fail Sign=error:KMSInternalException%10 one in ten
              --fail Decrypt=delay:500 --fail '*=silence'

            docs/reference/development-kms.md says more.
            """
    )

    @Option(help: ArgumentHelp("Where to listen.", valueName: "HOST:PORT"))
    var listen = "127.0.0.1:4599"

    @OptionGroup var root: RootOptions

    @Option(help: ArgumentHelp("The account of all keys, 12 digits.", valueName: "ID"))
    var account = "000000000000"

    @Option(help: ArgumentHelp("The region of all keys.", valueName: "NAME"))
    var region = "us-east-1"

    @Option(
        name: .customLong("access-key"),
        help: ArgumentHelp(
            "An access key that is accepted; its principal is ARN, or the account root. May be repeated. [default: test:test]",
            valueName: "ID:SECRET[=ARN]"
        )
    )
    var accessKeys: [String] = []

    @Option(help: ArgumentHelp("Keep the keys in this directory, in plain. Made if it is not there.", valueName: "DIR"))
    var state: String?

    @Option(
        help: ArgumentHelp("Make the ids of new keys a function of this text and their number.", valueName: "TEXT")
    )
    var seed: String?

    @Option(
        help: ArgumentHelp(
            "Append each request as a CloudTrail record, one line of JSON; - is standard output.",
            valueName: "FILE"
        )
    )
    var log: String?

    @Option(
        name: .customLong("fail"),
        help: ArgumentHelp("Make requests fail on purpose; see above. May be repeated.", valueName: "RULE")
    )
    var failures: [String] = []

    func run() async throws {
        var options = DevelopmentKMS.Options(
            account: account,
            region: region,
            accessKeys: try (accessKeys.isEmpty ? ["test:test"] : accessKeys).map(accessKey),
            roots: try root.anchors()
        )
        options.seed = seed
        options.failures = try failures.map(failureRule)
        if let log {
            let file = try TrailFile(log)
            options.trail = { file.write($0) }
        }
        let endpoint: Endpoint
        do {
            endpoint = try Endpoint("tcp://" + listen)
        } catch {
            throw CommandFailure.usage("--listen \(listen): \(error)")
        }
        if let state { options.state = try stateDirectory(state) }
        var logger = Logger(label: "kms") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .info
        let kms = DevelopmentKMS(options: options, clock: SystemClock.now, logger: logger)
        let server: HTTPServer
        do {
            server = try await kms.serve(on: endpoint, group: MultiThreadedEventLoopGroup.singleton)
        } catch {
            throw CommandFailure.failed("cannot listen on \(listen): \(error)")
        }
        let greeting = "kms: serving account \(account), region \(region) on \(server.endpoint.httpURL)"
        // Standard output may be the log, which is JSON throughout.
        if log == "-" { Console.error(greeting) } else { Console.line(greeting) }
        await Signals.interruption()
        await server.shutdown(grace: .seconds(2))
    }

    private func failureRule(_ text: String) throws(CommandFailure) -> FailureRule {
        do { return try FailureRule(text) } catch { throw .usage("--fail \(text): \(error)") }
    }

    private func stateDirectory(_ path: String) throws(CommandFailure) -> StateDirectory {
        do {
            return try StateDirectory(path: path, account: account, region: region)
        } catch {
            throw .failed("--state: \(error)")
        }
    }

    private func accessKey(_ text: String) throws(CommandFailure) -> DevelopmentKMS.Options.AccessKey {
        let (pair, arn) = split(text, at: "=")
        let (identifier, secret) = split(pair, at: ":")
        guard account.count == 12, account.allSatisfy(\.isASCII), account.allSatisfy(\.isNumber) else {
            throw .usage("--account \(account): expected 12 digits")
        }
        guard !identifier.isEmpty, let secret, !secret.isEmpty else {
            throw .usage("--access-key: expected ID:SECRET or ID:SECRET=ARN")
        }
        do {
            return .init(
                credentials: try AWSCredentials(accessKeyID: identifier, secret: secret),
                arn: arn ?? "arn:aws:iam::\(account):root"
            )
        } catch {
            throw .failed("no memory for secrets: \(error.code.rawValue)")
        }
    }

    private func split(_ text: String, at separator: Character) -> (String, String?) {
        guard let index = text.firstIndex(of: separator) else { return (text, nil) }
        return (String(text[..<index]), String(text[text.index(after: index)...]))
    }
}

extension AWSCredentials {
    init(accessKeyID: String, secret: String) throws(CryptographyError) {
        var bytes = Array(secret.utf8)
        self.init(accessKeyID: accessKeyID, secretAccessKey: SharedSecret(try SecretBytes(movingFrom: &bytes)))
    }
}

extension Endpoint {
    /// `http://127.0.0.1:4599` for a TCP endpoint.
    var httpURL: String {
        guard case .tcp(let host, let port) = self else { return description }
        return host.contains(":") ? "http://[\(host)]:\(port)" : "http://\(host):\(port)"
    }
}
