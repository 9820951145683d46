// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import FuzzSupport
import SigV4

/// A request as text: its line, headers, an empty line, the body. Bytes are characters of Latin-1, as they arrive.
private func request(_ bytes: [UInt8]) -> SigV4Request? {
    var lines: [String] = []
    var rest = bytes[...]
    while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
        let line = rest[rest.startIndex..<end]
        rest = rest[(end + 1)...]
        if line.isEmpty { break }
        lines.append(String(decoding: line, as: UTF8.self))
    }
    guard let first = lines.first?.split(separator: " ", maxSplits: 2), first.count >= 2 else { return nil }
    let headers = lines.dropFirst().map { line in
        let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        return (name: parts[0], value: parts.count == 2 ? parts[1] : "")
    }
    return SigV4Request(method: String(first[0]), target: String(first[1]), headers: headers, body: Array(rest))
}

/// The example credentials of AWS's own test suite: some inputs of the corpus verify.
private let secret: SharedSecret? = {
    var bytes = Array("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".utf8)
    guard let secret = try? SecretBytes(movingFrom: &bytes) else { return nil }
    return SharedSecret(secret)
}()

private let verifier = SigV4Verifier<Int>(
    scope: SigV4Scope(region: "us-east-1", service: "kms"),
    hosts: ["kms.example"],
    lookup: { id in id == "AKIDEXAMPLE" ? secret.map { ($0, 1) } : nil }
)
private let time = Timestamp(seconds: 1_440_938_160)

@_cdecl("LLVMFuzzerTestOneInput")
func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
    guard let request = request(unsafe FuzzInput.bytes(start, count)) else { return 0 }
    guard (try? verifier.verify(request, at: time)) != nil else { return 0 }
    var other = request
    other.body.append(0)
    law((try? verifier.verify(other, at: time)) == nil, "another body does not verify")
    return 0
}
