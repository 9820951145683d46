// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding

/// What CreatePrincipal answers, with the secret taken out into locked memory before anything else reads it.
struct NewAccessKey: Sendable {
    let accessKeyID: String
    let secret: SharedSecret
    /// The answer without the secret.
    let answer: JSONObject

    init(answer bytes: [UInt8], _ url: String) throws(CommandFailure) {
        var bytes = bytes
        defer { wipe(&bytes) }
        guard let range = SecretMember.range(of: "SecretAccessKey", in: bytes), !range.isEmpty,
            bytes[range].allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") })
        else { throw BrokerFailure.malformed(url) }
        var text = Array(bytes[range])
        for index in range { bytes[index] = UInt8(ascii: "A") }
        do {
            secret = SharedSecret(try SecretBytes(movingFrom: &text))
        } catch {
            throw .failed("no locked memory left for the secret access key")
        }
        guard var answer = (try? JSON.parse(bytes))?.object,
            let id = answer["Principal"]?.object?["AccessKeyId"]?.string,
            !id.isEmpty, id.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { throw BrokerFailure.malformed(url) }
        answer["SecretAccessKey"] = nil
        self.answer = answer
        accessKeyID = id
    }

    /// For a terminal, when it was asked for.
    var secretText: String {
        secret.bytes.withBytes { bytes in
            String(decoding: unsafe bytes.withUnsafeBytes { unsafe Array($0) }, as: UTF8.self)
        }
    }
}
