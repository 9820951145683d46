// SPDX-License-Identifier: Apache-2.0

package import Encoding

/// What is read at most: bounds for memory, far above what the systems in use write.
package enum AuditLimits: Sendable {
    /// Bytes of one event, or of one document.
    package static let valueLength = 16 << 20
    /// Nested arrays and objects of one event.
    package static let depth = 64
    /// Events that are put in order, all in memory at once.
    package static let sortedEvents = 1_000_000
    /// Chains in one input, of profiles with a chain for each actor.
    package static let actors = 100_000
    /// Findings that a report lists; it counts the rest.
    package static let findings = 100
    /// The last digests that a verification remembers, to tell forks and duplicates from gaps.
    package static let recentDigests = 4096
    /// Bytes of a registry of signers, attestations included.
    package static let registryLength = 4 << 20

    package static let json = JSONLimits(totalLength: valueLength, depth: depth)
}
