// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import KMSProtocol
import KeyService
import Logging
import Synchronization

/// The keys: in memory, and in a state directory if there is one. Reading never waits for a change that is being made.
final class KeyStore: Sendable {
    private let service: KeyService
    private let directory: StateDirectory?
    private let logger: Logger
    private let current: Mutex<StateDirectory.Contents>
    /// Held while a change is made, so that no change is built on a table that another one replaces.
    private let changing = Mutex<Void>(())

    init(options: DevelopmentKMS.Options, logger: Logger) {
        let initial =
            options.state?.initial
            ?? .init(keys: KeyTable(account: options.account, region: options.region), created: 0)
        let numbering = Numbering(created: initial.created)
        directory = options.state
        self.logger = logger
        self.numbering = numbering
        current = Mutex(initial)
        service = KeyService(
            account: options.account,
            region: options.region,
            operations: DevelopmentKMS.operations,
            plaintextNeedsTLS: false,
            keyIDs: options.seed.map { Self.keyIDs(seed: $0, numbering) }
        )
    }

    private static func keyIDs(seed: String, _ numbering: Numbering) -> KeyService.KeyIDSource {
        { () throws(CryptographyError) in try keyID(seed: seed, number: numbering.next) }
    }

    /// Which key is the next one.
    private let numbering: Numbering

    private final class Numbering: Sendable {
        private let created: Mutex<Int64>

        init(created: Int64) { self.created = Mutex(created) }

        var next: Int64 { created.withLock { $0 &+ 1 } }
        func advance() { created.withLock { $0 &+= 1 } }
    }

    /// The response; nil for an empty body.
    func perform(
        _ operation: String,
        _ input: JSONObject,
        caller: Caller,
        circumstances: Circumstances
    ) throws(KMSError) -> JSONObject? {
        try removeKeysDue(at: circumstances.now)
        guard KeyService.changeOperations.contains(operation) else {
            return try service.answer(
                operation,
                input,
                caller: caller,
                keys: keys,
                circumstances: circumstances
            )
        }
        return try changing.withLock { _ throws(KMSError) in
            let change = try service.change(
                operation,
                input,
                caller: caller,
                keys: keys,
                circumstances: circumstances
            )
            try replace(change.keys, isNewKey: operation == "CreateKey")
            return change.output
        }
    }

    /// The ARN of the key that a request names, if there is such a key.
    func arn(of keyID: String) -> String? { (try? keys.resolve(keyID))?.key.arn }

    private var keys: KeyTable { current.withLock { $0.keys } }

    /// Deletes the keys whose waiting period is over.
    private func removeKeysDue(at now: Timestamp) throws(KMSError) {
        guard keys.withoutKeysDue(at: now) != nil else { return }
        try changing.withLock { _ throws(KMSError) in
            guard let remaining = keys.withoutKeysDue(at: now) else { return }
            try replace(remaining, isNewKey: false)
        }
    }

    /// First on disk, then in memory: what somebody was told is there after a crash.
    private func replace(_ keys: KeyTable, isNewKey: Bool) throws(KMSError) {
        var next = current.withLock { $0 }
        next.keys = keys
        if isNewKey { next.created &+= 1 }
        do {
            try directory?.store(next)
        } catch {
            logger.error("a change was not stored: \(error)")
            throw KMSError("KMSInternalException", "The change was not stored.")
        }
        if isNewKey { numbering.advance() }
        current.withLock { $0 = next }
    }

    /// The first 16 bytes of SHA-256 of the seed, a zero byte and the number in decimal, made a UUID (version 4, whose
    /// bits are not random here: clients know key ids of that version).
    static func keyID(seed: String, number: Int64) throws(CryptographyError) -> String {
        let digest = Hash.digest(.sha256, [UInt8](seed.utf8) + [0] + [UInt8](String(number).utf8))
        return try KeyService.makeKeyID { count throws(CryptographyError) in Array(digest.prefix(count)) }
    }
}
