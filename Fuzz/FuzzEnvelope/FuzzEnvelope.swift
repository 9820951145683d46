// SPDX-License-Identifier: Apache-2.0

import Encoding
import FuzzSupport
import KMSProtocol

@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    guard let input = try? KMSRequestBody.parse(unsafe FuzzInput.bytes(start, count)) else { return 0 }
    for format in EnvelopeFormat.allCases {
        for value in input.members.map(\.value) + [.object(input)] {
            guard let envelope = SealedEnvelope(value, as: format) else { continue }
            law(envelope.nonce.count == EnvelopeLimits.nonceLength, "the nonce has 12 bytes")
            law(envelope.ciphertext.count >= EnvelopeLimits.tagLength, "there is a tag")
            for other in EnvelopeFormat.allCases {
                law(
                    SealedEnvelope(envelope.json(as: other), as: other) == envelope,
                    "what is written reads as the same"
                )
            }
        }
    }
    if let request = try? DecryptEnvelopeRequest(input), let envelope = request.envelope {
        law(SealedEnvelope(envelope.json(as: .hex), as: .hex) == envelope, "a request holds an envelope")
    }
    if let request = try? EncryptEnvelopeRequest(input) {
        law(EnvelopeLimits.payload.contains(request.plaintext.count), "a payload is within its limits")
        law(EnvelopeLimits.additionalData.contains(request.parameters.additionalData.count), "additional data are")
    }
    return 0
}
