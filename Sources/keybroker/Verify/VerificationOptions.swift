// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Encoding
import NitroAttestation

/// Where trust begins, as flags.
struct RootOptions: ParsableArguments {
    @Option(
        name: .customLong("root"),
        help: ArgumentHelp(
            "A root to trust: aws, aws-us-gov, or a PEM file. May be repeated.",
            valueName: "aws|aws-us-gov|FILE"
        )
    )
    var roots: [String] = []

    func anchors() throws(CommandFailure) -> TrustAnchors {
        var sets: [TrustAnchors] = []
        for name in roots.isEmpty ? ["aws"] : roots {
            sets.append(try Self.anchors(named: name))
        }
        return TrustAnchors(sets)
    }

    private static func anchors(named name: String) throws(CommandFailure) -> TrustAnchors {
        switch name {
        case "aws": return .aws
        case "aws-us-gov": return .awsUSGov
        default:
            let pem = String(decoding: try InputFile.read(name), as: UTF8.self)
            do {
                return try TrustAnchors(pem: pem)
            } catch {
                throw .usage("\(name): \(error.detail)")
            }
        }
    }
}

/// PCR values that must match, as flags.
struct PCROptions: ParsableArguments {
    @Option(
        name: .customLong("pcr"),
        help: ArgumentHelp("A PCR that must have this value, 96 hex digits. May be repeated.", valueName: "N=HEX")
    )
    var pcrs: [String] = []

    func values() throws(CommandFailure) -> [Int: [UInt8]] { try Self.values(pcrs) }

    static func values(_ pcrs: [String]) throws(CommandFailure) -> [Int: [UInt8]] {
        var result: [Int: [UInt8]] = [:]
        for text in pcrs {
            let parts = text.split(separator: "=", maxSplits: 1)
            guard parts.count == 2, let index = Int(parts[0]), (0...31).contains(index),
                let value = try? Hex.decode(parts[1]), value.count == 48
            else { throw .usage("--pcr \(text): expected N=HEX, an index from 0 to 31 and 96 hex digits") }
            guard result.updateValue(value, forKey: index) == nil else {
                throw .usage("--pcr \(index) is given twice")
            }
        }
        return result
    }
}

/// The point in time at which a document is judged.
enum VerificationTime: ExpressibleByArgument, Sendable {
    case now
    case document
    case at(Timestamp)

    init?(argument: String) {
        switch argument {
        case "now": self = .now
        case "document": self = .document
        default:
            guard let time = Timestamp(rfc3339: argument) else { return nil }
            self = .at(time)
        }
    }
}

/// Text in hex, as a flag.
struct HexBytes: ExpressibleByArgument, Sendable {
    let bytes: [UInt8]

    init?(argument: String) {
        guard let bytes = try? Hex.decode(argument) else { return nil }
        self.bytes = bytes
    }
}
