// SPDX-License-Identifier: Apache-2.0

package import Encoding

extension Timestamp {
    /// As ECMAScript's `toISOString` writes it: always with milliseconds.
    package var rfc3339WithMilliseconds: String {
        let text = rfc3339
        return text.contains(".") ? text : text.dropLast() + ".000Z"
    }
}
