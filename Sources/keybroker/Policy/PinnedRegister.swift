// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Encoding

/// A register that a key policy holds an enclave to, as a flag: `N=HEX`, or `N` where a file says what is in it.
struct PinnedRegister: ExpressibleByArgument, Sendable {
    let index: Int
    /// 48 bytes; nil: as it was measured.
    let value: [UInt8]?

    init?(argument: String) {
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        guard let name = parts.first, let index = Int(name), (0...31).contains(index), String(index) == name else {
            return nil
        }
        self.index = index
        guard parts.count == 2 else {
            value = nil
            return
        }
        guard let value = try? Hex.decode(parts[1]), value.count == 48 else { return nil }
        self.value = value
    }

    /// The value of each, by index; `measured` is what a file that the command was given has.
    static func values(
        _ registers: [PinnedRegister],
        option: String,
        measured: [Int: [UInt8]]
    ) throws(CommandFailure) -> [Int: [UInt8]] {
        var result: [Int: [UInt8]] = [:]
        for register in registers {
            let index = register.index
            guard index != 0 && index != 16 else {
                throw .usage("\(option) \(index): PCR0 and PCR16 are pinned already (--pcr0 or --image, --config)")
            }
            guard let value = register.value ?? measured[index] else {
                let why = measured.isEmpty ? "without a file it needs its value" : "the file does not say what is in it"
                throw .usage("\(option) \(index): \(why): \(option) \(index)=HEX")
            }
            guard result.updateValue(value, forKey: index) == nil else {
                throw .usage("\(option) \(index) is given twice")
            }
        }
        return result
    }
}
