// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// Which broker, and as whom, for commands whose `--profile` is the profile of what is signed.
struct SigningBrokerOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The broker's ingress. [default: $AWS_ENDPOINT_URL_KMS, $AWS_ENDPOINT_URL, or http://127.0.0.1:4600]",
            valueName: "URL"
        )
    )
    var endpoint: String?

    @Option(help: ArgumentHelp("Region that requests are signed for. [default: $AWS_REGION or us-east-1]"))
    var region: String?

    @Option(help: ArgumentHelp("Profile of the shared credentials file. [default: $AWS_PROFILE]", valueName: "NAME"))
    var awsProfile: String?

    @Option(
        help: ArgumentHelp(
            "Certificates that the broker's TLS is checked against, as `keybroker trust` writes them. [default: $AWS_CA_BUNDLE, or the system's]",
            valueName: "FILE"
        )
    )
    var caBundle: String?

    /// A session with it; `region` stands in where the user named none.
    func session(region fallback: String? = nil) throws -> BrokerSession {
        BrokerSession(try options(region: fallback))
    }

    /// The same as the options of other commands.
    func options(region fallback: String? = nil) throws -> BrokerOptions {
        var options = try BrokerOptions.parse([])
        options.endpoint = endpoint
        options.region = region ?? fallback
        options.profile = awsProfile
        options.caBundle = caBundle
        return options
    }
}
