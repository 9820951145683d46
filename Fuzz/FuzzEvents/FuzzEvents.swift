// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import Encoding
import FuzzSupport

/// A file of events: cut, read, hashed, linked.
@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let bytes = unsafe FuzzInput.bytes(start, count)
    let values = cut(bytes, piece: bytes.count)
    for piece in [1, 7] { law(cut(bytes, piece: piece) == values, "values do not depend on the pieces they come in") }
    if let whole = try? JSON.parse(bytes), let values {
        let parsed = values.compactMap { try? JSON.parse($0) }
        law(parsed == whole.array ?? [whole], "what is one JSON text is cut into its elements, or into itself")
    }
    for profile in ChainProfile.allCases {
        let judge = RecordJudge(profile: profile, registry: nil)
        var verification = ChainVerification(judge)
        for (index, value) in (values ?? []).enumerated() { verification.add(judge.judge(value, number: index + 1)) }
        let report = verification.finish()
        law(report.events == values?.count ?? 0, "each is counted")
        law(report.isAccepted == report.findings.isEmpty, "and either all is well, or something is named")
    }
    for value in values ?? [] {
        guard let json = try? JSON.parse(value, limits: AuditLimits.json) else { continue }
        for form in CanonicalForm.allCases { stable(json, form) }
        guard let record = try? AuditRecord(value, source: "event") else { continue }
        let again = try? AuditRecord(JSON.object(record.object).serialized(), source: "event")
        for profile in ChainProfile.allCases {
            law(
                again.flatMap { try? profile.digest(of: $0) } == (try? profile.digest(of: record)),
                "a copy has the digest"
            )
        }
    }
    return 0
}

/// Nil where the input ends within a value, or has bytes between values.
func cut(_ bytes: [UInt8], piece: Int) -> [[UInt8]]? {
    var rest = bytes[...]
    var stream = JSONValueStream<Never> {
        defer { rest = rest.dropFirst(max(1, piece)) }
        return Array(rest.prefix(max(1, piece)))
    }
    var values: [[UInt8]] = []
    do {
        while let value = try stream.next() { values.append(value) }
    } catch {
        return nil
    }
    return values
}

func stable(_ value: JSON, _ form: CanonicalForm) {
    guard let once = try? form.encode(value) else { return }
    guard let parsed = try? JSON.parse(once) else { fail("law broken: a canonical form is JSON") }
    do throws(CanonicalFormError) {
        law(once == (try form.encode(parsed)), "the canonical form of a canonical form is itself")
    } catch {
        // 1e20 is a double, and is written as an integer that is refused.
        law(error == .unsafeInteger, "a canonical form is refused for its integers alone")
    }
}
