// SPDX-License-Identifier: Apache-2.0

/// Reads an object whose every member must be known: the reader for configuration files.
///
/// Take each member once by name and type, then call ``finish()``, which refuses what was not taken.
package struct JSONFields: ~Copyable {
    private let path: String
    private let object: JSONObject
    /// Names that were asked for, present or not.
    private var taken: Set<ScalarString> = []

    /// - Parameters:
    ///   - value: The object.
    ///   - path: Where it stands in the file, for messages; empty for the whole file.
    /// - Throws: `JSONFieldError` if `value` is not an object.
    package init(_ value: JSON, at path: String = "") throws(JSONFieldError) {
        guard case .object(let object) = value else {
            throw JSONFieldError(path: path, problem: .wrongType(expected: "object"))
        }
        self.path = path
        self.object = object
    }

    /// Reads the one object that a file is.
    ///
    /// - Parameters:
    ///   - json: The file's bytes.
    ///   - limits: Of length and depth.
    /// - Throws: `JSONFieldError` without a path if it is not JSON, or no object.
    package init(json: [UInt8], limits: JSONLimits) throws(JSONFieldError) {
        let value: JSON
        do {
            value = try JSON.parse(json, limits: limits)
        } catch {
            throw JSONFieldError(
                path: "",
                problem: .invalid(reason: "not JSON: \(error.code.rawValue) at byte \(error.offset)")
            )
        }
        try self.init(value)
    }

    package mutating func string(_ name: String) throws(JSONFieldError) -> String {
        guard let value = try optionalString(name) else { throw missing(name) }
        return value
    }

    package mutating func optionalString(_ name: String) throws(JSONFieldError) -> String? {
        guard let value = take(name) else { return nil }
        guard case .string(let text) = value else { throw wrongType(name, expected: "string") }
        return text
    }

    package mutating func integer(_ name: String, in range: ClosedRange<Int64>) throws(JSONFieldError) -> Int64 {
        guard let value = try optionalInteger(name, in: range) else { throw missing(name) }
        return value
    }

    package mutating func optionalInteger(_ name: String, in range: ClosedRange<Int64>) throws(JSONFieldError) -> Int64?
    {
        guard let value = take(name) else { return nil }
        guard case .number(let number) = value else { throw wrongType(name, expected: "integer") }
        guard let integer = number.int64, range.contains(integer) else {
            let reason = "must be an integer from \(range.lowerBound) to \(range.upperBound)"
            throw JSONFieldError(path: path(name), problem: .invalid(reason: reason))
        }
        return integer
    }

    package mutating func bool(_ name: String) throws(JSONFieldError) -> Bool {
        guard object[name] != nil else { throw missing(name) }
        return try bool(name, default: false)
    }

    package mutating func bool(_ name: String, default value: Bool) throws(JSONFieldError) -> Bool {
        guard let found = take(name) else { return value }
        guard case .bool(let bool) = found else { throw wrongType(name, expected: "true or false") }
        return bool
    }

    /// Nil if absent (`null` is a value); the path for nested readers is `path(name)`.
    package mutating func optionalValue(_ name: String) throws(JSONFieldError) -> JSON? { take(name) }

    package mutating func value(_ name: String) throws(JSONFieldError) -> JSON {
        guard let value = take(name) else { throw missing(name) }
        return value
    }

    /// An array of strings, which may be empty.
    package mutating func strings(_ name: String) throws(JSONFieldError) -> [String] {
        guard case .array(let elements) = try value(name) else { throw wrongType(name, expected: "array of strings") }
        var strings: [String] = []
        for (index, element) in elements.enumerated() {
            guard case .string(let text) = element else { throw wrongType("\(name)[\(index)]", expected: "string") }
            strings.append(text)
        }
        return strings
    }

    /// `kms.endpoint` for `endpoint` in `kms`.
    package func path(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

    /// Ends the reading.
    ///
    /// - Throws: `JSONFieldError` for the first member that nothing asked for.
    package consuming func finish() throws(JSONFieldError) {
        for member in object.members where !taken.contains(ScalarString(member.name)) {
            throw JSONFieldError(path: path(member.name), problem: .unknown)
        }
    }

    private mutating func take(_ name: String) -> JSON? {
        taken.insert(ScalarString(name))
        return object[name]
    }

    private func missing(_ name: String) -> JSONFieldError { JSONFieldError(path: path(name), problem: .missing) }

    private func wrongType(_ name: String, expected: String) -> JSONFieldError {
        JSONFieldError(path: path(name), problem: .wrongType(expected: expected))
    }
}

/// What is wrong with a member, by its dotted path. `description` is one line for a person.
package struct JSONFieldError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Problem: Equatable, Sendable {
        case missing
        case unknown
        case wrongType(expected: String)
        case invalid(reason: String)
    }

    package let path: String
    package let problem: Problem

    package init(path: String, problem: Problem) {
        self.path = path
        self.problem = problem
    }

    package var description: String {
        let place = path.isEmpty ? "the file" : path
        return switch problem {
        case .missing: "\(place): is missing"
        case .unknown: "\(place): is not known here"
        case .wrongType(let expected): "\(place): must be \(Self.article(expected))\(expected)"
        case .invalid(let reason): "\(place): \(reason)"
        }
    }

    private static func article(_ noun: String) -> String {
        switch noun.utf8.first {
        case UInt8(ascii: "a"), UInt8(ascii: "i"), UInt8(ascii: "o"): "an "
        case UInt8(ascii: "s"): "a "
        default: ""
        }
    }
}
