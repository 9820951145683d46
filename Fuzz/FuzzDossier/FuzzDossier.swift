// SPDX-License-Identifier: Apache-2.0

import AuditTrail
import FuzzSupport

@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let bytes = unsafe FuzzInput.bytes(start, count)
    guard let dossier = try? Dossier(bytes) else { return 0 }
    law(bytes.suffix(dossier.body.count).elementsEqual(dossier.body), "the body is the end of the file")
    let verdict = dossier.verify(.anyone)
    guard let again = try? Dossier(dossier.serialized) else { fail("law broken: what is written can be read") }
    law(again.body == dossier.body && again.frontmatter == dossier.frontmatter, "and is the same")
    law(again.verify(.anyone).rejection == verdict.rejection, "and gets the same verdict")
    return 0
}
