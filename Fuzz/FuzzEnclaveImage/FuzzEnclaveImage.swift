// SPDX-License-Identifier: Apache-2.0

import EnclaveImage
import FuzzSupport

@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    let bytes = unsafe FuzzInput.bytes(start, count)
    // A fuzzer does not guess checksums.
    guard let file = try? EnclaveImageFile(parsing: bytes, allowing: .wrongChecksum) else {
        law((try? EnclaveImageFile(parsing: bytes)) == nil, "what is taken strictly is taken leniently")
        return 0
    }
    var end = 548
    for section in file.sections {
        law(section.offset == end + 12 && section.size >= 0, "sections follow each other")
        end = section.offset + section.size
    }
    law(end == bytes.count, "sections fill the file")
    if let signature = file.signature {
        let isRight = (try? signature.check(pcr0: file.measurements.pcr0)) != nil
        let other = [UInt8](repeating: 0, count: 48)
        law(!isRight || (try? signature.check(pcr0: other)) == nil, "a signature is of one value")
    }
    if file.isChecksumRight, let image = try? EnclaveImage(parsing: bytes) {
        law(image.measurements == file.measurements, "both readings measure the same")
        guard let written = try? image.serialized(), let again = try? EnclaveImage(parsing: written) else {
            fail("what was read can be written and read")
        }
        law(again.measurements == file.measurements, "what is written measures the same")
    }
    return 0
}
