// SPDX-License-Identifier: Apache-2.0

import Foundation
import NitroAttestation

/// Verification of an attestation document, with a cold and a warm cache of certificate chains, as multiples of one
/// P-384 verification by OpenSSL in the same process.
@main
struct VerificationBenchmark {
    /// What one document may cost with its chain known (multiples of one verification).
    static let warmTarget = 1.2

    static func main() throws {
        var arguments = Array(CommandLine.arguments.dropFirst())
        let asJSON = arguments.contains("--json")
        let check = arguments.contains("--check")
        arguments.removeAll { $0.hasPrefix("--") }
        let (document, policy) = try input(arguments)
        let cold = try AttestationVerifier(policy: policy)
        let cache = VerifiedChainCache()
        let warm = try AttestationVerifier(policy: policy, cache: cache)
        let reference = try ReferenceVerification()

        func expectAccepted(_ verifier: AttestationVerifier) throws {
            if case .rejected(let rejection) = verifier.verifyAtDocumentTime(document) { throw rejection }
        }
        var measurements = [
            Measurement("P-384 verification, OpenSSL alone", { try reference() }),
            Measurement("document, chain not known", { try expectAccepted(cold) }),
            Measurement("document, chain known", { try expectAccepted(warm) }),
            Measurement("document, parsed only", { _ = try UnverifiedAttestation(parsing: document) }),
        ]
        try Measurement.compare(&measurements, rounds: 40, calls: 25)
        report(measurements, asJSON: asJSON)
        let ratio = measurements[2].median / measurements[0].median
        if check, ratio > warmTarget {
            FileHandle.standardError.write(Data("warm: \(ratio) times one verification, target \(warmTarget)\n".utf8))
            exit(1)
        }
    }

    /// A document that is given, under AWS's root; else the repository's own fixture under its own.
    private static func input(_ arguments: [String]) throws -> ([UInt8], VerificationPolicy) {
        if let path = arguments.first {
            var policy = VerificationPolicy(roots: .aws)
            policy.allowsDebugMode = true
            return ([UInt8](try Data(contentsOf: URL(fileURLWithPath: path))), policy)
        }
        let fixtures = URL(fileURLWithPath: #filePath)
            .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appendingPathComponent("attestation-fixtures")
        let root = try String(contentsOf: fixtures.appendingPathComponent("mock-pki/root.pem"), encoding: .utf8)
        let bytes = [UInt8](try Data(contentsOf: fixtures.appendingPathComponent("valid/indefinite-map.cbor")))
        return (bytes, VerificationPolicy(roots: try TrustAnchors(pem: root)))
    }

    private static func report(_ measurements: [Measurement], asJSON: Bool) {
        let unit = measurements[0].median
        if asJSON {
            let entries = measurements.map {
                #"{"name":"\#($0.name)","microseconds":\#(rounded($0.median / 1000)),"#
                    + #""ratio":\#(rounded($0.median / unit))}"#
            }
            print(#"{"results":[\#(entries.joined(separator: ","))]}"#)
            return
        }
        let width = measurements.map(\.name.count).max() ?? 0
        for measurement in measurements {
            let name = measurement.name.padding(toLength: width, withPad: " ", startingAt: 0)
            let time = String(rounded(measurement.median / 1000))
            let padding = String(repeating: " ", count: max(0, 9 - time.count))
            print("\(name)\(padding)\(time) µs  × \(rounded(measurement.median / unit))")
        }
    }

    private static func rounded(_ value: Double) -> Double { (value * 100).rounded() / 100 }
}
