// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Encoding

extension KMSClient {
    /// A call that changes something, made again as SDKs do: one that may be a repetition is refused with HTTP 500, and so is
    /// one that is dated in the second of the enclave's start.
    func change(_ target: String, _ input: JSON) async throws -> JSONObject {
        for _ in 0..<50 {
            do throws(Failure) {
                return try await call(target, input)
            } catch {
                guard case .service(_, 500) = error else { throw error }
            }
            try await Task.sleep(for: .milliseconds(100))
        }
        return try await call(target, input)
    }
}
