// SPDX-License-Identifier: Apache-2.0

import CBOR

/// Keys of the map.
private enum Field: UInt64, CaseIterable {
    case format = 1
    case purpose
    case brokerID
    case configurationDigest
    case keyringID
    case keyringVersion
    case keyringDigest
    case bootID
    case tlsKeyDigest
    case signingKeyDigest
    case signingKeyOrigin
    case channel
    case decisionLog
    case tskCommitment
}

private enum Length {
    /// SHA-384.
    static let digest384 = 48
    /// SHA-256.
    static let digest256 = 32
    static let bootID = 16
    /// `relay` or `tls`; room for a later name.
    static let channel = 1...16
}

extension AttestationUserData {
    /// Fourteen entries, two of them pairs.
    private static let limits = CBORLimits(
        totalLength: maximumLength,
        depth: 2,
        items: 40,
        stringLength: BrokerIdentifier.maximumLength
    )

    /// The deterministic encoding; inapplicable keys are omitted.
    package func encoded() -> [UInt8] {
        var entries: [(Field, CBORValue)] = [
            (.format, .unsigned(Self.format)),
            (.purpose, .unsigned(purpose.rawValue)),
            (.brokerID, .text(brokerID)),
            (.configurationDigest, .bytes(configurationDigest)),
            (.bootID, .bytes(bootID)),
        ]
        if let keyringID { entries.append((.keyringID, .text(keyringID))) }
        if let keyringVersion { entries.append((.keyringVersion, .unsigned(keyringVersion))) }
        if let keyringDigest { entries.append((.keyringDigest, .bytes(keyringDigest))) }
        if let tlsKeyDigest { entries.append((.tlsKeyDigest, .bytes(tlsKeyDigest))) }
        if let signingKeyDigest { entries.append((.signingKeyDigest, .bytes(signingKeyDigest))) }
        if let signingKeyOrigin {
            let pair: [CBORValue] = [
                .unsigned(signingKeyOrigin.origin.rawValue), .unsigned(signingKeyOrigin.createdAt),
            ]
            entries.append((.signingKeyOrigin, .array(pair)))
        }
        if let channel { entries.append((.channel, .text(channel))) }
        if let decisionLog {
            entries.append((.decisionLog, .array([.bytes(decisionLog.head), .unsigned(decisionLog.size)])))
        }
        if let tskCommitment { entries.append((.tskCommitment, .bytes(tskCommitment))) }
        let map = CBORMap(entries.map { (.unsigned($0.0.rawValue), $0.1) })
        return CBORValue.map(map).encoded()
    }

    /// Strict: format 1, known keys with the right types and lengths, deterministic form.
    package init(decoding bytes: [UInt8]) throws(UserDataError) {
        let decoded: CBORValue
        do {
            decoded = try CBORDecoder.decode(bytes, limits: Self.limits)
        } catch {
            throw UserDataError("not CBOR as accepted: \(error.code.rawValue) at byte \(error.offset)")
        }
        guard case .map(let map) = decoded else { throw UserDataError("not a map") }
        for entry in map.entries {
            guard case .unsigned(let key) = entry.key, Field(rawValue: key) != nil else {
                throw UserDataError("unknown key")
            }
        }
        let reader = Reader(map: map)
        guard try reader.required(.format, reader.unsigned) == Self.format else {
            throw UserDataError("key 1: unknown format")
        }
        guard let purpose = Purpose(rawValue: try reader.required(.purpose, reader.unsigned)) else {
            throw UserDataError("key 2: unknown purpose")
        }
        self.init(
            purpose: purpose,
            brokerID: try reader.required(.brokerID, reader.identifier),
            configurationDigest: try reader.requiredBytes(.configurationDigest, Length.digest384),
            bootID: try reader.requiredBytes(.bootID, Length.bootID)
        )
        keyringID = try reader.identifier(.keyringID)
        keyringVersion = try reader.unsigned(.keyringVersion)
        keyringDigest = try reader.bytes(.keyringDigest, Length.digest384)
        tlsKeyDigest = try reader.bytes(.tlsKeyDigest, Length.digest256)
        signingKeyDigest = try reader.bytes(.signingKeyDigest, Length.digest256)
        signingKeyOrigin = try reader.origin(.signingKeyOrigin)
        channel = try reader.channel(.channel)
        decisionLog = try reader.log(.decisionLog)
        tskCommitment = try reader.bytes(.tskCommitment, Length.digest384)

        guard (keyringVersion == nil) == (keyringDigest == nil) else {
            throw UserDataError("keys 6 and 7 stand together")
        }
        guard (signingKeyDigest == nil) == (signingKeyOrigin == nil) else {
            throw UserDataError("keys 10 and 11 stand together")
        }
        guard tskCommitment == nil || purpose == .ceremony else {
            throw UserDataError("key 14: in ceremony documents only")
        }
        guard encoded() == bytes else { throw UserDataError("not in deterministic form") }
    }
}

/// Typed access to the entries of the map.
private struct Reader {
    let map: CBORMap

    func required<T>(_ field: Field, _ read: (Field) throws(UserDataError) -> T?) throws(UserDataError) -> T {
        guard let value = try read(field) else { throw UserDataError("key \(field.rawValue): missing") }
        return value
    }

    func requiredBytes(_ field: Field, _ length: Int) throws(UserDataError) -> [UInt8] {
        guard let value = try bytes(field, length) else { throw UserDataError("key \(field.rawValue): missing") }
        return value
    }

    func unsigned(_ field: Field) throws(UserDataError) -> UInt64? {
        guard let value = map[field.rawValue] else { return nil }
        guard case .unsigned(let number) = value else { throw wrongType(field) }
        return number
    }

    func bytes(_ field: Field, _ length: Int) throws(UserDataError) -> [UInt8]? {
        guard let value = map[field.rawValue] else { return nil }
        guard case .bytes(let bytes) = value, bytes.count == length else { throw wrongType(field) }
        return bytes
    }

    func identifier(_ field: Field) throws(UserDataError) -> String? {
        guard let value = map[field.rawValue] else { return nil }
        guard case .text(let text) = value, BrokerIdentifier.isValid(text) else { throw wrongType(field) }
        return text
    }

    func channel(_ field: Field) throws(UserDataError) -> String? {
        guard let text = try identifier(field) else { return nil }
        guard Length.channel.contains(text.utf8.count) else { throw wrongType(field) }
        return text
    }

    func origin(_ field: Field) throws(UserDataError) -> (origin: AttestationUserData.KeyOrigin, createdAt: UInt64)? {
        guard let value = map[field.rawValue] else { return nil }
        guard case .array(let pair) = value, pair.count == 2, case .unsigned(let code) = pair[0],
            case .unsigned(let time) = pair[1], let origin = AttestationUserData.KeyOrigin(rawValue: code)
        else { throw wrongType(field) }
        return (origin, time)
    }

    func log(_ field: Field) throws(UserDataError) -> (head: [UInt8], size: UInt64)? {
        guard let value = map[field.rawValue] else { return nil }
        guard case .array(let pair) = value, pair.count == 2, case .bytes(let head) = pair[0],
            head.count == Length.digest256, case .unsigned(let size) = pair[1]
        else { throw wrongType(field) }
        return (head, size)
    }

    private func wrongType(_ field: Field) -> UserDataError {
        UserDataError("key \(field.rawValue): wrong type, length or value")
    }
}
