// SPDX-License-Identifier: Apache-2.0

import Dispatch
import Synchronization

/// HTTP(S) by libcurl: transport only, signatures are made here. Blocking calls run on a few threads of their own, each
/// with a handle that keeps its connections open.
///
/// Redirects are not followed, proxies of the environment not used, certificates and names always checked.
package final class WebTransport: Sendable {
    /// Calls at the same time.
    static let maximumWorkers = 4
    /// Calls that wait for a worker; more are refused.
    static let maximumWaiting = 256

    /// Makes a call, and returns what hands its result over: done once the handle is free again, so that whoever waits
    /// for one call before the next meets the same connection.
    private typealias Job = @Sendable (CurlHandle?) -> @Sendable () -> Void

    private struct Pool {
        var idle: [CurlHandle] = []
        var workers = 0
        var waiting: [Job] = []
    }

    private let limits: CurlHandle.Limits
    private let pool = Mutex(Pool())
    private let queue = DispatchQueue(label: "keybroker.web", attributes: .concurrent)

    /// - Parameters:
    ///   - timeoutSeconds: for the whole of a call once it has a worker, connecting included.
    ///   - maximumResponseLength: bytes of a body.
    ///   - certificateAuthorityFile: PEM bundle instead of the system's.
    ///   - pinnedKeyDigest: SHA-256 of the SPKI of the only key that a TLS server may have; certificates are checked too.
    package init(
        timeoutSeconds: Int = 10,
        maximumResponseLength: Int = 1 << 20,
        certificateAuthorityFile: String? = nil,
        pinnedKeyDigest: [UInt8]? = nil
    ) {
        limits = CurlHandle.Limits(
            timeoutSeconds: timeoutSeconds,
            responseLength: maximumResponseLength,
            certificateAuthorityFile: certificateAuthorityFile,
            pinnedKeyDigest: pinnedKeyDigest
        )
    }

    /// Sends `body` and returns the answer, of any status.
    package func post(
        _ url: String,
        headers: [(name: String, value: String)],
        body: [UInt8]
    ) async throws(WebError) -> WebResponse {
        try await perform(.post, url, headers: headers, body: body)
    }

    /// The same with PUT.
    package func put(
        _ url: String,
        headers: [(name: String, value: String)],
        body: [UInt8]
    ) async throws(WebError) -> WebResponse {
        try await perform(.put, url, headers: headers, body: body)
    }

    /// Asks for `url` and returns the answer, of any status.
    package func get(_ url: String, headers: [(name: String, value: String)]) async throws(WebError) -> WebResponse {
        try await perform(.get, url, headers: headers, body: [])
    }

    private func perform(
        _ method: CurlHandle.Method,
        _ url: String,
        headers: [(name: String, value: String)],
        body: [UInt8]
    ) async throws(WebError) -> WebResponse {
        let result: Result<WebResponse, WebError> = await withCheckedContinuation { continuation in
            enqueue { handle in
                let result =
                    handle?.perform(method, url, headers: headers, body: body)
                    ?? .failure(WebError.unreachable("too many requests wait"))
                return { continuation.resume(returning: result) }
            }
        }
        return try result.get()
    }

    /// Runs `job` on a worker; at once and without a handle if it cannot be.
    private func enqueue(_ job: @escaping Job) {
        enum Decision { case start, wait, refuse }
        let decision = pool.withLock { pool in
            if pool.workers < Self.maximumWorkers {
                pool.workers += 1
                return Decision.start
            }
            guard pool.waiting.count < Self.maximumWaiting else { return .refuse }
            pool.waiting.append(job)
            return .wait
        }
        switch decision {
        case .start: queue.async { self.work(job) }
        case .wait: break
        case .refuse: job(nil)()
        }
    }

    /// The loop of a worker: until nothing waits.
    private func work(_ first: @escaping Job) {
        // The handle used last is used first: its connection is the one most likely still open.
        let handle = pool.withLock { $0.idle.popLast() } ?? CurlHandle(limits)
        var next: Job? = first
        while let job = next {
            let handOver = job(handle)
            next = pool.withLock { pool in
                guard pool.waiting.isEmpty else { return pool.waiting.removeFirst() }
                pool.workers -= 1
                if let handle { pool.idle.append(handle) }
                return nil
            }
            handOver()
        }
    }
}
