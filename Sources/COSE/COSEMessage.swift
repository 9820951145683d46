// SPDX-License-Identifier: Apache-2.0

import CBOR

/// What all COSE messages have in common (RFC 9052 section 2): an optional tag, an array, two headers.
struct COSEMessage {
    let isTagged: Bool
    let headers: COSEHeaders
    /// The elements behind the headers.
    let rest: [CBORValue]

    /// From outside.
    ///
    /// - Parameters:
    ///   - bytes: The whole message.
    ///   - tag: The message type's own, below 24: its shortest head is one byte.
    ///   - elements: Of the array.
    ///   - limits: For the message, and again for the protected header.
    ///   - tagging: Whether the tag may or must be there.
    ///   - leniency: For the message without its tag.
    /// - Throws: `malformed`, `wrongStructure`, `unexpectedTag` or `invalidHeader`.
    init(
        _ bytes: [UInt8],
        tag: UInt8,
        elements: Int,
        limits: CBORLimits,
        tagging: COSETagging,
        leniency: CBORLeniency
    ) throws(COSEError) {
        let first = bytes.first ?? 0
        let hasTag = first >> 5 == 6
        guard !hasTag || (first == 0xC0 | tag && tagging != .forbidden) else { throw .unexpectedTag }
        guard hasTag || tagging != .required else { throw .unexpectedTag }
        let value: CBORValue
        do {
            value = try CBORDecoder.decode(
                hasTag ? Array(bytes.dropFirst()) : bytes,
                limits: limits,
                allowing: leniency
            )
        } catch {
            throw .malformed(CBORError(code: error.code, offset: error.offset + (hasTag ? 1 : 0)))
        }
        guard let array = value.array, array.count == elements, case .bytes(let protected) = array[0],
            case .map(let unprotected) = array[1]
        else { throw .wrongStructure }
        isTagged = hasTag
        headers = try COSEHeaders(protectedBytes: protected, unprotected: unprotected, limits: limits)
        rest = Array(array[2...])
    }

    /// Headers and what follows, encoded; a byte string of no bytes for an empty protected header.
    static func encode(tag: UInt64?, headers: COSEHeaders, rest: [CBORValue]) -> [UInt8] {
        let array: [CBORValue] = [.bytes(headers.protectedBytes), .map(headers.unprotected)]
        let message = CBORValue.array(array + rest)
        return (tag.map { CBORValue.tagged($0, message) } ?? message).encoded(mapOrder: .asGiven)
    }
}

/// The two headers of a message, under the rules of RFC 9052 sections 3 and 3.1.
struct COSEHeaders {
    let protectedBytes: [UInt8]
    let protected: CBORMap
    let unprotected: CBORMap

    /// Labels that everything here acts on, or may safely ignore: what `crit` may name.
    private static let understood: [CBORValue] = [
        COSEHeader.algorithm, COSEHeader.critical, COSEHeader.contentType, COSEHeader.keyIdentifier,
        COSEHeader.initializationVector,
    ]

    /// From a received message.
    init(protectedBytes: [UInt8], unprotected: CBORMap, limits: CBORLimits) throws(COSEError) {
        if protectedBytes.isEmpty {
            protected = CBORMap()
        } else {
            // The bytes are signed as they are: nothing but the strict form is of use to anyone honest.
            guard case .map(let map)? = try? CBORDecoder.decode(protectedBytes, limits: limits) else {
                throw .invalidHeader
            }
            protected = map
        }
        self.protectedBytes = protectedBytes
        self.unprotected = unprotected
        try check()
    }

    /// For a message to be made.
    init(protected: CBORMap, unprotected: CBORMap) throws(COSEError) {
        self.protected = protected
        self.unprotected = unprotected
        protectedBytes = protected.entries.isEmpty ? [] : CBORValue.map(protected).encoded()
        try check()
    }

    /// What Sig_structure and Enc_structure contain: the bytes received, but none for an empty map in either of its
    /// forms (RFC 9052 sections 3, 4.4 and 5.3).
    var authenticatedBytes: [UInt8] { protected.entries.isEmpty ? [] : protectedBytes }

    private func check() throws(COSEError) {
        // By encoding and in a set: a hostile header may have as many labels as the limits let pass.
        let protectedLabels = Set(protected.entries.map { $0.key.encoded() })
        for entry in protected.entries { try Self.checkParameter(entry) }
        for entry in unprotected.entries {
            try Self.checkParameter(entry)
            // A label stands in one of the two headers (RFC 9052 section 3).
            guard !protectedLabels.contains(entry.key.encoded()) else { throw .invalidHeader }
            // These are to be authenticated (RFC 9052 section 3.1).
            guard entry.key != COSEHeader.algorithm, entry.key != COSEHeader.critical else { throw .invalidHeader }
        }
        guard
            parameter(COSEHeader.initializationVector) == nil
                || parameter(COSEHeader.partialInitializationVector) == nil
        else { throw .invalidHeader }
        // Every critical label is in the protected header and understood here (RFC 9052 section 3.1).
        guard let critical = protected[COSEHeader.critical]?.array else { return }
        guard !critical.isEmpty,
            critical.allSatisfy({ Self.understood.contains($0) && protectedLabels.contains($0.encoded()) })
        else { throw .invalidHeader }
    }

    private func parameter(_ label: CBORValue) -> CBORValue? { protected[label] ?? unprotected[label] }

    private static func checkParameter(_ entry: CBORMap.Entry) throws(COSEError) {
        switch (entry.key, entry.value) {
        case (COSEHeader.algorithm, .unsigned), (COSEHeader.algorithm, .negative), (COSEHeader.algorithm, .text): break
        case (COSEHeader.critical, .array): break
        case (COSEHeader.contentType, .unsigned), (COSEHeader.contentType, .text): break
        case (COSEHeader.keyIdentifier, .bytes), (COSEHeader.initializationVector, .bytes),
            (COSEHeader.partialInitializationVector, .bytes):
            break
        case (COSEHeader.algorithm, _), (COSEHeader.critical, _), (COSEHeader.contentType, _),
            (COSEHeader.keyIdentifier, _), (COSEHeader.initializationVector, _),
            (COSEHeader.partialInitializationVector, _):
            throw .invalidHeader
        case (.unsigned, _), (.negative, _), (.text, _): break
        default: throw .invalidHeader
        }
    }
}
