// SPDX-License-Identifier: Apache-2.0

package import Encoding

// How the protocol writes what JSON has no type for.

extension JSON {
    /// A blob: base64.
    package static func blob(_ bytes: [UInt8]) -> JSON { .string(Base64.encode(bytes)) }

    /// A timestamp: seconds since the Unix epoch, with a fraction where there is one.
    package static func epochSeconds(_ time: Timestamp) -> JSON {
        if time.milliseconds % 1000 == 0 { return .number(JSONNumber(time.seconds)) }
        return .number(JSONNumber(Double(time.milliseconds) / 1000))
    }
}

extension JSONObject {
    /// The bytes of a blob member; nil if it is absent, no text, or not base64.
    package func blob(_ name: String) -> [UInt8]? {
        guard let text = self[name]?.string else { return nil }
        return try? Base64.decode(text)
    }
}
