// SPDX-License-Identifier: Apache-2.0

package import Encoding

extension BrokerConfiguration {
    /// Every rule that is about values rather than JSON. The first broken one, by the member's path.
    package func validate() throws(JSONFieldError) {
        try require(BrokerIdentifier.isValid(brokerID), "brokerId", Self.identifierRule)
        try require(AWSIdentifier.isAccount(account), "account", "twelve digits")
        try require(AWSIdentifier.isRegion(region), "region", "a region such as us-east-1")
        try require(mode == Self.serveMode, "mode", "this version knows only \"serve\"")
        try require(AWSIdentifier.isKeyARN(kms.keyARN), "kms.keyArn", "the full ARN of a KMS key, not an alias")
        try require(kms.channel == Self.relayChannel, "kms.channel", "this version knows only \"relay\"")
        try require(kms.endpoint == nil, "kms.endpoint", "only with the channel \"tls\": the host chooses in \"relay\"")
        try require(Self.ciphertextLength.contains(tsk.ciphertext.count), "tsk.ciphertext", "1 to 6144 bytes")
        try validateContext()
        try require(tsk.commitment.count == Self.commitmentLength, "tsk.commitment", "48 bytes in hex")
        try require(tsk.born == Self.bornOffline, "tsk.born", "this version knows only \"offline\"")
        try require(BrokerIdentifier.isValid(keyringID), "keyringId", Self.identifierRule)
        try require(
            minimumKeyringVersion >= 1 && minimumKeyringVersion <= UInt64(Int64.max),
            "minimumKeyringVersion",
            "at least 1"
        )
        try require((1...Self.maximumHosts).contains(hosts.count), "hosts", "1 to \(Self.maximumHosts) names")
        for (index, host) in hosts.enumerated() {
            try require(Self.isHost(host), "hosts[\(index)]", "a host name or address, with a port or without")
        }
        if ingressTLS { try validateNames() }
    }

    private static let identifierRule = "1 to 64 characters of A-Z a-z 0-9 . _ -"

    /// Clients are told to trust the enclave's certificate for whatever it names. So it must never name what somebody
    /// else can have.
    private func validateNames() throws(JSONFieldError) {
        for (index, host) in hosts.enumerated() {
            let path = "hosts[\(index)]"
            guard let name = IngressName(host: host) else {
                throw JSONFieldError(
                    path: path,
                    problem: .invalid(reason: "with ingress.tls, a host name or an address (IPv6 in brackets)")
                )
            }
            try require(
                name.isPrivate,
                path,
                "\(name) is public, and clients that trust the enclave's certificate must not trust it for a public name: "
                    + "use a private address, a name of one label, or one under \(Self.someDomains)"
            )
        }
    }

    private static let someDomains = IngressName.privateDomains.map { "." + $0 }.joined(separator: ", ")

    private func validateContext() throws(JSONFieldError) {
        let context = tsk.encryptionContext
        try require(
            context.count <= Self.maximumEncryptionContextEntries,
            "tsk.encryptionContext",
            "at most \(Self.maximumEncryptionContextEntries) entries"
        )
        try require(!context.keys.contains(""), "tsk.encryptionContext", "names are not empty")
    }

    private func require(_ holds: Bool, _ path: String, _ rule: String) throws(JSONFieldError) {
        if !holds { throw JSONFieldError(path: path, problem: .invalid(reason: rule)) }
    }

    /// The characters of a Host header (RFC 9110 section 7.2): a name, an address, brackets and a port. 255 bytes are
    /// a name's most (RFC 1035 section 2.3.4), 6 a port's with its colon.
    private static func isHost(_ text: String) -> Bool {
        guard (1...261).contains(text.utf8.count) else { return false }
        return text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"):
                true
            default: false
            }
        }
    }
}
