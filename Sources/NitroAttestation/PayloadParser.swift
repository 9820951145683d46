// SPDX-License-Identifier: Apache-2.0

import CBOR
import Encoding

/// Reads the payload: strict CBOR, known fields only, each within its limits.
enum PayloadParser: Sendable {
    /// Fields that every document has.
    private static let mandatoryNames = ["module_id", "digest", "timestamp", "pcrs", "certificate", "cabundle"]
    /// Fields that may be null or absent.
    private static let optionalNames = ["public_key", "user_data", "nonce"]
    /// What a NitroTPM's document has in place of `pcrs`.
    private static let nitroTPMField = "nitrotpm_pcrs"

    /// Checks the fields in the order of ``Rejection/Reason/allCases``.
    static func parse(_ payload: [UInt8]) throws(Rejection) -> AttestationDocument {
        let fields = try decode(payload)
        // Before the fields that it lacks and the ones that nobody knows: the reason that tells the reader most.
        guard fields[nitroTPMField] == nil else {
            throw Rejection(.nitroTPMDocument, "the document is of a NitroTPM (\(nitroTPMField)), not of an enclave")
        }
        try checkNames(fields)
        return AttestationDocument(
            moduleID: try moduleID(try mandatory("module_id", of: fields)),
            digest: try digest(try mandatory("digest", of: fields)),
            timestamp: try timestamp(try mandatory("timestamp", of: fields)),
            pcrs: try pcrs(try mandatory("pcrs", of: fields)),
            certificate: try certificate(try mandatory("certificate", of: fields)),
            cabundle: try cabundle(try mandatory("cabundle", of: fields)),
            publicKey: try bytes(fields["public_key"], else: .malformedPublicKey),
            userData: try bytes(fields["user_data"], else: .malformedUserData),
            nonce: try bytes(fields["nonce"], else: .malformedNonce)
        )
    }

    // MARK: The map

    private static func decode(_ payload: [UInt8]) throws(Rejection) -> CBORMap {
        let value: CBORValue
        do {
            // AWS's modules write the outer map with indefinite length since 2025.
            value = try CBORDecoder.decode(
                payload,
                limits: AttestationLimits.payloadCBOR,
                allowing: .indefiniteLengthMaps
            )
        } catch {
            throw Rejection(.malformedPayload, "\(error.code.rawValue) at byte \(error.offset) of the payload")
        }
        guard case .map(let fields) = value else { throw Rejection(.malformedPayload, "not a map") }
        return fields
    }

    private static func checkNames(_ fields: CBORMap) throws(Rejection) {
        let known = mandatoryNames + optionalNames
        for (index, entry) in fields.entries.enumerated() {
            guard case .text(let name) = entry.key, known.contains(name) else {
                // Names are the sender's: the place is enough.
                throw Rejection(.unknownField, "entry \(index + 1) of \(fields.entries.count)")
            }
        }
        for name in mandatoryNames { _ = try mandatory(name, of: fields) }
    }

    private static func mandatory(_ name: String, of fields: CBORMap) throws(Rejection) -> CBORValue {
        switch fields[name] {
        case nil: throw Rejection(.missingField, "\(name) is absent")
        case .null: throw Rejection(.missingField, "\(name) is null")
        case .some(let value): return value
        }
    }

    // MARK: The fields

    private static func moduleID(_ value: CBORValue) throws(Rejection) -> String {
        // Printable ASCII only: it goes to terminals and logs.
        guard case .text(let text) = value, AttestationLimits.moduleIDLength.contains(text.utf8.count),
            text.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        else {
            throw Rejection(
                .malformedModuleID,
                "expected 1 to \(AttestationLimits.moduleIDLength.upperBound) printable ASCII characters"
            )
        }
        return text
    }

    private static func digest(_ value: CBORValue) throws(Rejection) -> String {
        guard case .text(let text) = value else { throw Rejection(.malformedDigest, "not text") }
        guard text == AttestationLimits.digest else {
            throw Rejection(.unsupportedDigest, "expected \(AttestationLimits.digest)")
        }
        return text
    }

    private static func timestamp(_ value: CBORValue) throws(Rejection) -> Timestamp {
        guard case .unsigned(let number) = value, AttestationLimits.timestamp.contains(number),
            let milliseconds = Int64(exactly: number)
        else {
            throw Rejection(.malformedTimestamp, "expected milliseconds since 1970 as an unsigned integer, to 9999")
        }
        return Timestamp(milliseconds: milliseconds)
    }

    private static func pcrs(_ value: CBORValue) throws(Rejection) -> [Int: [UInt8]] {
        guard case .map(let map) = value else { throw Rejection(.malformedPCRs, "not a map") }
        guard AttestationLimits.pcrCount.contains(map.entries.count) else {
            throw Rejection(
                .malformedPCRs,
                "expected 1 to \(AttestationLimits.pcrCount.upperBound) PCRs, found \(map.entries.count)"
            )
        }
        var pcrs: [Int: [UInt8]] = [:]
        for entry in map.entries {
            guard case .unsigned(let number) = entry.key, let index = Int(exactly: number),
                AttestationLimits.pcrIndex.contains(index)
            else {
                throw Rejection(
                    .malformedPCRs,
                    "expected indices 0 to \(AttestationLimits.pcrIndex.upperBound)"
                )
            }
            guard case .bytes(let bytes) = entry.value, bytes.count == AttestationLimits.pcrLength else {
                throw Rejection(
                    .malformedPCRs,
                    "expected a byte string of \(AttestationLimits.pcrLength) bytes in PCR\(index)"
                )
            }
            pcrs[index] = bytes
        }
        return pcrs
    }

    private static func certificate(_ value: CBORValue) throws(Rejection) -> [UInt8] {
        guard case .bytes(let bytes) = value, AttestationLimits.certificate.contains(bytes.count) else {
            throw Rejection(
                .malformedCertificate,
                "expected a byte string of 1 to \(AttestationLimits.certificate.upperBound) bytes"
            )
        }
        return bytes
    }

    private static func cabundle(_ value: CBORValue) throws(Rejection) -> [[UInt8]] {
        guard case .array(let values) = value, AttestationLimits.cabundleCount.contains(values.count) else {
            throw Rejection(
                .malformedCABundle,
                "expected an array of 1 to \(AttestationLimits.cabundleCount.upperBound) certificates"
            )
        }
        var certificates: [[UInt8]] = []
        for (index, value) in values.enumerated() {
            guard case .bytes(let bytes) = value, AttestationLimits.certificate.contains(bytes.count) else {
                throw Rejection(
                    .malformedCABundle,
                    "entry \(index): expected a byte string of 1 to \(AttestationLimits.certificate.upperBound) bytes"
                )
            }
            certificates.append(bytes)
        }
        return certificates
    }

    private static func bytes(_ value: CBORValue?, else reason: Rejection.Reason) throws(Rejection) -> [UInt8]? {
        switch value {
        case nil, .null:
            return nil
        case .bytes(let bytes) where AttestationLimits.optionalField.contains(bytes.count):
            return bytes
        default:
            throw Rejection(
                reason,
                "expected null or a byte string of at most \(AttestationLimits.optionalField.upperBound) bytes"
            )
        }
    }
}
