// SPDX-License-Identifier: Apache-2.0

/// The INI form of `~/.aws/credentials`, as SDKs read it: sections `[name]`, lines `key = value`, comments on lines of
/// their own with `#` or `;`. What fits none of it is passed over; a later value wins.
struct SharedCredentialsFile {
    /// Bytes: hundreds of profiles.
    static let maximumLength = 1 << 20

    private(set) var profiles: [String: [String: String]] = [:]

    init(_ bytes: [UInt8]) {
        var profile: String?
        for line in bytes.split(whereSeparator: { $0 == 0x0A || $0 == 0x0D }) {
            // An indented line belongs to a nested setting, none of which matters here.
            guard let first = line.first, first != 0x20, first != 0x09 else { continue }
            if first == UInt8(ascii: "#") || first == UInt8(ascii: ";") { continue }
            if first == UInt8(ascii: "[") {
                profile = line.firstIndex(of: UInt8(ascii: "]")).map { Self.text(line[(line.startIndex + 1)..<$0]) }
                if let profile { profiles[profile, default: [:]] = profiles[profile] ?? [:] }
            } else if let profile, let equals = line.firstIndex(of: UInt8(ascii: "=")) {
                let key = Self.text(line[..<equals]).lowercased()
                profiles[profile, default: [:]][key] = Self.text(line[(equals + 1)...])
            }
        }
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String {
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 }
        var rest = bytes.drop(while: isSpace)
        while let last = rest.last, isSpace(last) { rest.removeLast() }
        return String(decoding: rest, as: UTF8.self)
    }
}
