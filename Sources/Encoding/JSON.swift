// SPDX-License-Identifier: Apache-2.0

/// A JSON value (RFC 8259) that keeps what canonical forms need: member order and the text of numbers.
///
/// Equality is exact: strings by their Unicode scalars (`é` composed is not `é` decomposed), numbers by their text
/// (`1.0` is not `1`), members in their order.
package enum JSON: Sendable, Equatable {
    case null
    case bool(Bool)
    case number(JSONNumber)
    case string(String)
    case array([JSON])
    case object(JSONObject)

    package static func == (a: JSON, b: JSON) -> Bool {
        switch (a, b) {
        case (.null, .null): true
        case (.bool(let a), .bool(let b)): a == b
        case (.number(let a), .number(let b)): a == b
        case (.string(let a), .string(let b)): a.hasSameScalars(as: b)
        case (.array(let a), .array(let b)): a == b
        case (.object(let a), .object(let b)): a == b
        default: false
        }
    }
}

/// A JSON number as it was written.
package struct JSONNumber: Sendable, Equatable {
    /// The literal, for instance `1.0` or `-3e8`.
    package let text: String

    package init(_ value: Int64) { text = String(value) }

    /// The shortest text that reads back as `value`, as ECMAScript writes it.
    ///
    /// JSON has neither NaN nor infinities: NaN becomes 0, an infinity the greatest finite number of its sign.
    @_disfavoredOverload
    package init(_ value: Double) {
        let limit = Double.greatestFiniteMagnitude
        text = ECMAScriptNumber.text(value.isNaN ? 0 : min(max(value, -limit), limit)) ?? "0"
    }

    /// For the parser: `text` matches RFC 8259 section 6.
    init(literal text: String) { self.text = text }

    /// The value, if it is an integer written without fraction or exponent and fits.
    package var int64: Int64? { Int64(text) }

    /// The nearest double; nil if it is not finite.
    package var double: Double? {
        guard let value = Double(text), value.isFinite else { return nil }
        return value
    }
}

/// Members in the order written; names are unique (as scalars, not by Unicode equivalence).
package struct JSONObject: Sendable, Equatable {
    package private(set) var members: [(name: String, value: JSON)] = []

    package init() {}

    /// A name that comes again replaces the value that it had, in its first place.
    package init(_ members: [(String, JSON)]) {
        var places: [ScalarString: Int] = [:]
        places.reserveCapacity(members.count)
        for (name, value) in members {
            if let place = places[ScalarString(name)] {
                self.members[place].value = value
            } else {
                places[ScalarString(name)] = self.members.count
                self.members.append((name, value))
            }
        }
    }

    /// For the parser, which has checked that names are unique.
    init(uncheckedMembers members: [(name: String, value: JSON)]) { self.members = members }

    /// Looks from the first member on. Setting nil removes; setting a new name appends.
    package subscript(_ name: String) -> JSON? {
        get { index(of: name).map { members[$0].value } }
        set {
            switch (index(of: name), newValue) {
            case (let index?, let value?): members[index].value = value
            case (let index?, nil): members.remove(at: index)
            case (nil, let value?): members.append((name, value))
            case (nil, nil): break
            }
        }
    }

    private func index(of name: String) -> Int? {
        // Without copies of the members that are passed.
        members.indices.first { members[$0].name.hasSameScalars(as: name) }
    }

    package static func == (a: JSONObject, b: JSONObject) -> Bool {
        a.members.count == b.members.count
            && zip(a.members, b.members).allSatisfy { $0.name.hasSameScalars(as: $1.name) && $0.value == $1.value }
    }
}

extension JSON {
    package var string: String? { if case .string(let value) = self { value } else { nil } }
    package var bool: Bool? { if case .bool(let value) = self { value } else { nil } }
    package var int64: Int64? { if case .number(let value) = self { value.int64 } else { nil } }
    package var array: [JSON]? { if case .array(let value) = self { value } else { nil } }
    package var object: JSONObject? { if case .object(let value) = self { value } else { nil } }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral
{
    package init(stringLiteral value: String) { self = .string(value) }
    package init(booleanLiteral value: Bool) { self = .bool(value) }
    package init(integerLiteral value: Int64) { self = .number(JSONNumber(value)) }
    package init(arrayLiteral elements: JSON...) { self = .array(elements) }
    package init(dictionaryLiteral elements: (String, JSON)...) { self = .object(JSONObject(elements)) }
    package init(nilLiteral: ()) { self = .null }
}
