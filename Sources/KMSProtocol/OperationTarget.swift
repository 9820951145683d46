// SPDX-License-Identifier: Apache-2.0

/// Names of services in `X-Amz-Target`.
package enum TargetPrefix {
    package static let kms = "TrentService"
    package static let broker = "KeyBroker"
}

/// The content type of every request and response with a body.
package let amzJSON = "application/x-amz-json-1.1"

/// Names of the headers that the protocol uses, as KMS writes them.
package enum KMSHeader {
    package static let target = "X-Amz-Target"
    package static let contentType = "Content-Type"
    /// A UUID for each response.
    package static let requestID = "x-amzn-RequestId"
    /// The bare error name: newer SDKs read this before the body.
    package static let errorType = "x-amzn-ErrorType"
}

/// Which operation of which service a request asks for.
package struct OperationTarget: Sendable, Hashable {
    /// `TrentService` or `KeyBroker`; see ``TargetPrefix``.
    package let prefix: String
    /// `Sign`
    package let operation: String

    /// Parses the value of `X-Amz-Target`.
    ///
    /// - Throws: `UnknownOperationException` if it is absent, of another service, or not a name.
    package init(_ header: String?) throws(KMSError) {
        guard let header, header.utf8.count <= KMSLimits.target else { throw .unknownOperation }
        // By bytes, not by characters: this runs for each request. The operation has letters and digits alone, no dot.
        guard let dot = header.utf8.firstIndex(of: UInt8(ascii: ".")) else { throw .unknownOperation }
        let (prefix, operation) = (header[..<dot], header[header.utf8.index(after: dot)...])
        guard let known = [TargetPrefix.kms, TargetPrefix.broker].first(where: { $0.utf8.elementsEqual(prefix.utf8) })
        else { throw .unknownOperation }
        guard !operation.isEmpty, operation.utf8.allSatisfy(Self.isLetterOrDigit) else { throw .unknownOperation }
        self.prefix = known
        self.operation = String(operation)
    }

    /// `kms:Sign`, `keybroker:GetStatus`: the name of the action in policies.
    package var action: String { (prefix == TargetPrefix.kms ? "kms:" : "keybroker:") + operation }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: false
        }
    }
}
