// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
package import Cryptography
package import Encoding
import KMSProtocol
import KeyService

/// Makes a keyring's contents offline, from a specification: keys made or imported, access keys made.
package enum KeyringBuilder: Sendable {
    /// Reads a file that a specification names.
    package typealias FileReader = (_ path: String) throws -> SecretBytes

    /// Makes and imports what the specification asks for, and judges every policy.
    ///
    /// - Parameters:
    ///   - specification: What is asked for.
    ///   - time: Creation date of everything.
    ///   - random: Names keys and access keys; never their secrets.
    ///   - readFile: How import files are read; its errors pass through.
    /// - Returns: The contents, ready to be sealed.
    /// - Throws: ``KeyringBuildError``, and what `readFile` throws.
    package static func build(
        _ specification: KeyringSpecification,
        at time: Timestamp,
        random: RandomSource,
        readFile: FileReader
    ) throws -> KeyringContents {
        var keys: [KeyRecord] = []
        for (index, key) in specification.keys.enumerated() {
            keys.append(
                try record(
                    key,
                    at: time,
                    specification: specification,
                    place: "keys[\(index)]",
                    random: random,
                    readFile: readFile
                )
            )
        }
        do {
            _ = try KeyTable(keys, account: specification.account, region: specification.region)
        } catch {
            throw KeyringBuildError("\(error)")
        }
        var principals: [Principal] = []
        for (index, principal) in specification.principals.enumerated() {
            guard !principals.contains(where: { $0.arn == principal.arn }) else {
                throw KeyringBuildError("principals[\(index)]: two principals have the ARN \(principal.arn)")
            }
            for (number, policy) in principal.policies.enumerated() {
                do {
                    _ = try PolicyDocument([UInt8](policy.utf8), kind: .identity)
                } catch {
                    throw KeyringBuildError("principals[\(index)].policies[\(number)]: \(error)")
                }
            }
            principals.append(
                Principal(
                    accessKeyID: try AccessKey.makeID(random: random),
                    secret: try AccessKey.makeSecret(),
                    arn: principal.arn,
                    policies: principal.policies,
                    creationDate: time
                )
            )
        }
        return KeyringContents(keys: keys, principals: principals)
    }

    private static func record(
        _ key: KeyringSpecification.Key,
        at time: Timestamp,
        specification: KeyringSpecification,
        place: String,
        random: RandomSource,
        readFile: FileReader
    ) throws -> KeyRecord {
        let id = try key.keyID ?? KeyService.makeKeyID(random)
        let arn = KMSARN(region: specification.region, account: specification.account, resource: .key(id))
        let material: KeyRecord.Material
        if let path = key.importFile {
            material = try KeyImport.material(
                try readFile(path),
                spec: key.spec,
                place: "\(place).importFile, \(path)"
            )
        } else {
            material = try key.spec.makeMaterial()
        }
        return KeyRecord(
            id: id,
            arn: arn.description,
            spec: key.spec,
            usage: key.usage,
            description: key.description,
            creationDate: time,
            aliases: key.aliases.map { .init(name: $0, creationDate: time, lastUpdatedDate: time) },
            policy: key.policy ?? KeyService.defaultKeyPolicy(account: specification.account),
            origin: key.importFile == nil ? .offline : .imported,
            material: material
        )
    }
}

extension KeyringContents {
    /// Which key has these very bytes; nil if none has. What seals a keyring must not lie in it.
    package func index(ofKey bytes: borrowing SecretBytes) -> Int? {
        for (index, key) in keys.enumerated() {
            if case .symmetric(let secret) = key.material, secret.bytes.equals(bytes) { return index }
        }
        return nil
    }
}

/// What keeps a keyring from being made. One line for people: the place in the specification and what to do.
package struct KeyringBuildError: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}
