// SPDX-License-Identifier: Apache-2.0

package import Cryptography
package import Encoding

/// Who may ask: an access key that the broker made, never one of AWS's.
package struct Principal: Sendable {
    /// 20 characters beginning `KBAK`.
    package var accessKeyID: String
    package var secret: SharedSecret
    /// `arn:aws:iam::ACCOUNT:user/NAME`
    package var arn: String
    /// IAM policies, as JSON text.
    package var policies: [String]
    /// Nil in keyrings of before it was kept.
    package var creationDate: Timestamp?

    package init(
        accessKeyID: String,
        secret: SharedSecret,
        arn: String,
        policies: [String],
        creationDate: Timestamp? = nil
    ) {
        self.accessKeyID = accessKeyID
        self.secret = secret
        self.arn = arn
        self.policies = policies
        self.creationDate = creationDate
    }
}
