// SPDX-License-Identifier: Apache-2.0

import AWSClient
import ArgumentParser
import Foundation

/// Which KMS, and as whom. Credentials are those of the environment or the shared credentials file.
struct KMSOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "KMS endpoint. [default: $AWS_ENDPOINT_URL_KMS, $AWS_ENDPOINT_URL, or AWS's of the key's region]",
            valueName: "URL"
        )
    )
    var kmsEndpoint: String?

    @Option(help: ArgumentHelp("Profile of the shared credentials file for KMS."))
    var profile: String?

    /// A client for the KMS of a key, in the region that its ARN names.
    func client(forKey arn: String) throws(CommandFailure) -> KMSClient {
        let parts = arn.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 6, parts[0] == "arn", parts[2] == "kms", parts[5].hasPrefix("key/") else {
            throw .usage("\(arn): expected a key's full ARN, arn:aws:kms:REGION:ACCOUNT:key/ID")
        }
        let environment = ProcessInfo.processInfo.environment
        let suffix = parts[1] == "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com"
        do {
            return KMSClient(
                endpoint: kmsEndpoint ?? environment["AWS_ENDPOINT_URL_KMS"] ?? environment["AWS_ENDPOINT_URL"]
                    ?? "https://kms.\(parts[3]).\(suffix)",
                region: String(parts[3]),
                credentials: try CredentialChain.resolve(environment: environment, profile: profile),
                transport: WebTransport(),
                clock: SystemClock.now
            )
        } catch {
            throw .failed(error.description)
        }
    }
}
