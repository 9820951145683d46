// SPDX-License-Identifier: Apache-2.0

import NitroAttestation
import Testing

/// Policies that could not do what they say are refused before they judge anything.
struct PolicyTests {
    private func isRefused(_ adjust: (inout VerificationPolicy) -> Void) -> Bool {
        var policy = VerificationPolicy(roots: .aws)
        adjust(&policy)
        do {
            _ = try AttestationVerifier(policy: policy)
            return false
        } catch {
            return true
        }
    }

    @Test func `the default policy is usable and lenient in nothing`() throws {
        let policy = try AttestationVerifier(policy: VerificationPolicy(roots: .aws)).policy
        #expect(!policy.allowsDebugMode)
        #expect(policy.clockLeeway == 60_000)
        #expect(policy.pcrs.isEmpty)
    }

    @Test(arguments: [-1, 32, Int.max, Int.min])
    func `a PCR index outside 0 to 31 is refused`(_ index: Int) {
        #expect(isRefused { $0.pcrs[index] = [UInt8](repeating: 1, count: 48) })
    }

    @Test(arguments: [0, 31])
    func `a PCR index from 0 to 31 is taken`(_ index: Int) {
        #expect(!isRefused { $0.pcrs[index] = [UInt8](repeating: 1, count: 48) })
    }

    @Test(arguments: [0, 32, 47, 49, 64])
    func `a PCR value that is not 48 bytes is refused`(_ count: Int) {
        #expect(isRefused { $0.pcrs[0] = [UInt8](repeating: 1, count: count) })
    }

    @Test func `a PCR value of zeros is refused even where debug mode is allowed`() {
        #expect(
            isRefused {
                $0.allowsDebugMode = true
                $0.pcrs[0] = [UInt8](repeating: 0, count: 48)
            }
        )
    }

    @Test(arguments: [0, 1025])
    func `a demanded field that is empty or too long is refused`(_ count: Int) {
        let bytes = [UInt8](repeating: 7, count: count)
        #expect(isRefused { $0.nonce = bytes })
        #expect(isRefused { $0.userData = bytes })
        #expect(isRefused { $0.publicKey = bytes })
    }

    @Test func `a policy without a trust anchor is refused`() {
        #expect(isRefused { $0.roots = TrustAnchors([]) })
    }

    @Test func `a negative age or leeway is refused`() {
        #expect(isRefused { $0.maximumAge = -1 })
        #expect(isRefused { $0.clockLeeway = -1 })
    }

    @Test func `the reasons are distinct kebab-case codes`() {
        let codes = Rejection.Reason.allCases.map(\.rawValue)
        #expect(Set(codes).count == codes.count)
        #expect(codes.allSatisfy { $0.wholeMatch(of: /[a-z0-9]+(-[a-z0-9]+)*/) != nil })
    }
}
