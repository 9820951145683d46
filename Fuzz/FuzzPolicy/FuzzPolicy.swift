// SPDX-License-Identifier: Apache-2.0

import AccessPolicy
import FuzzSupport
import PolicyTools

private func request(_ action: String) -> AccessRequest {
    AccessRequest(
        principal: "arn:aws:iam::111122223333:user/alice",
        principalAccount: "111122223333",
        action: action,
        resource: "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        resourceAccount: "111122223333",
        conditionKeys: ["kms:MessageType": ["DIGEST"], "kms:EncryptionContextKeys": ["a", "b"]]
    )
}

@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let bytes = unsafe FuzzInput.bytes(start, count)
    let key = try? PolicyDocument(bytes, kind: .key)
    let identity = try? PolicyDocument(bytes, kind: .identity)
    for action in ["kms:Sign", "kms:Decrypt"] {
        let decision = AccessEvaluator.evaluate(
            request(action),
            keyPolicy: key,
            identityPolicies: identity.map { [$0] } ?? []
        )
        law(key != nil || identity != nil || decision != .allowed, "without a policy nobody is allowed")
    }
    _ = PolicyLint.check(bytes)
    _ = PolicyLint.check(bytes, kind: .trust)
    for (kind, parsed) in [(PolicyLint.Kind.key, key), (.identity, identity)] {
        let report = PolicyLint.check(bytes, kind: kind)
        law(report.isValid == (parsed != nil), "lint says what the parser says")
        let hasError = report.findings.contains { $0.fault.severity == .error }
        law(report.isValid || hasError, "what is refused has an error")
    }
    return 0
}
