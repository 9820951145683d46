// SPDX-License-Identifier: Apache-2.0

/// Former names of `TemporaryDirectory`.
package typealias Scratch = TemporaryDirectory
package typealias TemporaryFolder = TemporaryDirectory
