// SPDX-License-Identifier: Apache-2.0

import AuditTrail

/// Registries of signers as files.
enum RegistryFile {
    static func read(_ path: String) throws(CommandFailure) -> SignerRegistry {
        do {
            return try SignerRegistry(json: try InputFile.read(path))
        } catch let failure as CommandFailure {
            throw failure
        } catch {
            throw .usage("\(path): \(error)")
        }
    }
}
