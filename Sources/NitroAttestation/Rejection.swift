// SPDX-License-Identifier: Apache-2.0

/// Why a document is rejected. ``reason`` is stable; ``detail`` is for people and may change.
public struct Rejection: Error, Sendable, Equatable {
    /// Stable kebab-case code.
    public let reason: Reason
    /// One line: what was expected and what stands there, in numbers, offsets and digests of public values.
    public let detail: String

    init(_ reason: Reason, _ detail: String) {
        self.reason = reason
        self.detail = detail
    }

    /// Equality is on the reason alone.
    public static func == (a: Rejection, b: Rejection) -> Bool { a.reason == b.reason }

    /// Stable codes, in the order in which the checks are made: form, trust anchor, claims, certificates, signatures.
    ///
    /// The cheap checks come first, so that what is not worth the arithmetic costs none. A reason about claims (for
    /// instance ``pcrMismatch``) therefore says nothing about whether the document is genuine. Codes may be added;
    /// none changes its meaning.
    public struct Reason: RawRepresentable, Hashable, Sendable, CaseIterable {
        /// The kebab-case code.
        public let rawValue: String

        /// For reading codes back.
        public init(rawValue: String) {
            self.rawValue = rawValue
        }
    }
}

extension Rejection: CustomStringConvertible {
    /// `reason: detail`.
    public var description: String { "\(reason.rawValue): \(detail)" }
}

extension Rejection.Reason: CustomStringConvertible {
    /// The code.
    public var description: String { rawValue }
}
