// SPDX-License-Identifier: Apache-2.0

package import Encoding

/// A policy with its text: what evaluation compares, and what people wrote. For tools; the enclave keeps documents only.
package struct PolicySource: Sendable {
    /// The file's name, or another for people.
    package let name: String
    package let document: PolicyDocument
    package let statements: [StatementSource]

    /// - Throws: `PolicySyntaxError` for the first fault.
    package init(_ json: [UInt8], kind: PolicyDocument.Kind, name: String) throws(PolicySyntaxError) {
        document = try PolicyDocument(json, kind: kind)
        self.name = name
        let value = (try? JSON.parse(json))?.object?["Statement"]
        statements = (value?.array ?? [value].compactMap(\.self)).compactMap(\.object).map(StatementSource.init)
    }
}

/// A statement as it was written.
package struct StatementSource: Sendable {
    package let members: JSONObject

    package var sid: String? { members["Sid"]?.string }

    /// `Action` and its texts, or `NotAction`; the same for Resource, and for Principal with its JSON's texts.
    package func element(_ name: String) -> (name: String, values: [String])? {
        for name in [name, "Not\(name)"] {
            if let value = members[name] { return (name, Self.texts(value)) }
        }
        return nil
    }

    /// Conditions in the order of the parsed ones: operator, key as spelled, values.
    package var conditions: [(conditionOperator: String, key: String, values: [String])] {
        (members["Condition"]?.object?.members ?? []).flatMap { member in
            (member.value.object?.members ?? []).map { (member.name, $0.name, Self.texts($0.value)) }
        }
    }

    private static func texts(_ value: JSON) -> [String] {
        switch value {
        case .string(let text): [text]
        case .bool(let bool): [bool ? "true" : "false"]
        case .number(let number): [number.text]
        case .array(let elements): elements.flatMap(texts)
        // A Principal: {"AWS": […], "Service": …}.
        case .object(let object): object.members.flatMap { texts($0.value) }
        case .null: []
        }
    }
}
