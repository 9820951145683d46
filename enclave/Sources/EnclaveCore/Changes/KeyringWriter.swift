// SPDX-License-Identifier: Apache-2.0

import Encoding
import KMSProtocol
import KeyService
import Keyring
import NIOPosix

/// The one writer of the keyring. One change at a time: authorised and worked out on the current version, sealed as the
/// next, stored by the host, put in the current one's place, and then only acknowledged.
///
/// While the host has not said whether a version is stored, no other change starts. Reads and signatures go on, on the
/// version before.
actor KeyringWriter {
    /// The response's members; nil: an empty body.
    typealias Answer = Result<JSONObject?, KMSError>

    private struct Job {
        let id: UInt64
        let request: ChangeRequest
        /// Nil once it was answered.
        var continuation: CheckedContinuation<Answer, Never>?

        mutating func finish(_ answer: Answer) { continuation.take()?.resume(returning: answer) }
    }

    private let state: StateCell
    private let clock: TrustedClock
    private let threads: NIOThreadPool
    private let log: EnclaveLog
    /// After this a client is told that its change may or may not be made.
    private let patience: Duration
    /// How long the answer to a repeated change is held.
    private let repeatPause: Duration

    private var ledger: ChangeLedger?
    private var waiting: [Job] = []
    private var current: Job?
    /// The client of the current change was told that nobody knows.
    private var isOverdue = false
    private var isStopped = false
    private var lastID: UInt64 = 0
    private var worker: Task<Void, Never>?

    init(
        state: StateCell,
        clock: TrustedClock,
        threads: NIOThreadPool,
        patience: Duration,
        repeatPause: Duration,
        log: EnclaveLog
    ) {
        self.state = state
        self.clock = clock
        self.threads = threads
        self.patience = patience
        self.repeatPause = repeatPause
        self.log = log
    }

    /// Makes a change, after those that came before. Answers in any case, at the latest when patience ends.
    ///
    /// The refusal of a change that was made already with this date is held for a second: then whoever tries again signs
    /// with another date, however soon that is. Nothing waits for it meanwhile.
    func perform(_ request: ChangeRequest) async -> Answer {
        let answer = await queue(request)
        if case .failure(let error) = answer, error == .repeatedChange { try? await Task.sleep(for: repeatPause) }
        return answer
    }

    private func queue(_ request: ChangeRequest) async -> Answer {
        guard !isStopped, !isOverdue else { return .failure(.otherChangePending) }
        guard waiting.count < EnclaveLimits.waitingChanges else { return .failure(.throttled) }
        lastID += 1
        let id = lastID
        let watch = Task {
            guard (try? await Task.sleep(for: patience)) != nil else { return }
            losePatience(with: id)
        }
        defer { watch.cancel() }
        return await withCheckedContinuation { continuation in
            waiting.append(Job(id: id, request: request, continuation: continuation))
            if worker == nil { worker = Task { await work() } }
        }
    }

    /// Begins no further change, and asks the host once at most about the one that is under way: whether it was stored,
    /// the next start will see.
    func stop() {
        isStopped = true
        worker?.cancel()
    }

    /// Waits until the last change has ended; after ``stop()``, and once the relay is closed.
    func ended() async { await worker?.value }

    // MARK: One at a time

    private func work() async {
        while !waiting.isEmpty {
            current = waiting.removeFirst()
            if let request = current?.request {
                let answer = Task.isCancelled ? .failure(.otherChangePending) : await make(request)
                isOverdue = false
                current?.finish(answer)
            }
            current = nil
        }
        worker = nil
    }

    /// The clients of what waits behind an overdue change are told at once that theirs was not made.
    private func losePatience(with id: UInt64) {
        if current?.id == id {
            isOverdue = true
            current?.finish(.failure(.changePending))
            for index in waiting.indices { waiting[index].finish(.failure(.otherChangePending)) }
            waiting.removeAll()
        } else if let index = waiting.firstIndex(where: { $0.id == id }) {
            waiting[index].finish(.failure(.otherChangePending))
            waiting.remove(at: index)
        }
    }

    // MARK: One change

    private func make(_ request: ChangeRequest) async -> Answer {
        guard case .unlocked(let unlocked) = state.current else { return .failure(state.current.unavailable) }
        let sender = request.sender
        let resource = request.resource(in: unlocked)
        var ledger = ledger ?? ChangeLedger(start: clock.start, lastChange: unlocked.contents.lastChange)
        do throws(KMSError) {
            if let resource {
                try ledger.check(resource, signedAt: sender.signedAt, mark: sender.mark)
            }
            let outcome = try await plan(request, on: unlocked)
            try await store(outcome.sealed, with: unlocked.store)
            state.advance(to: outcome.next)
            if let resource {
                ledger.accept(resource, signedAt: sender.signedAt, mark: sender.mark)
            }
            self.ledger = ledger
            log.info(
                "keyring changed",
                [
                    ("operation", .string(request.name)),
                    ("keyringVersion", .number(JSONNumber(Int64(clamping: outcome.sealed.header.version)))),
                    ("keyringDigest", .string(Hex.encode(outcome.sealed.digest))),
                ]
            )
            return .success(outcome.output)
        } catch {
            return .failure(error)
        }
    }

    private func plan(_ request: ChangeRequest, on unlocked: Unlocked) async throws(KMSError) -> ChangePlanning.Outcome
    {
        let now = clock.now
        do {
            return try await threads.runIfActive { try ChangePlanning.plan(request, on: unlocked, at: now) }
        } catch let error as KMSError {
            throw error
        } catch {
            throw .otherChangePending
        }
    }

    private func store(_ keyring: SealedKeyring, with store: KeyringStore) async throws(KMSError) {
        do {
            try await store.store(keyring)
        } catch .conflict {
            let failure = TerminalFailure(
                .keyringConflict,
                "the host refuses version \(keyring.header.version) of the keyring: it has another one"
            )
            state.enter(.failed(Failed(failure: failure)))
            log.error("failed until restart: \(failure.detail)", [("reason", .string(failure.code.rawValue))])
            throw state.current.unavailable
        } catch {
            throw .changePending
        }
    }
}

extension KMSError {
    /// HTTP 500, which every SDK tries again.
    fileprivate static let changePending = KMSError(
        "DependencyTimeoutException",
        "The change may or may not have been made: the host has not said that it is stored. Look before you try again."
    )

    fileprivate static let otherChangePending = KMSError(
        "DependencyTimeoutException",
        "Nothing was changed: the host has not said whether the change before this one is stored. Try again."
    )
}
