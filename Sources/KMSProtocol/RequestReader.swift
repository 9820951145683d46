// SPDX-License-Identifier: Apache-2.0

package import Encoding

/// The body of a request, before its members are read.
package enum KMSRequestBody {
    /// An empty body is an empty object, as SDKs of other languages than JavaScript send it.
    ///
    /// - Throws: `SerializationException` for anything but one JSON object within ``KMSLimits``.
    package static func parse(_ body: [UInt8]) throws(KMSError) -> JSONObject {
        if body.isEmpty { return JSONObject() }
        let json: JSON
        do {
            json = try JSON.parse(
                body,
                limits: JSONLimits(totalLength: KMSLimits.requestBody, depth: KMSLimits.requestDepth)
            )
        } catch {
            throw .serialization(nil)
        }
        guard let object = json.object else { throw .serialization("Unexpected field type") }
        return object
    }
}

/// Reads the members of a request as the services of AWS do: first types (a wrong one ends it with
/// `SerializationException`), then constraints, all of them in one `ValidationException`.
///
/// Unknown members are ignored; a member that is `null` is absent.
struct RequestReader {
    private let input: JSONObject
    /// `recipient.` for members of the member Recipient.
    private let prefix: String
    private(set) var violations: [String] = []

    init(_ input: JSONObject, prefix: String = "") {
        self.input = input
        self.prefix = prefix
    }

    /// - Throws: `ValidationException` with everything that was wrong.
    func finish() throws(KMSError) {
        guard violations.isEmpty else { throw .constraints(violations) }
    }

    /// The value of a required member after ``finish()`` passed.
    func present<Value>(_ value: Value?) throws(KMSError) -> Value {
        guard let value else { throw .constraints(violations) }
        return value
    }

    mutating func add(_ other: [String]) { violations += other }

    // MARK: Types of members

    mutating func string(
        _ name: String,
        required: Bool = false,
        length: ClosedRange<Int>,
        pattern: MemberPattern? = nil
    ) throws(KMSError) -> String? {
        guard let text = try text(name) else {
            if required { violate(name, "Value null", "Member must not be null") }
            return nil
        }
        checkLength(text.unicodeScalars.count, length, name, Self.quoted(text))
        if let pattern, !text.unicodeScalars.allSatisfy(pattern.allows) {
            violate(name, Self.quoted(text), "Member must satisfy regular expression pattern: \(pattern.text)")
        }
        return text
    }

    /// One of the member's values: all cases, unless this member's enum has fewer.
    mutating func choice<Choice>(
        _ name: String,
        among choices: [Choice] = Array(Choice.allCases),
        required: Bool = false
    ) throws(KMSError) -> Choice?
    where Choice: RawRepresentable<String> & CaseIterable {
        guard let text = try text(name) else {
            if required { violate(name, "Value null", "Member must not be null") }
            return nil
        }
        guard let choice = choices.first(where: { $0.rawValue == text }) else {
            let set = choices.map(\.rawValue).joined(separator: ", ")
            violate(name, Self.quoted(text), "Member must satisfy enum value set: [\(set)]")
            return nil
        }
        return choice
    }

    /// Base64 on the wire; `length` counts decoded bytes.
    mutating func blob(_ name: String, required: Bool = false, length: ClosedRange<Int>) throws(KMSError) -> [UInt8]? {
        guard let text = try text(name) else {
            if required { violate(name, "Value null", "Member must not be null") }
            return nil
        }
        let bytes: [UInt8]
        do { bytes = try Base64.decode(text) } catch { throw .serialization("Member is not valid base64") }
        checkLength(bytes.count, length, name, "Value")
        return bytes
    }

    mutating func integer(_ name: String, in range: ClosedRange<Int64>) throws(KMSError) -> Int? {
        guard let value = value(name) else { return nil }
        guard case .number = value else { throw Self.wrongType(value, "Integer") }
        guard let number = value.int64 else { throw .serialization("NUMBER_VALUE cannot be converted to Integer") }
        if number < range.lowerBound {
            violate(name, "Value '\(number)'", "Member must have value greater than or equal to \(range.lowerBound)")
        }
        if number > range.upperBound {
            violate(name, "Value '\(number)'", "Member must have value less than or equal to \(range.upperBound)")
        }
        return Int(exactly: number)
    }

    /// A required member of whatever type.
    mutating func required(_ name: String) -> JSON? {
        guard let value = value(name) else {
            violate(name, "Value null", "Member must not be null")
            return nil
        }
        return value
    }

    /// An absent member is false.
    func bool(_ name: String) throws(KMSError) -> Bool {
        guard let value = value(name) else { return false }
        guard let bool = value.bool else { throw Self.wrongType(value, "Boolean") }
        return bool
    }

    func list(_ name: String) throws(KMSError) -> [JSON]? {
        guard let value = value(name) else { return nil }
        guard let array = value.array else { throw Self.wrongType(value, "List") }
        return array
    }

    func object(_ name: String) throws(KMSError) -> JSONObject? {
        guard let value = value(name) else { return nil }
        guard let object = value.object else { throw Self.wrongType(value, "Map") }
        return object
    }

    // MARK: Members that many operations have

    mutating func keyID(_ name: String = "KeyId", required: Bool = true) throws(KMSError) -> String? {
        try string(name, required: required, length: KMSLimits.keyID)
    }

    mutating func grantTokens() throws(KMSError) -> [String] {
        let name = "GrantTokens"
        guard let list = try list(name) else { return [] }
        var tokens: [String] = []
        for element in list {
            guard let token = element.string else { throw Self.wrongType(element, "String") }
            tokens.append(token)
        }
        if tokens.count > KMSLimits.grantTokens {
            violate(name, "Value", "Member must have length less than or equal to \(KMSLimits.grantTokens)")
        }
        let length = KMSLimits.grantToken
        if !tokens.allSatisfy({ length.contains($0.unicodeScalars.count) }) {
            violate(
                name,
                "Value",
                "Member must satisfy constraint: [Member must have length less than or equal to \(length.upperBound), "
                    + "Member must have length greater than or equal to \(length.lowerBound)]"
            )
        }
        return tokens
    }

    /// An absent context is empty. Swift compares strings by canonical equivalence, KMS by bytes: whoever compares contexts
    /// compares their UTF-8.
    mutating func encryptionContext(_ name: String = "EncryptionContext") throws(KMSError) -> [String: String] {
        guard let object = try object(name) else { return [:] }
        var context: [String: String] = [:]
        var total = 0
        for member in object.members {
            // A context that loses a pair would be another context, so null is no absence here.
            guard let value = member.value.string else { throw Self.wrongType(member.value, "String") }
            context[member.name] = value
            total += member.name.utf8.count + value.utf8.count
        }
        // Names that are equal as Swift strings but not as scalars would fall together.
        guard context.count == object.members.count else {
            throw .validation("EncryptionContext has names that differ only in Unicode normalization.")
        }
        if total > KMSLimits.encryptionContext {
            violate(name, "Value", "Member must have length less than or equal to \(KMSLimits.encryptionContext)")
        }
        return context
    }

    // MARK: Violations

    mutating func violate(_ name: String, _ value: String, _ constraint: String) {
        violations.append("\(value) at '\(prefix)\(Self.lowerFirst(name))' failed to satisfy constraint: \(constraint)")
    }

    private mutating func checkLength(
        _ count: Int,
        _ length: ClosedRange<Int>,
        _ name: String,
        _ value: @autoclosure () -> String
    ) {
        if count < length.lowerBound {
            violate(name, value(), "Member must have length greater than or equal to \(length.lowerBound)")
        }
        if count > length.upperBound {
            violate(name, value(), "Member must have length less than or equal to \(length.upperBound)")
        }
    }

    private func value(_ name: String) -> JSON? {
        guard let value = input[name] else { return nil }
        if case .null = value { return nil }
        return value
    }

    private func text(_ name: String) throws(KMSError) -> String? {
        guard let value = value(name) else { return nil }
        guard let text = value.string else { throw Self.wrongType(value, "String") }
        return text
    }

    private static func quoted(_ text: String) -> String {
        // Scalars: one character of a hostile text may be of any length.
        "Value '\(String(String.UnicodeScalarView(text.unicodeScalars.prefix(KMSLimits.echoedValue))))'"
    }

    /// `keyId` for `KeyId`.
    private static func lowerFirst(_ name: String) -> String { name.prefix(1).lowercased() + name.dropFirst() }

    /// The texts of AWS's JSON services for a value of another type than the member's.
    static func wrongType(_ value: JSON, _ expected: String) -> KMSError {
        switch value {
        case .object: .serialization("Start of structure or map found where not expected.")
        case .array: .serialization("Start of list found where not expected")
        case .string: .serialization("STRING_VALUE cannot be converted to \(expected)")
        case .number: .serialization("NUMBER_VALUE cannot be converted to \(expected)")
        case .bool(true): .serialization("TRUE_VALUE cannot be converted to \(expected)")
        case .bool(false): .serialization("FALSE_VALUE cannot be converted to \(expected)")
        case .null: .serialization("NULL_VALUE cannot be converted to \(expected)")
        }
    }
}

/// A pattern of the service model that allows one set of characters throughout.
struct MemberPattern: Sendable {
    /// As error messages show it.
    let text: String
    let allows: @Sendable (Unicode.Scalar) -> Bool

    static let aliasName = MemberPattern(text: "^[a-zA-Z0-9:/_-]+$") { isWord($0) || ":/-".unicodeScalars.contains($0) }
    static let xksKeyID = MemberPattern(text: "^[a-zA-Z0-9-_.]+$") { isWord($0) || "-.".unicodeScalars.contains($0) }
    static let principalName = MemberPattern(text: "^[a-zA-Z0-9._-]+$") {
        isWord($0) || ".-".unicodeScalars.contains($0)
    }
    static let policyName = MemberPattern(text: "[\\w]+", allows: isWord)
    static let marker = MemberPattern(text: "[\\u0020-\\u00FF]*") { (0x20...0xFF).contains($0.value) }
    static let policy = MemberPattern(text: "[\\u0009\\u000A\\u000D\\u0020-\\u00FF]+") {
        (0x20...0xFF).contains($0.value) || [0x09, 0x0A, 0x0D].contains($0.value)
    }

    @Sendable private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", "_": true
        default: false
        }
    }
}
