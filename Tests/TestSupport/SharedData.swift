// SPDX-License-Identifier: Apache-2.0

package import Foundation

/// Test data that is too large or not ours to keep in the repository: real attestation documents and third-party suites.
/// Looked for in `$KEYBROKER_TEST_DATA`, else in `shared/data` beside the repository. Tests that need it say so when
/// it is missing: `.enabled(if: SharedData.isAvailable, "…")`.
package enum SharedData: Sendable {
    package static let root: URL = {
        if let path = ProcessInfo.processInfo.environment["KEYBROKER_TEST_DATA"] {
            return URL(fileURLWithPath: path)
        }
        return repository.deletingLastPathComponent().appendingPathComponent("shared/data")
    }()

    package static let isAvailable: Bool = FileManager.default.fileExists(atPath: root.path)

    package static let missing: String = "test data not found: set KEYBROKER_TEST_DATA to its folder"

    /// The root of this repository.
    package static let repository: URL = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    package static func bytes(_ path: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: root.appendingPathComponent(path)))
    }
}
