// SPDX-License-Identifier: Apache-2.0

/// Why an image cannot be made. One line for people: what is wrong with which file.
package struct ImageBuildError: Error, Sendable, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// Reads a whole file: nil if there is none of that name, an error if it cannot be read.
package typealias FileReading = @Sendable (_ path: String) throws(ImageBuildError) -> [UInt8]?
