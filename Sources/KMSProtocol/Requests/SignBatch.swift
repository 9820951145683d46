// SPDX-License-Identifier: Apache-2.0

package import Encoding

/// `KeyBroker.SignBatch`: `Sign` for many messages of one key and one algorithm. Not an operation of KMS.
package struct SignBatchRequest: Sendable {
    /// Messages of one request. Ten times what an auditor signs at once, and a fraction of a second of RSA-2048.
    package static let messageCount = 1...1000

    /// Of every message.
    package let parameters: SigningParameters
    /// In the order in which the signatures are to be.
    package let messages: [[UInt8]]

    /// - Throws: `SerializationException` or `ValidationException` in KMS's words.
    package init(_ input: JSONObject) throws(KMSError) {
        (parameters, messages, _) = try SigningParameters.read(
            input,
            subject: { reader throws(KMSError) in
                try reader.blobs("Messages", count: Self.messageCount, length: KMSLimits.plaintext)
            },
            more: { _ in () }
        )
    }
}

extension RequestReader {
    /// A required list of base64 texts; `length` counts the decoded bytes of each.
    fileprivate mutating func blobs(
        _ name: String,
        count: ClosedRange<Int>,
        length: ClosedRange<Int>
    ) throws(KMSError) -> [[UInt8]]? {
        guard let list = try list(name) else {
            violate(name, "Value null", "Member must not be null")
            return nil
        }
        guard count.contains(list.count) else {
            violate(name, "Value", "Member must have length from \(count.lowerBound) to \(count.upperBound)")
            return nil
        }
        var blobs: [[UInt8]] = []
        blobs.reserveCapacity(list.count)
        for element in list {
            guard let text = element.string else { throw Self.wrongType(element, "String") }
            do {
                blobs.append(try Base64.decode(text))
            } catch {
                throw .serialization("Member is not valid base64")
            }
        }
        if let index = blobs.firstIndex(where: { !length.contains($0.count) }) {
            violate(
                "\(name)[\(index)]",
                "Value",
                "Member must have length from \(length.lowerBound) to \(length.upperBound)"
            )
        }
        return blobs
    }
}
