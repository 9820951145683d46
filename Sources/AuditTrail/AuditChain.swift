// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding

/// Events in their order, each of whose digests covers the one before:
/// `digest = SHA-256(canonical payload ‖ previous digest)`, where the first has no previous digest.
///
/// The digest covers payloads and their order, and nothing else of a record; neither does it tell whether events are
/// missing at the end.
package struct AuditChain: Sendable {
    /// Bytes of a SHA-256 digest.
    package static let digestLength = 32

    /// What kind of files the events come from.
    package enum Layout: String, Sendable {
        /// Records of the ILLUVRSE Go kernel's file store, which claim their hashes. Their form is
        /// ``CanonicalForm/goKernel``.
        case goKernelArchive = "illuvrse-go"
        /// Payloads alone.
        case plain = "plain"
    }

    package let events: [AuditEvent]
    package let layout: Layout

    /// Events in the order given.
    package init(_ events: [AuditEvent]) {
        self.events = events
        layout = .plain
    }

    private init(archived events: [AuditEvent]) {
        self.events = events
        layout = .goKernelArchive
    }

    /// Reads a chain from files: each one event, a JSON array of events, or one event a line.
    ///
    /// Archived records are put into the order that their hashes claim, whatever the order of files; plain events keep
    /// the order of files and in them. Nothing is hashed here: ``verifiedDigests(_:)`` does that.
    ///
    /// - Throws: `AuditTrailError`; for archived records also if they are not exactly one unforked chain from its first
    ///   event on.
    package static func load(files: [(name: String, bytes: [UInt8])]) throws(AuditTrailError) -> AuditChain {
        var events: [AuditEvent] = []
        var isArchive: Bool?
        for file in files {
            for (event, isArchived) in try AuditFiles.read(file.bytes, name: file.name) {
                guard isArchive ?? isArchived == isArchived else { throw .mixedLayouts(source: event.source) }
                isArchive = isArchived
                guard events.count < AuditLimits.events else { throw .tooManyEvents }
                events.append(event)
            }
        }
        guard let isArchive else { throw .noEvents }
        return isArchive ? AuditChain(archived: try ordered(events)) : AuditChain(events)
    }

    /// The digest of each event. What records claim is not looked at.
    ///
    /// - Throws: `notCanonical` for a payload that the form cannot say.
    package func digests(_ form: CanonicalForm) throws(AuditTrailError) -> [[UInt8]] {
        var digests: [[UInt8]] = []
        digests.reserveCapacity(events.count)
        for event in events {
            digests.append(try Self.digest(of: event, after: digests.last, form: form))
        }
        return digests
    }

    /// The digest of each event, equal to the hash that its record claims, where it does.
    ///
    /// - Throws: `hashMismatch` for the first that differs: another payload, another order, or another form.
    package func verifiedDigests(_ form: CanonicalForm) throws(AuditTrailError) -> [[UInt8]] {
        let digests = try digests(form)
        for (event, digest) in zip(events, digests) {
            guard event.recordedHash ?? digest == digest else { throw .hashMismatch(source: event.source) }
        }
        return digests
    }

    /// The digest of one event after another.
    package static func digest(
        of event: AuditEvent,
        after previous: [UInt8]?,
        form: CanonicalForm
    ) throws(AuditTrailError) -> [UInt8] {
        do {
            return Hash.digest(.sha256, try form.encode(event.payload), previous ?? [])
        } catch {
            throw .notCanonical(source: event.source, error)
        }
    }

    /// Follows the claimed hashes from the event that claims no predecessor.
    private static func ordered(_ events: [AuditEvent]) throws(AuditTrailError) -> [AuditEvent] {
        var first: AuditEvent?
        var hashes: Set<[UInt8]> = []
        var successors: [[UInt8]: AuditEvent] = [:]
        for event in events {
            guard hashes.insert(event.recordedHash ?? []).inserted else { throw .duplicateHash(source: event.source) }
            if let previous = event.recordedPreviousHash {
                guard successors.updateValue(event, forKey: previous) == nil else { throw .fork(source: event.source) }
            } else {
                guard first == nil else { throw .severalFirstEvents(source: event.source) }
                first = event
            }
        }
        guard let first else { throw .noFirstEvent }
        var chain = [first]
        while let hash = chain.last?.recordedHash, let next = successors.removeValue(forKey: hash) {
            chain.append(next)
        }
        // In the order of the files, so that the message does not change from run to run.
        let left = Set(successors.values.compactMap(\.recordedHash))
        if let lost = events.first(where: { left.contains($0.recordedHash ?? []) }) {
            throw .missingPredecessor(source: lost.source)
        }
        return chain
    }
}
