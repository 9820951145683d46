// SPDX-License-Identifier: Apache-2.0

package import Encoding

/// A tag of a key (API Reference, Tag).
package struct KeyTag: Sendable, Equatable {
    package let key: String
    package let value: String

    package init(key: String, value: String) {
        self.key = key
        self.value = value
    }

    /// Whether two keys of tags are one. KMS compares bytes, Swift's `==` canonical equivalence.
    package static func isSameKey(_ one: String, _ other: String) -> Bool { one.utf8.elementsEqual(other.utf8) }

    /// AWS keeps these to itself, in any case of letters.
    private static let reservedPrefix = "aws:"

    /// The tags of one request.
    ///
    /// - Throws: `TagException` in KMS's words.
    static func check(_ tags: [KeyTag]) throws(KMSError) {
        guard Set(tags.map { [UInt8]($0.key.utf8) }).count == tags.count else {
            throw KMSError("TagException", "Duplicate tag keys")
        }
        guard tags.count <= KMSLimits.tags else { throw .tooManyTags }
        guard !tags.contains(where: { $0.key.lowercased().hasPrefix(reservedPrefix) }) else {
            throw KMSError("TagException", "Tags beginning with aws: are reserved")
        }
    }
}

extension KMSError {
    /// More than ``KMSLimits/tags`` on a key.
    package static let tooManyTags = KMSError("TagException", "Too many tags")
}

/// `TagResource` (API Reference).
package struct TagResourceRequest: Sendable {
    /// A key id or key ARN.
    package let keyID: String
    package let tags: [KeyTag]

    /// - Throws: `SerializationException` or `ValidationException` in KMS's words; `TagException`.
    package init(_ input: JSONObject) throws(KMSError) {
        var reader = RequestReader(input)
        let keyID = try reader.keyID()
        let tags = try reader.tags(required: true)
        try reader.finish()
        self.keyID = try reader.present(keyID)
        self.tags = try reader.present(tags)
        try KeyTag.check(self.tags)
    }
}

/// `UntagResource` (API Reference).
package struct UntagResourceRequest: Sendable {
    /// A key id or key ARN.
    package let keyID: String
    package let tagKeys: [String]

    /// - Throws: `SerializationException` or `ValidationException` in KMS's words.
    package init(_ input: JSONObject) throws(KMSError) {
        var reader = RequestReader(input)
        let keyID = try reader.keyID()
        let tagKeys = try reader.tagKeys()
        try reader.finish()
        self.keyID = try reader.present(keyID)
        self.tagKeys = try reader.present(tagKeys)
    }
}

/// `ListResourceTags` (API Reference).
package struct ListResourceTagsRequest: Sendable {
    /// "This value is optional. If you include a value, it must be between 1 and 50, inclusive. If you do not include a
    /// value, it defaults to 50."
    private static let maximumLimit = 50

    /// A key id or key ARN.
    package let keyID: String
    package let limit: Int
    package let marker: String?

    /// - Throws: `SerializationException` or `ValidationException` in KMS's words.
    package init(_ input: JSONObject) throws(KMSError) {
        var reader = RequestReader(input)
        let keyID = try reader.keyID()
        let limit = try reader.integer("Limit", in: KMSLimits.limit)
        marker = try reader.string("Marker", length: KMSLimits.marker, pattern: .marker)
        try reader.finish()
        self.keyID = try reader.present(keyID)
        // The model allows 1000, the reference 50: a shorter page is right in either reading.
        self.limit = min(limit ?? Self.maximumLimit, Self.maximumLimit)
    }
}

extension RequestReader {
    mutating func tags(required: Bool = false) throws(KMSError) -> [KeyTag]? {
        guard let list = try list("Tags") else {
            if required { violate("Tags", "Value null", "Member must not be null") }
            return nil
        }
        var tags: [KeyTag] = []
        for (index, element) in list.enumerated() {
            guard let object = element.object else { throw RequestReader.wrongType(element, "Map") }
            var tag = RequestReader(object, prefix: "tags.\(index + 1).member.")
            let key = try tag.string("TagKey", required: true, length: KMSLimits.tagKey)
            let value = try tag.string("TagValue", required: true, length: KMSLimits.tagValue)
            add(tag.violations)
            if let key, let value { tags.append(KeyTag(key: key, value: value)) }
        }
        return tags
    }

    fileprivate mutating func tagKeys() throws(KMSError) -> [String]? {
        guard let list = try list("TagKeys") else {
            violate("TagKeys", "Value null", "Member must not be null")
            return nil
        }
        var keys: [String] = []
        for element in list {
            guard let key = element.string else { throw RequestReader.wrongType(element, "String") }
            keys.append(key)
        }
        let length = KMSLimits.tagKey
        if !keys.allSatisfy({ length.contains($0.unicodeScalars.count) }) {
            violate(
                "TagKeys",
                "Value",
                "Member must satisfy constraint: [Member must have length less than or equal to \(length.upperBound), "
                    + "Member must have length greater than or equal to \(length.lowerBound)]"
            )
        }
        return keys
    }
}
