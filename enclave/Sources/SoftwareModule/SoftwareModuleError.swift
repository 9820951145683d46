// SPDX-License-Identifier: Apache-2.0

/// What keeps a software module from being made. `detail` is one line for people.
package struct SoftwareModuleError: Error, Equatable, Sendable {
    package let detail: String

    package init(_ detail: String) {
        self.detail = detail
    }
}
