// SPDX-License-Identifier: Apache-2.0

import Encoding
import Keyring

/// A version of a broker's keyring as an attestation stated it.
struct KeyringSighting: Sendable, Equatable {
    var keyringID: String
    var version: UInt64
    /// 48 bytes.
    var digest: [UInt8]
}

/// How what is seen now continues what was seen last.
enum Continuity: String, Sendable {
    /// Nothing was seen before.
    case first
    case same
    /// A later version, and nothing says that it continues the one last seen.
    case unchecked
    /// A later version that does, by the public views of all versions between.
    case chained

    /// - Parameters:
    ///   - now: What is attested.
    ///   - last: What was seen last of the same keyring.
    ///   - views: Public views, in any order.
    /// - Throws: ``TrustRefusal``: rollback, fork, or a chain that does not hold.
    init(of now: KeyringSighting, after last: KeyringSighting?, views: [KeyringPublicParts]) throws(TrustRefusal) {
        guard let last else {
            self = .first
            return
        }
        guard now.version >= last.version else {
            throw TrustRefusal(
                .rollback,
                "the enclave serves version \(now.version) of keyring \(now.keyringID), and version \(last.version) was "
                    + "seen before: the host gave it an old keyring"
            )
        }
        if now.version == last.version {
            guard now.digest == last.digest else {
                throw TrustRefusal(
                    .fork,
                    "version \(now.version) of keyring \(now.keyringID) was seen with another digest: there are two "
                        + "histories of it, or two brokers of one name (give each a --state of its own)"
                )
            }
            self = .same
        } else if views.isEmpty {
            self = .unchecked
        } else {
            try Self.follow(views, from: last, to: now)
            self = .chained
        }
    }

    /// Each version names the digest of the one before, and its own digest covers that.
    private static func follow(_ views: [KeyringPublicParts], from last: KeyringSighting, to now: KeyringSighting)
        throws(TrustRefusal)
    {
        var links: [UInt64: (previous: [UInt8], digest: [UInt8])] = [:]
        for view in views {
            guard let header = try? view.header() else {
                throw TrustRefusal(.brokenChain, "a protected header among the views is not a keyring's")
            }
            guard header.keyringID == now.keyringID else { continue }
            links[header.version] = (header.previousDigest, view.digest)
        }
        var current = last
        while current.version < now.version {
            let next = current.version + 1
            guard let link = links[next] else {
                throw TrustRefusal(.brokenChain, "the public view of version \(next) is missing")
            }
            guard link.previous == current.digest else {
                throw TrustRefusal(.brokenChain, "version \(next) does not continue version \(current.version)")
            }
            current.version = next
            current.digest = link.digest
        }
        guard current.digest == now.digest else {
            throw TrustRefusal(.brokenChain, "the views lead to another version \(now.version) than the attested one")
        }
    }
}
