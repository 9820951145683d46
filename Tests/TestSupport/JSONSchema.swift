// SPDX-License-Identifier: Apache-2.0

package import Encoding
import Foundation

/// A schema of docs/reference, and what of a value is against it. As much of JSON Schema 2020-12 as those schemas use; a
/// keyword that is not known here is a fault of its own, so that none is passed over.
///
/// Stricter than JSON Schema in one point: where a schema lists `properties` and says nothing about others, others are
/// faults. What a program writes is documented.
package struct JSONSchema: Sendable {
    private let root: JSON

    /// Reads `docs/reference/NAME.schema.json`.
    package init(_ name: String) throws {
        let file = SharedData.repository.appendingPathComponent("docs/reference/\(name).schema.json")
        root = try JSON.parse([UInt8](try Data(contentsOf: file)))
    }

    /// One line for each fault, none if the value is as the schema says.
    package func faults(in value: JSON) -> [String] { faults(value, root, at: "") }

    /// The same of JSON text.
    package func faults(in text: [UInt8]) throws -> [String] { faults(in: try JSON.parse(text)) }

    private static let annotations: Set<String> = [
        "$schema", "$defs", "title", "description", "examples", "contentEncoding", "format",
    ]

    private func faults(_ value: JSON, _ schema: JSON, at path: String) -> [String] {
        guard let keywords = schema.object else { return schema == .bool(false) ? ["\(path): not allowed"] : [] }
        var faults: [String] = []
        for (keyword, rule) in keywords.members where !Self.annotations.contains(keyword) {
            faults += self.faults(value, keyword, rule, at: path)
        }
        if case .object(let object) = value, let known = keywords["properties"]?.object,
            keywords["additionalProperties"] == nil, keywords["patternProperties"] == nil
        {
            faults += object.members.filter { known[$0.name] == nil }.map { "\(path).\($0.name): not documented" }
        }
        if let rule = keywords["additionalProperties"], case .object(let object) = value {
            let patterns = keywords["patternProperties"]?.object?.members.map(\.name) ?? []
            for (name, member) in object.members
            where keywords["properties"]?.object?[name] == nil && !patterns.contains(where: { matches(name, $0) }) {
                faults += self.faults(member, rule, at: "\(path).\(name)")
            }
        }
        return faults
    }

    private func faults(_ value: JSON, _ keyword: String, _ rule: JSON, at path: String) -> [String] {
        func unless(_ holds: Bool) -> [String] { holds ? [] : ["\(path): \(keyword)"] }
        let (object, array, text) = (value.object, value.array, value.string)
        switch keyword {
        case "$ref": return reference(rule.string ?? "").map { $0.faults(value, at: path) } ?? ["\(path): \(rule)"]
        case "type": return unless((rule.array ?? [rule]).contains { isOf(value, $0.string ?? "") })
        case "const": return unless(value == rule)
        case "enum": return unless(rule.array?.contains(value) ?? false)
        case "oneOf": return unless((rule.array ?? []).count { faults(value, $0, at: path).isEmpty } == 1)
        case "anyOf": return unless((rule.array ?? []).contains { faults(value, $0, at: path).isEmpty })
        case "required":
            let missing = (rule.array ?? []).compactMap(\.string).filter { object != nil && object?[$0] == nil }
            return missing.map { "\(path).\($0): missing" }
        case "dependentRequired":
            return (rule.object?.members ?? []).filter { object?[$0.name] != nil }
                .flatMap { faults(value, "required", $0.value, at: path) }
        case "properties":
            return (rule.object?.members ?? []).flatMap { member in
                object?[member.name].map { faults($0, member.value, at: "\(path).\(member.name)") } ?? []
            }
        case "patternProperties":
            return (rule.object?.members ?? []).flatMap { pattern in
                (object?.members ?? []).filter { matches($0.name, pattern.name) }
                    .flatMap { faults($0.value, pattern.value, at: "\(path).\($0.name)") }
            }
        case "additionalProperties": return []  // with its neighbours, above
        case "propertyNames": return (object?.members ?? []).flatMap { faults(.string($0.name), rule, at: path) }
        case "items":
            return (array ?? []).enumerated().flatMap { faults($1, rule, at: "\(path)[\($0)]") }
        case "minItems": return unless(array.map { $0.count >= Self.limit(rule) } ?? true)
        case "maxItems": return unless(array.map { $0.count <= Self.limit(rule) } ?? true)
        case "maxProperties": return unless(object.map { $0.members.count <= Self.limit(rule) } ?? true)
        case "minLength": return unless(text.map { $0.unicodeScalars.count >= Self.limit(rule) } ?? true)
        case "maxLength": return unless(text.map { $0.unicodeScalars.count <= Self.limit(rule) } ?? true)
        case "minimum": return unless(number(value).map { $0 >= number(rule) ?? .infinity } ?? true)
        case "maximum": return unless(number(value).map { $0 <= number(rule) ?? -.infinity } ?? true)
        case "pattern": return unless(text.map { matches($0, rule.string ?? "") } ?? true)
        default: return ["the schema's keyword \(keyword) is not known to the tests"]
        }
    }

    private func isOf(_ value: JSON, _ type: String) -> Bool {
        switch value {
        case .null: type == "null"
        case .bool: type == "boolean"
        case .string: type == "string"
        case .array: type == "array"
        case .object: type == "object"
        case .number(let number): type == "number" || type == "integer" && number.double?.rounded() == number.double
        }
    }

    private func number(_ value: JSON) -> Double? { if case .number(let number) = value { number.double } else { nil } }

    private static func limit(_ rule: JSON) -> Int { Int(clamping: rule.int64 ?? 0) }

    private func matches(_ text: String, _ pattern: String) -> Bool {
        guard let regex = try? Regex<AnyRegexOutput>(pattern) else { return false }
        return text.contains(regex)
    }

    /// `#/$defs/name`, or the same behind the name of another schema's file.
    private func reference(_ text: String) -> Reference? {
        let parts = text.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        let other = String(parts[0].prefix(while: { $0 != "." }))
        guard let schema = other.isEmpty ? self : try? JSONSchema(other) else { return nil }
        var target: JSON? = schema.root
        for step in parts[1].split(separator: "/") { target = target?.object?[String(step)] }
        return target.map { Reference(schema: schema, target: $0) }
    }

    private struct Reference {
        let schema: JSONSchema
        let target: JSON

        func faults(_ value: JSON, at path: String) -> [String] { schema.faults(value, target, at: path) }
    }
}
