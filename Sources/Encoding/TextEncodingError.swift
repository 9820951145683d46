// SPDX-License-Identifier: Apache-2.0

/// Text that is not what it should encode. Carries a place, never the text.
package struct TextEncodingError: Error, Equatable, Sendable {
    /// Offset of the first offending character, in characters from the start.
    package let offset: Int

    package init(offset: Int) {
        self.offset = offset
    }
}
