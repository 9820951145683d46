// SPDX-License-Identifier: Apache-2.0

import EnclaveCore
import SecurityModule
import Transport

/// The module, with everything that is asked of it written down.
struct RecordedModule: SecurityModuleTransport {
    let transport: any SecurityModuleTransport
    let record: @Sendable (UnlockRecording.ModuleExchange) -> Void

    func exchange(_ request: [UInt8]) throws(SecurityModuleError) -> [UInt8] {
        let answer: Result<[UInt8], SecurityModuleError>
        do {
            answer = .success(try transport.exchange(request))
        } catch {
            answer = .failure(error)
        }
        record(UnlockRecording.ModuleExchange(request: request, answer: answer))
        return try answer.get()
    }
}

/// The relay, with everything that is asked of it written down.
struct RecordedRelay: RelayTransport {
    let transport: any RelayTransport
    let record: @Sendable (UnlockRecording.RelayExchange) -> Void

    func send(_ request: HTTPRequest) async throws(HTTPClientError) -> HTTPResponse {
        do {
            let response = try await transport.send(request)
            record(UnlockRecording.RelayExchange(request, answer: .init(response)))
            return response
        } catch {
            record(UnlockRecording.RelayExchange(request, answer: .init(error)))
            throw error
        }
    }
}
