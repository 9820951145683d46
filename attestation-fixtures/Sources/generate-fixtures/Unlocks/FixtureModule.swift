// SPDX-License-Identifier: Apache-2.0

import CBOR
import Cryptography
import Encoding
import NitroAttestation
import SecurityModule
import Synchronization

/// A security module whose documents are the same each time: as much of one as a boot uses.
final class FixtureModule: SecurityModuleTransport {
    struct Behaviour: Sendable {
        /// PCR0 to PCR2 are zero.
        var isDebugMode = false
        /// Something extended PCR16 before the enclave came to it.
        var isConfigurationExtended = false
        /// Answers a request for a document with an error.
        var refusesDocuments = false
    }

    private struct Register: Sendable {
        var value: [UInt8]
        var isLocked: Bool
    }

    private let chain: TestChain
    private let behaviour: Behaviour
    private let registers: Mutex<[Int: Register]>
    private let random = FixtureRandom("module")

    init(chain: TestChain, behaviour: Behaviour) {
        self.chain = chain
        self.behaviour = behaviour
        let zero = [UInt8](repeating: 0, count: 48)
        var registers = TestDocument.pcrs(count: 16).mapValues { Register(value: $0, isLocked: true) }
        for index in 16..<32 { registers[index] = Register(value: zero, isLocked: false) }
        if behaviour.isDebugMode { for index in 0..<3 { registers[index]?.value = zero } }
        if behaviour.isConfigurationExtended { registers[16]?.value = TestDocument.pcr(16) }
        self.registers = Mutex(registers)
    }

    func exchange(_ request: [UInt8]) throws(SecurityModuleError) -> [UInt8] {
        guard let answer = try? answer(request) else { throw .malformedResponse }
        return answer.encoded(mapOrder: .asGiven)
    }

    private func answer(_ request: [UInt8]) throws -> CBORValue {
        let limits = CBORLimits(totalLength: 4096, depth: 4, items: 64, stringLength: 4096)
        switch try CBORDecoder.decode(request, limits: limits) {
        case .text("GetRandom"):
            return Self.variant("GetRandom", [("random", .bytes(try random.bytes(256)))])
        case .map(let map):
            guard let entry = map.entries.first, case .text(let name) = entry.key, case .map(let fields) = entry.value
            else { return Self.error("InvalidOperation") }
            return try answer(name, fields)
        default: return Self.error("InvalidOperation")
        }
    }

    private func answer(_ name: String, _ fields: CBORMap) throws -> CBORValue {
        if name == "Attestation" { return try document(fields) }
        guard case .unsigned(let number)? = fields["index"], let index = Int(exactly: number) else {
            return Self.error("InvalidOperation")
        }
        return registers.withLock { registers in
            guard let register = registers[index] else { return Self.error("InvalidIndex") }
            switch name {
            case "DescribePCR":
                return Self.variant(name, [("lock", .bool(register.isLocked)), ("data", .bytes(register.value))])
            case "ExtendPCR":
                guard case .bytes(let data)? = fields["data"], !register.isLocked else {
                    return Self.error("ReadOnlyIndex")
                }
                let value = Hash.digest(.sha384, register.value, data)
                registers[index]?.value = value
                return Self.variant(name, [("data", .bytes(value))])
            case "LockPCR":
                registers[index]?.isLocked = true
                return .text(name)
            default: return Self.error("InvalidOperation")
            }
        }
    }

    private func document(_ fields: CBORMap) throws -> CBORValue {
        guard !behaviour.refusesDocuments else { return Self.error("InternalError") }
        var document = try TestDocument(chain: chain)
        document.claims.pcrs = registers.withLock { $0.filter(\.value.isLocked).mapValues(\.value) }
        document.claims.publicKey = Self.bytes(fields["public_key"])
        document.claims.userData = Self.bytes(fields["user_data"])
        document.claims.nonce = Self.bytes(fields["nonce"])
        let payload = AttestationDocumentEncoder.payload(document.claims)
        return Self.variant(
            "Attestation",
            [("document", .bytes(try Envelope(payload: payload, key: document.key).bytes))]
        )
    }

    private static func bytes(_ value: CBORValue?) -> [UInt8]? {
        if case .bytes(let bytes)? = value { bytes } else { nil }
    }

    private static func variant(_ name: String, _ fields: [(String, CBORValue)]) -> CBORValue {
        .map(CBORMap([(.text(name), .map(CBORMap(fields.map { (.text($0.0), $0.1) })))]))
    }

    private static func error(_ code: String) -> CBORValue { .map(CBORMap([(.text("Error"), .text(code))])) }
}

/// Bytes that everyone can compute from a name, in place of random ones.
final class FixtureRandom: Sendable {
    private let name: String
    private let count = Mutex<Int>(0)

    init(_ name: String) { self.name = name }

    func bytes(_ length: Int) throws(CryptographyError) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < length {
            let number = count.withLock { count in
                count += 1
                return count
            }
            bytes += Hash.digest(
                .sha384,
                Array("confidential key broker, attestation fixtures, random: \(name) \(number)".utf8)
            )
        }
        return Array(bytes.prefix(length))
    }
}
