// SPDX-License-Identifier: Apache-2.0

import CBOR

/// Requests and responses as `serde_cbor` writes those of aws-nitro-enclaves-nsm-api: a variant without fields is its
/// name, one with fields a map of one entry, absent optionals are null.
enum ModuleDialect {
    /// A response is a map in a map, with one array in it (`locked_pcrs`, at most 32 entries on real modules).
    /// Indefinite lengths are let pass: modules have written them in documents since 2025, and the module is trusted.
    private static let limits = CBORLimits(
        totalLength: SecurityModule.maximumResponseLength,
        depth: 4,
        items: 256,
        stringLength: SecurityModule.maximumResponseLength
    )
    private static let leniency: CBORLeniency = [.indefiniteLengthMaps, .indefiniteLengthArrays]

    /// A request with fields; one without is `.text(name)`.
    static func request(_ name: String, _ fields: [(String, CBORValue)]) -> CBORValue {
        .map(CBORMap([(.text(name), .map(CBORMap(fields.map { (.text($0.0), $0.1) })))]))
    }

    static func optional(_ bytes: [UInt8]?) -> CBORValue {
        if let bytes { .bytes(bytes) } else { .null }
    }

    /// Decodes a response, and throws what it reports if it is an error.
    static func decode(_ response: [UInt8]) throws(SecurityModuleError) -> CBORValue {
        let value: CBORValue
        do {
            value = try CBORDecoder.decode(response, limits: limits, allowing: leniency)
        } catch {
            throw .malformedResponse
        }
        if case .map(let map) = value, let error = map["Error"] {
            guard map.entries.count == 1, case .text(let name) = error,
                let code = SecurityModuleError.Code(rawValue: name)
            else { throw .malformedResponse }
            throw .module(code)
        }
        return value
    }

    /// The fields of the response to `name`. Fields beyond those that are asked for do no harm.
    static func fields(of response: CBORValue, to name: String) throws(SecurityModuleError) -> CBORMap {
        guard case .map(let map) = response, map.entries.count == 1, case .map(let fields)? = map[name] else {
            throw .malformedResponse
        }
        return fields
    }
}

extension CBORMap {
    func moduleBytes(_ name: String, count: ClosedRange<Int>) throws(SecurityModuleError) -> [UInt8] {
        guard case .bytes(let bytes)? = self[name], count.contains(bytes.count) else { throw .malformedResponse }
        return bytes
    }

    func moduleText(_ name: String) throws(SecurityModuleError) -> String {
        guard case .text(let text)? = self[name], !text.isEmpty else { throw .malformedResponse }
        return text
    }

    /// Numbers are 16 bits wide in the dialect.
    func moduleNumber(_ name: String) throws(SecurityModuleError) -> UInt64 {
        guard case .unsigned(let number)? = self[name], number <= UInt64(UInt16.max) else { throw .malformedResponse }
        return number
    }

    func moduleNumbers(_ name: String) throws(SecurityModuleError) -> [UInt64] {
        guard case .array(let values)? = self[name] else { throw .malformedResponse }
        var numbers: [UInt64] = []
        for value in values {
            guard case .unsigned(let number) = value, number <= UInt64(UInt16.max) else { throw .malformedResponse }
            numbers.append(number)
        }
        return numbers
    }
}
