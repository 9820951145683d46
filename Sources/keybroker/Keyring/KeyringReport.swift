// SPDX-License-Identifier: Apache-2.0

import Encoding

/// A keyring's public view, for people.
enum KeyringReport: Sendable {
    static func print(_ view: JSON) {
        let object = view.object ?? JSONObject()
        func text(_ name: String) -> String {
            object[name].map { $0.string ?? String(decoding: $0.serialized(), as: UTF8.self) } ?? "-"
        }
        Console.line("keyring     \(text("keyringId"))  version \(text("version"))")
        if object["digest"] != nil { Console.line("digest      \(text("digest"))") }
        Console.line("previous    \(text("previousDigest"))")
        if let tls = object["tls"]?.object {
            let names = (tls["names"]?.array ?? []).compactMap(\.string).joined(separator: ", ")
            Console.line("TLS         \(tls["publicKeySha256"]?.string ?? "")  \(names)")
        }
        printKeys(object["keys"]?.array ?? [])
        for principal in object["principals"]?.array ?? [] {
            let name = principal.object?["arn"]?.string ?? ""
            Console.line("principal   \(principal.object?["accessKeyId"]?.string ?? "")  \(Console.printable(name))")
        }
    }

    private static func printKeys(_ keys: [JSON]) {
        for key in keys.compactMap(\.object) {
            let aliases = (key["aliases"]?.array ?? []).compactMap(\.string).joined(separator: ", ")
            Console.line()
            Console.line("key         \(key["keyId"]?.string ?? "")  \(key["keySpec"]?.string ?? "")  \(aliases)")
            Console.line("            \(key["arn"]?.string ?? "")  \(key["origin"]?.string ?? "")")
            if let pem = key["publicKey"]?.string { Console.write(pem) }
        }
        if !keys.isEmpty { Console.line() }
    }
}
