// SPDX-License-Identifier: Apache-2.0

import Cryptography
import NIOPosix

/// RSA-2048 keys for one unwrap each, made ahead in the background: an RSA key takes some 150 ms, and up to a second.
///
/// One key, one document, one answer: so that a host which replays or alters envelopes learns nothing from trying again.
actor RecipientKeys {
    /// What real KMS clients use; KMS's answer to longer keys is not documented.
    private static let algorithm = KeyAlgorithm.rsa(bits: 2048)

    /// A key as ``take()`` hands them out.
    static let generate: @Sendable () throws(CryptographyError) -> PrivateKey = { () throws(CryptographyError) in
        try PrivateKey.generate(algorithm)
    }

    private let threads: NIOThreadPool
    private let make: @Sendable () throws(CryptographyError) -> PrivateKey
    private var next: Task<PrivateKey, any Error>?

    init(threads: NIOThreadPool, make: @escaping @Sendable () throws(CryptographyError) -> PrivateKey) {
        self.threads = threads
        self.make = make
    }

    /// Begins to make a key if none is under way.
    func prepare() {
        guard next == nil else { return }
        next = Task { [threads, make] in
            try await threads.runIfActive { try make() }
        }
    }

    /// Hands out a key that was never handed out. The next is made when it is asked for: a boot that succeeds needs one
    /// only, and its processor for other things.
    ///
    /// - Returns: The key; whoever has it lets go of it after one use, and OpenSSL wipes it.
    /// - Throws: ``TerminalFailure`` if none can be made.
    func take() async throws(TerminalFailure) -> PrivateKey {
        prepare()
        let pending = next
        next = nil
        do {
            guard let key = try await pending?.value else {
                throw TerminalFailure(.cryptography, "no recipient key")
            }
            return key
        } catch {
            throw TerminalFailure(.cryptography, "no recipient key")
        }
    }

    /// No more keys are needed.
    func discard() {
        next?.cancel()
        next = nil
    }
}
