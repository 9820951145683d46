// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import KMSProtocol
import NIOCore
import NIOHTTP1
import Transport

/// Which request goes where, and what is answered in a state that cannot serve it. Changes nothing.
struct Router: Sendable {
    let state: StateCell
    let service: ServiceEndpoint
    let publicEndpoints: PublicEndpoints

    func answer(_ request: HTTPRequest, on loop: any EventLoop) -> EventLoopFuture<HTTPResponse> {
        let state = state.current
        if case .unlocked(let unlocked) = state {
            // A connection in clear that was open before the enclave unlocked: nothing of it is served any more.
            guard unlocked.tls == nil || request.isSecureTransport else {
                return loop.makeSucceededFuture(Reply.failure(.badRequest, Self.needsTLS))
            }
            // Nearly all requests, and nothing to take apart.
            if request.target == BrokerPath.api, request.method == .POST {
                return service.answer(request, unlocked, on: loop)
            }
        }
        let parts = request.target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let path = parts.first.map(String.init) ?? ""
        let query = parts.count > 1 ? parts[1] : ""
        switch path {
        case BrokerPath.api:
            guard request.method == .POST else { return wrongMethod(loop) }
            guard case .unlocked(let unlocked) = state else { return refused(state.unavailable, loop) }
            return service.answer(request, unlocked, on: loop)
        case BrokerPath.health:
            guard request.method == .GET else { return wrongMethod(loop) }
            return loop.makeSucceededFuture(PublicEndpoints.health(state))
        case BrokerPath.attestation:
            guard request.method == .GET else { return wrongMethod(loop) }
            guard case .unlocked(let unlocked) = state else {
                return loop.makeSucceededFuture(Reply.failure(.serviceUnavailable, state.unavailable))
            }
            return publicEndpoints.attestation(query: query, unlocked, on: loop)
        default:
            return loop.makeSucceededFuture(Reply.failure(.notFound, .unknownOperation))
        }
    }

    private static let needsTLS = KMSError(
        "KeyUnavailableException",
        "This endpoint speaks TLS only since the key broker is unlocked: connect again, with https."
    )

    private func refused(_ error: KMSError, _ loop: any EventLoop) -> EventLoopFuture<HTTPResponse> {
        loop.makeSucceededFuture(Reply.failure(error))
    }

    private func wrongMethod(_ loop: any EventLoop) -> EventLoopFuture<HTTPResponse> {
        loop.makeSucceededFuture(Reply.failure(.methodNotAllowed, .unknownOperation))
    }
}
