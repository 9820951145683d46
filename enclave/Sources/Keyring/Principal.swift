// SPDX-License-Identifier: Apache-2.0

package import Cryptography

/// Who may ask: an access key that the broker made, never one of AWS's.
package struct Principal: Sendable {
    /// 20 characters beginning `KBAK`.
    package var accessKeyID: String
    package var secret: SharedSecret
    /// `arn:aws:iam::ACCOUNT:user/NAME`
    package var arn: String
    /// IAM policies, as JSON text.
    package var policies: [String]

    package init(accessKeyID: String, secret: SharedSecret, arn: String, policies: [String]) {
        self.accessKeyID = accessKeyID
        self.secret = secret
        self.arn = arn
        self.policies = policies
    }
}
