// SPDX-License-Identifier: Apache-2.0

import Encoding
import NitroAttestation
import TestSupport
import Testing

/// Documents that AWS's modules signed, and others that claim it.
@Suite(.enabled(if: SharedData.isAvailable, Comment(rawValue: SharedData.missing)))
struct RecordedDocumentTests {
    @Test func `the manifest lists what the tests are about`() {
        #expect(RecordedDocuments.enclaves.count >= 40)
        #expect(!RecordedDocuments.nitroTPMs.isEmpty)
        #expect(RecordedDocuments.manifest.not_real.count >= 4)
        #expect(RecordedDocuments.variants.count >= 30)
    }

    @Test(arguments: RecordedDocuments.enclaves)
    func `a real document verifies at its own time`(_ document: RecordedDocuments.Document) throws {
        let verdict = try awsVerifier().verifyAtDocumentTime(try document.bytes)
        let attestation = try #require(verdict.accepted, "\(verdict)")
        #expect(attestation.document.moduleID == document.module_id)
        #expect(attestation.document.timestamp.milliseconds == document.timestamp_ms)
        #expect(attestation.document.pcrs.count == document.pcr_count)
        #expect(attestation.document.isDebugMode == document.debug)
        #expect(attestation.identity == .unchecked)
        let set = attestation.document.pcrs.filter { !$0.value.allSatisfy { $0 == 0 } }
        let names = set.map { (String($0.key), Hex.encode($0.value)) }
        #expect(Dictionary(uniqueKeysWithValues: names) == document.pcrs)
    }

    @Test(arguments: RecordedDocuments.enclaves)
    func `a real document verifies against the measurements of the manifest`(_ document: RecordedDocuments.Document)
        throws
    {
        let pcrs = try #require(document.pcrs)
        let verifier = try awsVerifier {
            for (index, value) in pcrs {
                if let index = Int(index), let value = try? Hex.decode(value) { $0.pcrs[index] = value }
            }
        }
        #expect(verifier.policy.pcrs.count == pcrs.count)
        #expect(verifier.verifyAtDocumentTime(try document.bytes).accepted?.identity == .checked)
    }

    @Test(arguments: RecordedDocuments.enclaves)
    func `debug mode is refused unless it is allowed`(_ document: RecordedDocuments.Document) throws {
        let verifier = try AttestationVerifier(policy: VerificationPolicy(roots: .aws))
        let verdict = verifier.verifyAtDocumentTime(try document.bytes)
        #expect(verdict.reason == (document.debug == true ? .debugMode : nil))
    }

    @Test(arguments: RecordedDocuments.enclaves)
    func `a real document is expired years later`(_ document: RecordedDocuments.Document) throws {
        let later = Timestamp(milliseconds: document.timestamp_ms + 5 * 365 * 86_400_000)
        #expect(try awsVerifier().verify(try document.bytes, at: later).reason == .certificateExpired)
    }

    @Test(arguments: RecordedDocuments.enclaves)
    func `a real document is not trusted under the root of another partition`(_ document: RecordedDocuments.Document)
        throws
    {
        let verifier = try awsVerifier { $0.roots = .awsUSGov }
        #expect(verifier.verifyAtDocumentTime(try document.bytes).reason == .untrustedRoot)
    }

    @Test(arguments: RecordedDocuments.nitroTPMs)
    func `a NitroTPM document is refused for being one`(_ document: RecordedDocuments.Document) throws {
        #expect(try awsVerifier().verifyAtDocumentTime(try document.bytes).reason == .nitroTPMDocument)
    }

    @Test(arguments: RecordedDocuments.manifest.not_real)
    func `a forged document is refused`(_ document: RecordedDocuments.Document) throws {
        let verdict = try awsVerifier().verifyAtDocumentTime(try document.bytes)
        #expect(verdict.reason != nil)
    }

    @Test(arguments: [
        ("20210909-fortanix-rustsgx-debug-15d4f223", Rejection.Reason.wrongDocumentSignature),
        ("20221109-veracruzprojec-gonitroenclave-prod-7df2cdc0", .wrongDocumentSignature),
        ("20241213-marlinprotocol-oystermonorepo-prod-d8032479", .untrustedRoot),
    ])
    func `a forged document is refused for what is wrong with it`(_ name: String, _ reason: Rejection.Reason) throws {
        let bytes = try SharedData.bytes("attestation/not-real/\(name).cbor")
        #expect(try awsVerifier().verifyAtDocumentTime(bytes).reason == reason)
    }

    @Test(arguments: RecordedDocuments.variants)
    func `a re-encoded or damaged document is judged as its manifest says`(_ variant: RecordedDocuments.Variant) throws
    {
        let verdict = try awsVerifier().verifyAtDocumentTime(try variant.bytes)
        // Variant 10 is left open there: an indefinite-length header is refused here.
        let isAcceptable = variant.expect.hasPrefix("accept")
        #expect((verdict.reason == nil) == isAcceptable, "\(verdict)")
    }

    @Test(arguments: [
        ("04-double-tag18", Rejection.Reason.malformedEnvelope), ("05-selfdescribe-55799", .malformedEnvelope),
        ("06-nonminimal-array", .malformedCBOR), ("07-nonminimal-payload-len", .malformedCBOR),
        ("09-chunked-payload", .malformedCBOR), ("10-indefinite-unprotected", .malformedCBOR),
        ("11-unprotected-alg-es256", .wrongUnprotectedHeader), ("12-unprotected-kid", .wrongUnprotectedHeader),
        ("14-trailing-second-doc", .malformedCBOR), ("15-five-element-array", .malformedEnvelope),
        ("16-three-element-array", .malformedEnvelope), ("17-payload-nil-detached", .malformedEnvelope),
        ("19-protected-es256", .wrongProtectedHeader), ("20-protected-dup-alg", .wrongProtectedHeader),
        ("21-sig-95", .malformedSignatureSize), ("22-sig-97-zero-padded", .malformedSignatureSize),
        ("24-sig-r-zero", .wrongDocumentSignature), ("25-sig-s-zero", .wrongDocumentSignature),
        ("26-sig-s-plus-n", .wrongDocumentSignature), ("27-huge-declared-payload", .malformedCBOR),
        ("29-deep-nesting", .malformedSize), ("30-deep-tags", .malformedSize), ("31-empty", .malformedSize),
        ("32-truncated", .malformedCBOR), ("34-reserved-ai28", .malformedCBOR),
        ("35-stray-break", .wrongDocumentSignature), ("36-payload-bit-flip", .wrongDocumentSignature),
    ])
    func `a damaged document is refused for its damage`(_ name: String, _ reason: Rejection.Reason) throws {
        let verdict = try awsVerifier().verifyAtDocumentTime(
            try SharedData.bytes("attestation/variants/\(name).cbor")
        )
        #expect(verdict.reason == reason, "\(verdict)")
    }

    @Test func `the chain of a real document is told root first`() throws {
        let bytes = try SharedData.bytes("attestation/real/20260630-tkhq-rustsdk-prod-277e236b.cbor")
        let claims = try UnverifiedAttestation(parsing: bytes).claims
        let chain = try claims.certificateSummaries()
        #expect(chain.count == 5)
        let root = try #require(chain.first)
        #expect(root.subject.contains("CN=aws.nitro-enclaves"))
        #expect(Hex.encode(root.fingerprint) == "641a0321a3e244efe456463195d606317ed7cdcc3c1756e09893f3c68f79bb5b")
        #expect(root.notAfter == Timestamp(rfc3339: "2049-10-28T14:28:05Z"))
        #expect(chain.last?.subject.contains(claims.moduleID) == true)
        #expect(chain.allSatisfy { $0.isValid(at: claims.timestamp) })
    }
}
