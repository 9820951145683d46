// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Encoding
import KMSProtocol
import Keyring
import NIOCore
import NitroAttestation
import Synchronization
import Testing
import Transport

extension Rig {
    /// Starts over on what the host has stored, as a restart does.
    func restarted(tamper: (inout FakeHost.State) -> Void = { _ in }) async throws -> Rig {
        let (keyring, version) = host.state.withLock { ($0.keyring, $0.version) }
        let next = try await Rig(
            workshop,
            tamper: {
                $1.keyring = keyring
                $1.version = version
                tamper(&$1)
            }
        )
        try await next.waitForState("unlocked")
        return next
    }

    /// A date that no change was signed with before. Clients' clocks may be minutes ahead, so that no test waits for the
    /// next second.
    func nextDate() -> Timestamp {
        dates.withLock { last in
            last = max(last, Workshop.now().seconds) + 1
            return Timestamp(seconds: last)
        }
    }

    /// Makes a change, signed at a date of its own.
    func change(
        _ operation: String,
        _ input: JSON,
        principal: Int = 0,
        on connection: HTTPClient? = nil
    ) async throws -> Answer {
        let target = operation.contains(".") ? operation : "TrentService.\(operation)"
        let request = try signed(target, input.serialized(), Signing(principal: principal, date: nextDate()))
        guard let connection else { return try answer(try await send(request)) }
        return try answer(try await connection.send(request))
    }

    /// A change that must succeed.
    @discardableResult
    func make(_ operation: String, _ input: JSON, sourceLocation: SourceLocation = #_sourceLocation) async throws
        -> JSONObject
    {
        let answer = try await change(operation, input)
        #expect(answer.error == nil, sourceLocation: sourceLocation)
        return answer.output
    }

    func aliases() async throws -> Set<String> {
        let answer = try await call("TrentService.ListAliases", ["Limit": 100])
        return Set((answer.output["Aliases"]?.array ?? []).compactMap { $0.object?["AliasName"]?.string })
    }

    /// The `user_data` of a fresh attestation.
    func attested(key: String? = nil) async throws -> (userData: AttestationUserData, document: AttestationDocument) {
        let query = "nonce=" + String(repeating: "ab", count: 16) + (key.map { "&key=\($0)" } ?? "")
        let response = try await get("/attestation?\(query)")
        let verifier = try AttestationVerifier(policy: VerificationPolicy(roots: roots))
        switch verifier.verifyAtDocumentTime(Array(response.body.readableBytesView)) {
        case .accepted(let verified):
            let userData = try #require(verified.document.userData)
            return (try AttestationUserData(decoding: userData), verified.document)
        case .rejected(let rejection): throw rejection
        }
    }

    /// What the host has stored, opened with the operator's TSK.
    func stored() throws -> OpenedKeyring {
        let bytes = try #require(host.state.withLock { $0.keyring })
        return try UnopenedKeyring(parsing: bytes).open(
            keyringID: Workshop.keyringID,
            keys: try Workshop.keys(workshop.tsk)
        )
    }
}
