// SPDX-License-Identifier: Apache-2.0

package import Encoding

/// How a JSON value becomes the bytes that are hashed. The forms differ: whoever makes or checks a record names one.
package enum CanonicalForm: String, Sendable, CaseIterable {
    /// RFC 8785, JSON Canonicalization Scheme.
    case rfc8785 = "rfc8785"
    /// What the TypeScript services of ILLUVRSE hash: `JSON.stringify` of objects rebuilt in the order of their sorted names.
    /// As RFC 8785, but names that are array indices come first, by number: so does every ECMAScript object.
    case ecmaScriptObjects = "illuvrse-ts"
    /// What the Go kernel of ILLUVRSE hashes: Go's `encoding/json` (1.22 or newer), keys sorted bytewise by UTF-8, the
    /// text of numbers kept, `<`, `>`, `&`, U+2028 and U+2029 escaped.
    case goKernel = "illuvrse-go"
    /// Go's `encoding/json` of a struct: members in the order given, escaped as in ``goKernel``.
    case goStruct = "go-struct"
    /// What glassbox, the successor of ERST, hashes: RFC 8785 of strings and names in Unicode's normalization form C, without
    /// minus zero and without whole numbers beyond ±(2^53 - 1).
    case glassbox = "glassbox"

    /// Whether strings are normalised.
    var normalizes: Bool { self == .glassbox }

    /// The one encoding of `value` in this form.
    ///
    /// - Throws: `CanonicalFormError` for what the form cannot say.
    package func encode(_ value: JSON) throws(CanonicalFormError) -> [UInt8] {
        var encoder = CanonicalEncoder(form: self)
        try encoder.append(value)
        return encoder.bytes
    }
}

/// Why a value has no encoding in a canonical form.
package enum CanonicalFormError: String, Error, Sendable {
    /// RFC 8785 section 3.1 and RFC 7493 section 2.2: an integer beyond ±(2^53 - 1), or a whole number beyond
    /// that would be written as another one.
    case unsafeInteger = "unsafe-integer"
    /// RFC 8785 section 3.2.2.3: beyond what a double can hold.
    case nonFiniteNumber = "non-finite-number"
    /// `__proto__` assigned to an ECMAScript object is not a member: the value would not be hashed.
    case unrepresentableName = "unrepresentable-name"
    /// glassbox refuses minus zero, which others write as zero.
    case negativeZero = "negative-zero"
    /// Names that normalisation makes the same.
    case equivalentNames = "equivalent-names"
}
