// SPDX-License-Identifier: Apache-2.0

/// Why there are no credentials: where was looked, what to do. One line, never a secret.
package struct CredentialError: Error, Equatable, Sendable, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}
