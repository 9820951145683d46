// SPDX-License-Identifier: Apache-2.0

package import Encoding
import Glibc
package import KeyringFiles

/// What the launcher says of the enclave (docs/reference/enclave-status.schema.json): where the relay runs as a service of
/// its own, this is how it learns the CID, and how often the enclave was started.
package struct EnclaveStatus: Sendable, Equatable {
    package enum State: Sendable, Equatable {
        /// With what the launcher knows of it: `pid`, `id`, `cid`, …, as text.
        case running([String: String])
        case down(reason: String)
    }

    package var state: State
    /// How often this launcher started it: one that was taken over is none.
    package var starts: Int
    /// When the state began.
    package var since: Timestamp

    package init(state: State, starts: Int, since: Timestamp) {
        self.state = state
        self.starts = starts
        self.since = since
    }

    /// Nil: not running, or no enclave with a CID.
    package var cid: UInt32? {
        guard case .running(let facts) = state else { return nil }
        return facts["cid"].flatMap { UInt32($0) }
    }

    var json: JSON {
        var members: [(String, JSON)] = [("format", 1)]
        switch state {
        case .running(let facts):
            members.append(("state", "running"))
            members.append(("enclave", .object(JSONObject(facts.sorted { $0.key < $1.key }.map { ($0, .string($1)) }))))
        case .down(let reason):
            members += [("state", "down"), ("reason", .string(reason))]
        }
        members += [("starts", .number(JSONNumber(Int64(starts)))), ("since", .string(since.rfc3339))]
        return .object(JSONObject(members))
    }

    init?(json: JSON) {
        guard let object = json.object, object["format"]?.int64 == 1, let starts = object["starts"]?.int64,
            let since = object["since"]?.string.flatMap({ Timestamp(rfc3339: $0) })
        else { return nil }
        switch object["state"]?.string {
        case "running":
            let members = object["enclave"]?.object?.members ?? []
            let facts = members.compactMap { member in member.value.string.map { (member.name, $0) } }
            state = .running(Dictionary(facts) { $1 })
        case "down":
            state = .down(reason: object["reason"]?.string ?? "")
        default:
            return nil
        }
        self.starts = Int(clamping: starts)
        self.since = since
    }
}

/// Where the launcher writes an ``EnclaveStatus`` and the relay reads it.
package struct EnclaveStatusFile: Sendable {
    /// Bytes: a dozen short members.
    private static let maximumLength = 16_384

    private let path: String

    /// An absolute path, in a folder that exists.
    package init(_ path: String) { self.path = path }

    /// Replaces the file as a whole. There is nothing secret in it.
    package func write(_ status: EnclaveStatus) throws(DurableFile.Failure) {
        let slash = path.lastIndex(of: "/") ?? path.startIndex
        let folder = path[..<slash]
        let name = String(path[slash...].drop { $0 == "/" })
        let temporary = ".\(name).new"
        // One that a crash left behind.
        unsafe unlink("\(folder)/\(temporary)")
        try DurableFile.write(
            status.json.serialized(),
            to: name,
            temporary: temporary,
            in: folder.isEmpty ? "/" : String(folder),
            mode: 0o644
        )
    }

    /// Nil: there is none, or it is not one.
    package func read() -> EnclaveStatus? {
        guard let bytes = try? DurableFile.read(path, limit: Self.maximumLength), let json = try? JSON.parse(bytes)
        else { return nil }
        return EnclaveStatus(json: json)
    }
}
