// SPDX-License-Identifier: Apache-2.0

package import Encoding
package import KMSProtocol
package import SigV4

extension SigV4Verifier {
    /// Verifies a request of the KMS API over the bytes as they were received.
    ///
    /// - Parameters:
    ///   - method: `POST`
    ///   - target: The request target, query included.
    ///   - headers: In their order.
    ///   - body: As it was received.
    ///   - now: What time it is.
    /// - Returns: Who sent it, the time in its signature, and the signature.
    /// - Throws: ``KMSError`` with the name and text that AWS answers with.
    package func authenticate(
        method: String,
        target: String,
        headers: some Sequence<(name: String, value: String)>,
        body: [UInt8],
        at now: Timestamp
    ) throws(KMSError) -> (principal: Principal, signedAt: Timestamp, signature: [UInt8]) {
        let request = SigV4Request(method: method, target: target, headers: Array(headers), body: body)
        do {
            return try verify(request, at: now)
        } catch {
            throw KMSError(error.name, error.message)
        }
    }
}
