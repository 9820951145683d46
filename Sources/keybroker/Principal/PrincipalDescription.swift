// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Encoding

/// A principal's access key as the broker describes it; never its secret.
struct PrincipalDescription: Sendable {
    let members: JSONObject

    static func all(_ session: BrokerSession) async throws(CommandFailure) -> [PrincipalDescription] {
        try await session.list(.listPrincipals, "Principals").map { PrincipalDescription(members: $0) }
    }

    /// The one with this access key id, or of this name if that has only one access key.
    static func named(_ name: String, _ session: BrokerSession) async throws(CommandFailure) -> PrincipalDescription {
        let all = try await all(session)
        if let exact = all.first(where: { $0.accessKeyID == name }) { return exact }
        let matches = all.filter { $0.members["Arn"]?.string?.hasSuffix(":user/\(name)") == true }
        guard let only = matches.first else {
            throw .failed(
                "\(Console.printable(name)): no such access key or name (keybroker principal list shows them)"
            )
        }
        guard matches.count == 1 else {
            let ids = matches.map { $0.text("AccessKeyId") }.joined(separator: ", ")
            throw .usage(
                "\(Console.printable(name)) has several access keys, each with its own policies: name one of \(ids)"
            )
        }
        return only
    }

    var accessKeyID: String? { members["AccessKeyId"]?.string }
    var policies: [String] { members["Policies"]?.array?.compactMap(\.string) ?? [] }

    func text(_ member: String) -> String { Console.printable(members[member]?.string ?? "-") }
}
