// SPDX-License-Identifier: Apache-2.0

import Cryptography

/// PCR0 to PCR2 as the software module measures a program: 48 bytes each, made like AWS's (`H` is SHA-384):
///
/// - PCR0 = H(0⁴⁸ ‖ H(bytes of the executable file))
/// - PCR1 = H(0⁴⁸ ‖ H(L)). L is, for each shared library that the dynamic loader maps at start, itself included, the
///   kernel's vDSO not: the last component of its path, one zero byte, H(bytes of the file); ordered by name, bytewise,
///   libraries of the same name by their digest. Empty for a static executable.
/// - PCR2 = H(0⁴⁸ ‖ H(``moduleVersion``))
package struct SoftwareMeasurements: Sendable, Equatable {
    package var pcr0: [UInt8]
    package var pcr1: [UInt8]
    package var pcr2: [UInt8]

    /// What PCR2 is made of. Changes whenever the module's documents change in meaning.
    package static let moduleVersion = "keybroker software module 1"

    package init(pcr0: [UInt8], pcr1: [UInt8], pcr2: [UInt8]) {
        self.pcr0 = pcr0
        self.pcr1 = pcr1
        self.pcr2 = pcr2
    }

    /// Reads and measures.
    ///
    /// - Throws: ``SoftwareModuleError`` if one of the files cannot be read.
    package typealias Making = @Sendable () throws(SoftwareModuleError) -> SoftwareMeasurements

    /// For the running program: its executable and the shared libraries that it maps. To be called at start, before
    /// anything is loaded later on; what it returns may be called at any time.
    package static func makingOfRunningProgram() -> Making {
        let libraries = LoadedLibraries.ofRunningProgram()
        // The link leads to the file that runs, even if another has taken its place.
        return { () throws(SoftwareModuleError) in
            try SoftwareMeasurements(executable: "/proc/self/exe", libraries: libraries)
        }
    }

    /// What `makingOfRunningProgram` will say of `executable` when it runs on this machine, without `LD_PRELOAD` and its like.
    /// The program is not run; the dynamic loader maps it and resolves its libraries. Not for files from an enemy: the
    /// loader is not written for them.
    ///
    /// - Throws: ``SoftwareModuleError`` if a file cannot be read, or is not an executable that can start here.
    package static func predicted(forExecutable path: String) throws(SoftwareModuleError) -> SoftwareMeasurements {
        try SoftwareMeasurements(executable: path, libraries: LoadedLibraries.predicted(forExecutable: path))
    }

    private init(executable: String, libraries: [String]) throws(SoftwareModuleError) {
        var entries: [(name: [UInt8], digest: [UInt8])] = []
        for path in libraries {
            let name = path.split(separator: "/").last ?? ""
            entries.append(([UInt8](name.utf8), try OpenFile(path).digest()))
        }
        entries.sort {
            $0.name == $1.name
                ? $0.digest.lexicographicallyPrecedes($1.digest) : $0.name.lexicographicallyPrecedes($1.name)
        }
        let list = entries.reduce(into: []) { $0 += $1.name + [0] + $1.digest }
        pcr0 = PCRBank.extended(with: try OpenFile(executable).digest())
        pcr1 = PCRBank.extended(with: Hash.digest(.sha384, list))
        pcr2 = PCRBank.extended(with: Hash.digest(.sha384, [UInt8](Self.moduleVersion.utf8)))
    }
}
