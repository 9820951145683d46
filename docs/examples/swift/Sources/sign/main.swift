// SPDX-License-Identifier: Apache-2.0
// Signs from Swift without any package, over TLS that ends inside the enclave: libcurl makes the Signature Version 4.
//
//     eval "$(keybroker trust --endpoint https://… --pcr 0=… --pcr 16=…)"
//     export AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=…
//     swift run sign alias/audit-p256
//
// With the AWS SDK for Swift, or Soto, name the broker as the client's endpoint: docs/TRUST.md.
import CCurl
import Foundation

func fail(_ reason: String) -> Never {
    FileHandle.standardError.write(Data("sign: \(reason)\n".utf8))
    exit(1)
}

func variable(_ name: String) -> String {
    guard let value = ProcessInfo.processInfo.environment[name] else { fail("\(name) is not set") }
    return value
}

guard CommandLine.arguments.count == 2 else { fail("usage: sign KEY") }
let event = Data("an audit event".utf8)
let body = try JSONEncoder().encode([
    "KeyId": CommandLine.arguments[1],
    "Message": event.base64EncodedString(),
    "SigningAlgorithm": "ECDSA_SHA_256",
])

guard let curl = curl_easy_init() else { fail("no libcurl") }
var headers = curl_slist_append(nil, "Content-Type: application/x-amz-json-1.1")
headers = curl_slist_append(headers, "X-Amz-Target: TrentService.Sign")
var answer = Data()
let options: [(CURLoption, String)] = [
    (CURLOPT_URL, variable("AWS_ENDPOINT_URL_KMS")),
    // Nothing but the certificate that `keybroker trust` wrote.
    (CURLOPT_CAINFO, variable("AWS_CA_BUNDLE")),
    (CURLOPT_AWS_SIGV4, "aws:amz:\(variable("AWS_REGION")):kms"),
    (CURLOPT_USERNAME, variable("AWS_ACCESS_KEY_ID")),
    (CURLOPT_PASSWORD, variable("AWS_SECRET_ACCESS_KEY")),
    (CURLOPT_COPYPOSTFIELDS, String(decoding: body, as: UTF8.self)),
]
for (option, value) in options where setText(curl, option, value) != CURLE_OK { fail("libcurl: option \(option)") }
_ = setHeaders(curl, headers)
let code = withUnsafeMutablePointer(to: &answer) { answer in
    _ = setOutput(
        curl,
        { bytes, size, count, answer in
            guard let bytes else { return 0 }
            answer?.assumingMemoryBound(to: Data.self).pointee.append(Data(bytes: bytes, count: size * count))
            return size * count
        },
        answer
    )
    return curl_easy_perform(curl)
}
guard code == CURLE_OK else { fail(String(cString: curl_easy_strerror(code))) }
var status = 0
_ = getStatus(curl, &status)
guard status == 200, let object = try JSONSerialization.jsonObject(with: answer) as? [String: Any],
    let signature = (object["Signature"] as? String).flatMap({ Data(base64Encoded: $0) })
else { fail("\(status): \(String(decoding: answer, as: UTF8.self))") }
print(signature.map { String(format: "%02x", $0) }.joined())
