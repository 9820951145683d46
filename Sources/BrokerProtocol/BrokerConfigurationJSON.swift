// SPDX-License-Identifier: Apache-2.0

package import Encoding

extension BrokerConfiguration {
    /// Parses the exact bytes; unknown members are fatal.
    package init(json: [UInt8]) throws(JSONFieldError) {
        var fields = try JSONFields(json: json, limits: JSONLimits(totalLength: Self.maximumLength, depth: 8))
        _ = try fields.integer("format", in: Self.format...Self.format)
        self.init(
            brokerID: try fields.string("brokerId"),
            account: try fields.string("account"),
            region: try fields.string("region"),
            mode: try fields.string("mode"),
            kms: try KMS(try fields.value("kms"), at: fields.path("kms")),
            tsk: try TSK(try fields.value("tsk"), at: fields.path("tsk")),
            keyringID: try fields.string("keyringId"),
            minimumKeyringVersion: UInt64(try fields.integer("minimumKeyringVersion", in: 1...Int64.max)),
            hosts: try fields.strings("hosts"),
            ingressTLS: false
        )
        var ingress = try JSONFields(try fields.value("ingress"), at: fields.path("ingress"))
        ingressTLS = try ingress.bool("tls")
        try ingress.finish()
        try fields.finish()
        try validate()
    }

    /// Pretty JSON with a trailing newline, members in the documented order.
    package var json: [UInt8] {
        let context = tsk.encryptionContext.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        var kms: [(String, JSON)] = [("keyArn", .string(self.kms.keyARN)), ("channel", .string(self.kms.channel))]
        if let endpoint = self.kms.endpoint { kms.append(("endpoint", .string(endpoint))) }
        let members: [(String, JSON)] = [
            ("format", .number(JSONNumber(Self.format))),
            ("brokerId", .string(brokerID)),
            ("account", .string(account)),
            ("region", .string(region)),
            ("mode", .string(mode)),
            ("kms", .object(JSONObject(kms))),
            (
                "tsk",
                .object(
                    JSONObject([
                        ("ciphertext", .string(Base64.encode(tsk.ciphertext))),
                        ("encryptionContext", .object(JSONObject(context.map { ($0.key, .string($0.value)) }))),
                        ("commitment", .string(Hex.encode(tsk.commitment))),
                        ("born", .string(tsk.born)),
                    ])
                )
            ),
            ("keyringId", .string(keyringID)),
            ("minimumKeyringVersion", .number(JSONNumber(Int64(clamping: minimumKeyringVersion)))),
            ("hosts", .array(hosts.map { .string($0) })),
            ("ingress", .object(JSONObject([("tls", .bool(ingressTLS))]))),
        ]
        return JSON.object(JSONObject(members)).serialized(pretty: true) + [UInt8(ascii: "\n")]
    }
}

extension BrokerConfiguration.KMS {
    fileprivate init(_ value: JSON, at path: String) throws(JSONFieldError) {
        var fields = try JSONFields(value, at: path)
        self.init(
            keyARN: try fields.string("keyArn"),
            channel: try fields.string("channel"),
            endpoint: try fields.optionalString("endpoint")
        )
        try fields.finish()
    }
}

extension BrokerConfiguration.TSK {
    fileprivate init(_ value: JSON, at path: String) throws(JSONFieldError) {
        var fields = try JSONFields(value, at: path)
        let ciphertext = try Self.decode(try fields.string("ciphertext"), at: fields.path("ciphertext"), "base64") {
            (text) throws(TextEncodingError) in try Base64.decode(text)
        }
        let commitment = try Self.decode(try fields.string("commitment"), at: fields.path("commitment"), "hex") {
            (text) throws(TextEncodingError) in try Hex.decode(text)
        }
        let contextPath = fields.path("encryptionContext")
        guard let context = try fields.value("encryptionContext").object else {
            throw JSONFieldError(path: contextPath, problem: .wrongType(expected: "an object"))
        }
        var entries: [String: String] = [:]
        for (name, value) in context.members {
            guard let text = value.string else {
                throw JSONFieldError(path: contextPath, problem: .wrongType(expected: "an object of strings"))
            }
            // Names that differ in bytes alone are one to Swift, and two to KMS.
            guard entries.updateValue(text, forKey: name) == nil else {
                throw JSONFieldError(path: contextPath, problem: .invalid(reason: "names are canonically equivalent"))
            }
        }
        self.init(
            ciphertext: ciphertext,
            encryptionContext: entries,
            commitment: commitment,
            born: try fields.string("born")
        )
        try fields.finish()
    }

    private static func decode(
        _ text: String,
        at path: String,
        _ encoding: String,
        _ decode: (String) throws(TextEncodingError) -> [UInt8]
    ) throws(JSONFieldError) -> [UInt8] {
        do {
            return try decode(text)
        } catch {
            throw JSONFieldError(
                path: path,
                problem: .invalid(reason: "not \(encoding) at character \(error.offset)")
            )
        }
    }
}
