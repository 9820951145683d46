// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Encoding
import Transport

/// From JSON to ``HostConfiguration``, member by member.
enum HostConfigurationReader {
    /// Operations in one configuration; KMS itself has about 55.
    private static let maximumOperations = 64
    /// Far below the descriptors that a process may have open under systemd (DefaultLimitNOFILE, hard: 524,288).
    private static let maximumConnections: Int64 = 65_536

    static func read(_ object: consuming JSONFields) throws(JSONFieldError) -> HostConfiguration {
        var fields = object
        _ = try fields.integer("format", in: 1...1)
        let enclave = try enclave(try fields.value("enclave"), at: fields.path("enclave"))
        let relay = try listener(try fields.value("relay"), at: fields.path("relay"))
        let (ingress, ingressLimits) = try ingress(try fields.value("ingress"), at: fields.path("ingress"))
        let kms = try kms(try fields.value("kms"), at: fields.path("kms"))
        var admin: Endpoint?
        if let value = try fields.optionalValue("admin") { admin = try listener(value, at: fields.path("admin")) }
        let configuration = try absolutePath(try fields.string("configuration"), at: fields.path("configuration"))
        let state = try absolutePath(try fields.string("state"), at: fields.path("state"))
        try fields.finish()
        return HostConfiguration(
            enclave: enclave,
            relay: relay,
            ingress: ingress,
            ingressLimits: ingressLimits,
            admin: admin,
            kms: kms,
            configurationFile: configuration,
            stateDirectory: state
        )
    }

    private static func listener(_ json: JSON, at path: String) throws(JSONFieldError) -> Endpoint {
        var fields = try JSONFields(json, at: path)
        let endpoint = try endpoint(try fields.string("listen"), at: fields.path("listen"))
        try fields.finish()
        return endpoint
    }

    private static func ingress(_ json: JSON, at path: String) throws(JSONFieldError) -> (Endpoint, IngressLimits) {
        var fields = try JSONFields(json, at: path)
        let endpoint = try endpoint(try fields.string("listen"), at: fields.path("listen"))
        var limits = IngressLimits.standard
        if let count = try fields.optionalInteger("maximumConnections", in: 1...maximumConnections) {
            limits.connections = Int(count)
        }
        if let count = try fields.optionalInteger("maximumConnectionsPerAddress", in: 1...maximumConnections) {
            limits.connectionsPerAddress = Int(count)
        }
        try fields.finish()
        return (endpoint, limits)
    }

    private static func kms(_ json: JSON, at path: String) throws(JSONFieldError) -> HostConfiguration.KMS {
        var fields = try JSONFields(json, at: path)
        let endpoint = try fields.string("endpoint")
        let region = try fields.string("region")
        let operations = try fields.strings("operations")
        let profile = try optionalString("profile", &fields)
        let authorities = try optionalString("certificateAuthorityFile", &fields)
        do {
            _ = try ServiceURL(endpoint)
        } catch {
            throw invalid(fields.path("endpoint"), "must be an http or https URL")
        }
        guard isName(region, extra: "-") else { throw invalid(fields.path("region"), "must be the name of a region") }
        guard (1...maximumOperations).contains(operations.count) else {
            throw invalid(fields.path("operations"), "must name 1 to \(maximumOperations) operations, usually Decrypt")
        }
        guard operations.allSatisfy({ isName($0, extra: "") }) else {
            throw invalid(fields.path("operations"), "must be bare names of operations, like Decrypt")
        }
        if let authorities { _ = try absolutePath(authorities, at: fields.path("certificateAuthorityFile")) }
        try fields.finish()
        return HostConfiguration.KMS(
            endpoint: endpoint,
            region: region,
            operations: Set(operations),
            profile: profile,
            certificateAuthorityFile: authorities
        )
    }

    // MARK: Forms of strings

    /// Absent and null are the same.
    static func optionalString(_ name: String, _ fields: inout JSONFields) throws(JSONFieldError) -> String? {
        guard let value = try fields.optionalValue(name), value != .null else { return nil }
        guard let text = value.string else {
            throw JSONFieldError(path: fields.path(name), problem: .wrongType(expected: "string"))
        }
        guard !text.isEmpty else { throw invalid(fields.path(name), "must not be empty") }
        return text
    }

    static func endpoint(_ text: String, at path: String) throws(JSONFieldError) -> Endpoint {
        do {
            return try Endpoint(text)
        } catch {
            throw invalid(path, error.description)
        }
    }

    /// A service has no directory of its own that a relative path could start from.
    static func absolutePath(_ text: String, at path: String) throws(JSONFieldError) -> String {
        guard text.utf8.first == UInt8(ascii: "/"), !text.utf8.contains(0) else {
            throw invalid(path, "must be an absolute path")
        }
        return text
    }

    /// 1 to 64 letters, digits and `extra`.
    static func isName(_ text: String, extra: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: extra.utf8.contains(byte)
                }
            }
    }

    static func invalid(_ path: String, _ reason: String) -> JSONFieldError {
        JSONFieldError(path: path, problem: .invalid(reason: reason))
    }
}
