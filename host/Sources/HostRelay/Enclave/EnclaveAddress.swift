// SPDX-License-Identifier: Apache-2.0

package import Transport

/// Where the enclave listens: as configured, or with the CID that `nitro-cli` gave it.
package struct EnclaveAddress: Sendable {
    private let endpoint: Endpoint
    private let status: EnclaveStatusFile?

    /// - Parameters:
    ///   - endpoint: With `vsock://any:PORT` the CID is the one that `status` names.
    ///   - status: Read each time that the address is asked for: it changes when the enclave is started again.
    package init(_ endpoint: Endpoint, status: EnclaveStatusFile? = nil) {
        self.endpoint = endpoint
        self.status = status
    }

    /// It has a CID.
    var isVsock: Bool { if case .vsock = endpoint { true } else { false } }

    /// Nil: no enclave runs whose CID is known.
    package var current: Endpoint? {
        guard case .vsock(cid: nil, let port) = endpoint else { return endpoint }
        return status?.read()?.cid.map { .vsock(cid: $0, port: port) }
    }
}
