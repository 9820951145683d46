// SPDX-License-Identifier: Apache-2.0

import Encoding
import KMSProtocol

// The states of a key, and what may change them (Developer Guide, "Key states of AWS KMS keys").

extension KeyService {
    func enableKey(_ request: KeyLifecycleRequest, _ call: Call) throws(KMSError) -> KeyTable {
        try setState(.enabled, of: request.keyID, call)
    }

    func disableKey(_ request: KeyLifecycleRequest, _ call: Call) throws(KMSError) -> KeyTable {
        try setState(.disabled, of: request.keyID, call)
    }

    /// The key can do nothing from now on; whoever keeps the table removes it when its time has come
    /// (``KeyTable/withoutKeysDue(at:)``).
    func scheduleKeyDeletion(
        _ request: ScheduleKeyDeletionRequest,
        _ call: Call
    ) throws(KMSError) -> (keys: KeyTable, output: JSONObject?) {
        let days = request.pendingWindowInDays
        var key = try call.managedKey(
            request.keyID,
            parameters: ["kms:ScheduleKeyDeletionPendingWindowInDays": [String(days)]]
        )
        try call.requireNotPendingDeletion(key)
        let date = call.circumstances.now.advanced(byMilliseconds: Int64(days) * Self.millisecondsPerDay)
        key.state = .pendingDeletion
        key.deletionDate = date
        let output = JSONObject([
            ("KeyId", .string(key.arn)),
            ("DeletionDate", .epochSeconds(date)),
            ("KeyState", .string(key.state.rawValue)),
            ("PendingWindowInDays", .number(JSONNumber(Int64(days)))),
        ])
        return (try replacing(key, in: call.keys), output)
    }

    /// The key is disabled afterwards (API Reference, CancelKeyDeletion).
    func cancelKeyDeletion(
        _ request: KeyLifecycleRequest,
        _ call: Call
    ) throws(KMSError) -> (keys: KeyTable, output: JSONObject?) {
        var key = try call.managedKey(request.keyID)
        guard key.state == .pendingDeletion else { throw .notPendingDeletion(arn: key.arn) }
        key.state = .disabled
        key.deletionDate = nil
        return (try replacing(key, in: call.keys), JSONObject([("KeyId", .string(key.arn))]))
    }

    func updateKeyDescription(_ request: UpdateKeyDescriptionRequest, _ call: Call) throws(KMSError) -> KeyTable {
        var key = try call.managedKey(request.keyID)
        try call.requireNotPendingDeletion(key)
        key.description = request.description
        return try replacing(key, in: call.keys)
    }

    private func setState(_ state: KeyState, of keyID: String, _ call: Call) throws(KMSError) -> KeyTable {
        var key = try call.managedKey(keyID)
        try call.requireNotPendingDeletion(key)
        key.state = state
        return try replacing(key, in: call.keys)
    }

    private static let millisecondsPerDay: Int64 = 86_400_000
}
