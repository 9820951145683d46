// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Synchronization

/// Remembers which certificate chains were verified, so that the next document under them costs one signature.
///
/// A module signs all its documents for three hours with one certificate, and the authorities above that serve many
/// modules for hours to weeks. Without a cache a document of AWS's shape costs five verifications of P-384: four
/// certificates and the document. With one, a known certificate leaves only the document's own, and a new certificate
/// under known authorities two.
///
/// Give one cache to as many verifiers as you like, of whatever policies, from any thread:
///
/// ```swift
/// let cache = VerifiedChainCache()
/// let verifier = try AttestationVerifier(policy: policy, cache: cache)
/// ```
///
/// ## Why it changes no verdict
///
/// Whether a certificate parses, and whether the key of the one before it made its signature, depends on nothing but
/// their bytes. These two answers, and no others, are remembered.
///
/// - **All the bytes are the key**: SHA-384 over every byte of every certificate from the anchor on, each hashed
///   together with the digest of all before it. So a certificate counts as verified only behind the very same
///   authorities. One that was signed with another key, or that has the same content in other bytes (with an ECDSA
///   signature anybody can make a second valid one), is another entry or none, and takes nobody's place.
/// - **The rest is checked at every document**: that the root is an anchor of this policy, the claims, that no
///   certificate stands twice, versions, algorithms, critical extensions, constraints, path lengths, key usages, names,
///   validity of every certificate at the time of verification, and the document's signature. A chain whose authority
///   has expired since is refused like one never seen.
/// - **Only what was accepted gets in**: a chain is remembered after its document passed every check, its signature
///   included.
/// - **It is bounded**: beyond ``capacity`` the entry that was not used for longest is dropped. Whoever has many
///   genuine chains can make others' documents cost what they cost without a cache, and no more.
public final class VerifiedChainCache: Sendable {
    /// Default of ``capacity``: a hundred modules in use at once, with the authorities above them. The bound is ours.
    public static let defaultCapacity = 256

    /// How many chains are remembered at most, beginnings of chains included: a chain of five certificates counts four
    /// (the anchor alone is none). One takes about 10 KB of memory; those it has in common with others, once.
    public let capacity: Int

    private let state = Mutex(State())

    private struct State: Sendable {
        var entries: [ChainIdentifier: Entry] = [:]
        /// Counts uses.
        var clock: UInt64 = 0
    }

    private struct Entry: Sendable {
        let certificates: [Certificate]
        var lastUse: UInt64
    }

    /// Makes an empty cache. A `capacity` of 0 or less remembers nothing.
    public init(capacity: Int = VerifiedChainCache.defaultCapacity) {
        self.capacity = max(0, capacity)
    }

    /// How many chains and beginnings of chains are remembered now: at most ``capacity``.
    public var count: Int { state.withLock { $0.entries.count } }

    /// How many of these certificates, root first, are remembered as a verified chain: 0, or 2 and more.
    package func rememberedCount(of certificates: [[UInt8]]) -> Int {
        longestVerified(of: ChainIdentifier.all(of: certificates)).count
    }

    /// The longest of the chains that was verified, or none.
    ///
    /// `identifiers` are those of one chain, as ``ChainIdentifier/all(of:)`` gives them.
    func longestVerified(of identifiers: [ChainIdentifier]) -> [Certificate] {
        state.withLock { state in
            for identifier in identifiers.reversed() {
                if let entry = state.entries[identifier] { return entry.certificates }
            }
            return []
        }
    }

    /// Remembers a chain and all its beginnings of two certificates and more, or that they were used.
    ///
    /// The caller has verified every signature in it. `certificates` are those that `identifiers` were made of.
    func remember(_ certificates: [Certificate], as identifiers: [ChainIdentifier]) {
        guard capacity > 0, certificates.count == identifiers.count else { return }
        state.withLock { state in
            // The longest first: where space is short, what more documents have in common is the younger.
            for level in identifiers.indices.dropFirst().reversed() {
                state.clock &+= 1
                if state.entries[identifiers[level]] != nil {
                    state.entries[identifiers[level]]?.lastUse = state.clock
                    continue
                }
                if state.entries.count >= capacity,
                    let oldest = state.entries.min(by: { $0.value.lastUse < $1.value.lastUse })
                {
                    state.entries[oldest.key] = nil
                }
                state.entries[identifiers[level]] = Entry(
                    certificates: Array(certificates[...level]),
                    lastUse: state.clock
                )
            }
        }
    }
}

/// Names a chain of certificates by all its bytes.
struct ChainIdentifier: Sendable, Hashable {
    private let digest: [UInt8]

    /// The identifiers of the chains that consist of the first certificate, the first two, and so on.
    ///
    /// Each is SHA-384 of the one before (48 bytes, zeros for the first) and the certificate. The first part has a fixed
    /// length, so nothing can move from one certificate to the next without another digest.
    static func all(of certificates: [[UInt8]]) -> [ChainIdentifier] {
        var previous = [UInt8](repeating: 0, count: HashAlgorithm.sha384.digestLength)
        return certificates.map { certificate in
            previous = Hash.digest(.sha384, previous, certificate)
            return ChainIdentifier(digest: previous)
        }
    }
}
