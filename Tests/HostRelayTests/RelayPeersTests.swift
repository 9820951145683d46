// SPDX-License-Identifier: Apache-2.0

import Encoding
import HostRelay
import TestSupport
import Testing
import Transport

/// Who may use a relay on vsock. That connections are held to it, `make test-nitro` tries over AF_VSOCK.
struct RelayPeersTests {
    private static let any = Endpoint.vsock(cid: nil, port: 7000)

    @Test(arguments: [4, 16, 1] as [UInt32])
    func `the CID of the configuration, and no other`(_ cid: UInt32) throws {
        let peers = try #require(
            RelayPeers(relay: Self.any, enclave: EnclaveAddress(.vsock(cid: cid, port: 7001)))
        )
        #expect(peers.expected == cid)
        for other: UInt32 in [0, 1, 2, 3, 4, 5, 16, 17, .max] { #expect(peers.admits(other) == (other == cid)) }
    }

    @Test func `with a status file the CID of the enclave that runs, as it changes, and nobody while none does`() throws
    {
        let folder = try TemporaryDirectory()
        let status = EnclaveStatusFile(folder.file("status.json"))
        let peers = try #require(
            RelayPeers(relay: Self.any, enclave: EnclaveAddress(.vsock(cid: nil, port: 7001), status: status))
        )
        func admitted() -> [UInt32] { (0...40).filter(peers.admits) }
        func write(_ state: EnclaveStatus.State) throws {
            try status.write(EnclaveStatus(state: state, starts: 1, since: Timestamp(seconds: 1)))
        }
        #expect(admitted() == [])
        try write(.running(["cid": "17", "pid": "4"]))
        #expect(admitted() == [17])
        try write(.down(reason: "crashed"))
        #expect(admitted() == [])
        try write(.running(["cid": "18"]))
        #expect(admitted() == [18])
    }

    @Test func `where one of them has no CID there is nothing to compare`() {
        #expect(RelayPeers(relay: .unix(path: "/x"), enclave: EnclaveAddress(.vsock(cid: 16, port: 7001))) == nil)
        #expect(
            RelayPeers(relay: .tcp(host: "h", port: 1), enclave: EnclaveAddress(.vsock(cid: 16, port: 7001))) == nil
        )
        #expect(RelayPeers(relay: Self.any, enclave: EnclaveAddress(.unix(path: "/x"))) == nil)
    }
}
