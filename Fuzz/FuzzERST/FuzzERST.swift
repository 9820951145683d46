// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import Encoding
import FuzzSupport

@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let bytes = unsafe FuzzInput.bytes(start, count)
    if let bundle = try? ERSTBundle(json: bytes) {
        let verdict = bundle.verify(.anyone)
        let hashes = ERSTBundle.Version.allCases.map {
            try? ERSTBundle.hash(bundle.trace, hardwareAttestation: bundle.hardwareAttestation, $0)
        }
        law(!verdict.isAccepted || hashes.contains(bundle.hash), "what is accepted has a hash of what it says")
    }
    if let log = try? ERSTGoLog(json: bytes) {
        let verdict = log.verify(.anyone)
        law(!verdict.isAccepted || (try? ERSTGoLog.digest(log.payload)) == log.traceHash.bytes, "and so has a log")
        law((try? ERSTGoLog.payload(log.payload)) == log.payload, "a payload in order is in order")
    }
    return 0
}
