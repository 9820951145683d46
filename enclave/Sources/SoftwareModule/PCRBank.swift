// SPDX-License-Identifier: Apache-2.0

import Cryptography
import SecurityModule

/// 32 platform configuration registers of SHA-384, of which the first 16 are locked at boot.
struct PCRBank: Sendable {
    static let count = 32
    static let lockedAtBoot = 16
    /// A register that nothing was ever put into.
    static let zero = [UInt8](repeating: 0, count: HashLength.sha384)

    private enum HashLength { static let sha384 = 48 }

    private struct Register: Sendable {
        var value: [UInt8]
        var isLocked: Bool
    }

    private var registers: [Register]

    /// `boot` gives the values of registers below ``lockedAtBoot``; the others are zero.
    init(boot: [Int: [UInt8]]) {
        registers = (0..<Self.count).map {
            Register(value: boot[$0] ?? Self.zero, isLocked: $0 < Self.lockedAtBoot)
        }
    }

    /// How AWS makes the boot-time registers: one extension of a zero register.
    static func extended(from old: [UInt8] = zero, with data: [UInt8]) -> [UInt8] { Hash.digest(.sha384, old, data) }

    /// Values of the locked registers: what documents state.
    var locked: [Int: [UInt8]] {
        var values: [Int: [UInt8]] = [:]
        for (index, register) in registers.enumerated() where register.isLocked { values[index] = register.value }
        return values
    }

    func describe(_ index: UInt16) throws(ModuleRefusal) -> (isLocked: Bool, value: [UInt8]) {
        let register = registers[try checked(index)]
        return (register.isLocked, register.value)
    }

    mutating func extend(_ index: UInt16, with data: [UInt8]) throws(ModuleRefusal) -> [UInt8] {
        let index = try unlocked(index)
        registers[index].value = Self.extended(from: registers[index].value, with: data)
        return registers[index].value
    }

    mutating func lock(_ index: UInt16) throws(ModuleRefusal) {
        registers[try unlocked(index)].isLocked = true
    }

    /// Locks registers 0 up to but not including `range`, which may be locked already.
    mutating func lock(range: UInt16) throws(ModuleRefusal) {
        guard Int(range) <= Self.count else { throw ModuleRefusal(.invalidIndex) }
        for index in 0..<Int(range) { registers[index].isLocked = true }
    }

    private func checked(_ index: UInt16) throws(ModuleRefusal) -> Int {
        guard Int(index) < Self.count else { throw ModuleRefusal(.invalidIndex) }
        return Int(index)
    }

    private func unlocked(_ index: UInt16) throws(ModuleRefusal) -> Int {
        let index = try checked(index)
        guard !registers[index].isLocked else { throw ModuleRefusal(.readOnlyIndex) }
        return index
    }
}

/// Why the module does not do what was asked: becomes an `Error` response.
struct ModuleRefusal: Error, Equatable {
    let code: SecurityModuleError.Code

    init(_ code: SecurityModuleError.Code) {
        self.code = code
    }
}
