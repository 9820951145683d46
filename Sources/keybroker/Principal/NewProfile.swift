// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Foundation

/// A profile that is to be added to a credentials file: the place is made sure of before the access key exists, so that
/// a wrong path or a full disk costs no secret.
struct NewProfile: Sendable {
    let profile: String
    private let path: String
    private let temporary: String
    /// What is in the file already.
    private var content: [UInt8]

    /// Checks everything that can be checked before there is a secret.
    ///
    /// - Parameters:
    ///   - name: the profile; nil: `default` in a new file, else the principal's name.
    ///   - principal: the principal's name.
    ///   - file: made if it does not exist. A symbolic link stays one.
    /// - Throws: if the profile is there already, or the file cannot be written.
    init(name: String?, principal: String, in file: String) throws(CommandFailure) {
        let exists = FileManager.default.fileExists(atPath: file)
        path = exists ? URL(fileURLWithPath: file).resolvingSymlinksInPath().path : file
        temporary = path + ".new"
        content = exists ? try InputFile.read(path) : []
        profile = name ?? (content.isEmpty ? "default" : principal)
        guard profile.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "]") }), !profile.isEmpty else {
            throw .usage("--new-profile: a profile's name is printable and has neither spaces nor ]")
        }
        let header = "[\(profile)]"
        let isTaken = String(decoding: content, as: UTF8.self).split(whereSeparator: \.isNewline).contains {
            $0.filter { $0 != " " && $0 != "\t" }.hasPrefix(header)
        }
        guard !isTaken else {
            throw .usage("\(file) has a profile \(profile) already: name another with --new-profile, or another file")
        }
        // The old content first: whatever stands in the way of writing shows now.
        try InputFile.write(content, to: temporary, permissions: 0o600)
    }

    /// Adds the profile: old content or new, never half of it.
    mutating func write(_ key: NewAccessKey) throws(CommandFailure) {
        if let last = content.last, last != 0x0A { content.append(0x0A) }
        if !content.isEmpty { content.append(0x0A) }
        content += Array("[\(profile)]\naws_access_key_id = \(key.accessKeyID)\naws_secret_access_key = ".utf8)
        key.secret.bytes.withBytes { bytes in
            for offset in 0..<bytes.byteCount {
                content.append(unsafe bytes.unsafeLoad(fromByteOffset: offset, as: UInt8.self))
            }
        }
        content.append(0x0A)
        defer { wipe(&content) }
        try InputFile.write(content, to: path, permissions: 0o600)
    }

    /// Takes away what ``init(name:principal:in:)`` put there.
    func discard() { try? FileManager.default.removeItem(atPath: temporary) }
}
