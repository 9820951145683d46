// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Whether a program was built with the software security module.
///
/// Swift keeps the names of a module's types in every program that has them, stripped or not (reflection metadata).
enum SoftwareModuleTraces: Sendable {
    /// Types that only that module has, and that it cannot do without.
    static let names = ["ModuleAuthority", "PCRBank", "UnlockRecorder"]

    static func isIn(_ program: [UInt8]) -> Bool {
        let program = Data(program)
        return names.contains { program.range(of: Data($0.utf8)) != nil }
    }
}
