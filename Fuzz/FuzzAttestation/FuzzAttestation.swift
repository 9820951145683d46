// SPDX-License-Identifier: Apache-2.0

import Encoding
import FuzzSupport
import NitroAttestation

/// The envelope, the payload, and the checks up to the chain's root, which is AWS's: nothing made here is accepted.
private let verifier = try? AttestationVerifier(policy: VerificationPolicy(roots: .aws))
private let time = Timestamp(seconds: 1_735_689_600)

@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let bytes = unsafe FuzzInput.bytes(start, count)
    guard let verifier else { return 0 }
    let isParsed = (try? UnverifiedAttestation(parsing: bytes)) != nil
    if case .accepted = verifier.verify(bytes, at: time) { law(isParsed, "what is accepted was parsed") }
    return 0
}
