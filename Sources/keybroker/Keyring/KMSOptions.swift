// SPDX-License-Identifier: Apache-2.0

import AWSClient
import ArgumentParser
import Foundation

/// Which KMS, and as whom: credentials are found as AWS SDKs find them.
struct KMSOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "KMS endpoint. [default: $AWS_ENDPOINT_URL_KMS, $AWS_ENDPOINT_URL, or AWS's of the key's region]",
            valueName: "URL"
        )
    )
    var kmsEndpoint: String?

    @Option(help: ArgumentHelp("Profile of the shared config and credentials files for KMS."))
    var profile: String?

    /// A client for the KMS of a key, in the region that its ARN names.
    func client(forKey arn: String) throws(CommandFailure) -> KMSClient {
        let parts = arn.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 6, parts[0] == "arn", parts[2] == "kms", parts[5].hasPrefix("key/") else {
            throw .usage("\(arn): expected a key's full ARN, arn:aws:kms:REGION:ACCOUNT:key/ID")
        }
        let environment = ProcessInfo.processInfo.environment
        let suffix = parts[1] == "aws-cn" ? "amazonaws.com.cn" : "amazonaws.com"
        let context = CredentialContext(region: String(parts[3]), clock: SystemClock.now)
        let provider = CredentialProvider(CredentialChain(context, profile: profile))
        return KMSClient(
            endpoint: kmsEndpoint ?? environment["AWS_ENDPOINT_URL_KMS"] ?? environment["AWS_ENDPOINT_URL"]
                ?? "https://kms.\(parts[3]).\(suffix)",
            region: String(parts[3]),
            credentials: { () async throws(CredentialError) in try await provider.credentials() },
            transport: WebTransport(),
            clock: SystemClock.now
        )
    }
}
