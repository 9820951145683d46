// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import NitroAttestation
import SecurityModule
import SoftwareModule
import Synchronization
import TestSupport
import Testing

// CBOR by hand (RFC 8949): what a module sends and receives, written without the code under test.

/// A text string of less than 24 bytes.
func text(_ string: String) -> [UInt8] { [0x60 | UInt8(string.utf8.count)] + string.utf8 }

/// A byte string.
func bytes(_ bytes: [UInt8]) -> [UInt8] {
    switch bytes.count {
    case ..<24: [0x40 | UInt8(bytes.count)] + bytes
    case ..<256: [0x58, UInt8(bytes.count)] + bytes
    default: [0x59, UInt8(bytes.count >> 8), UInt8(bytes.count & 0xff)] + bytes
    }
}

func map(_ pairs: (String, [UInt8])...) -> [UInt8] {
    pairs.reduce([0xa0 | UInt8(pairs.count)]) { $0 + text($1.0) + $1.1 }
}

let null: [UInt8] = [0xf6]
let zeros48 = [UInt8](repeating: 0, count: 48)

/// Answers always the same, and remembers what it was asked.
final class Scripted: SecurityModuleTransport {
    private let response: [UInt8]
    private let received = Mutex<[[UInt8]]>([])

    init(_ response: [UInt8]) { self.response = response }

    var requests: [[UInt8]] { received.withLock { $0 } }

    func exchange(_ request: [UInt8]) throws(SecurityModuleError) -> [UInt8] {
        received.withLock { $0.append(request) }
        return response
    }
}

/// A clock that stands until it is set.
final class ManualClock: Sendable {
    private let time: Mutex<Timestamp>

    init(_ time: Timestamp = start) { self.time = Mutex(time) }

    var now: Timestamp {
        get { time.withLock { $0 } }
        set { time.withLock { $0 = newValue } }
    }

    func advance(seconds: Int64) { now = now.advanced(byMilliseconds: seconds * 1000) }

    /// 2026-11-21T10:11:12.345Z
    static let start = Timestamp(milliseconds: 1_795_255_872_345)
}

/// A software module in a directory of its own.
struct Fixture {
    let directory: TemporaryDirectory
    let clock: ManualClock
    let transport: SoftwareModule
    let module: SecurityModule

    static let measurements = SoftwareMeasurements(
        pcr0: [UInt8](repeating: 0xa0, count: 48),
        pcr1: [UInt8](repeating: 0xa1, count: 48),
        pcr2: [UInt8](repeating: 0xa2, count: 48)
    )

    init(clock: ManualClock = ManualClock(), directory: TemporaryDirectory? = nil) throws {
        self.clock = clock
        self.directory = try directory ?? TemporaryDirectory()
        transport = try SoftwareModule(
            directory: self.directory.url.path,
            measurements: Self.measurements,
            clock: { clock.now }
        )
        module = SecurityModule(transport)
    }

    var rootPEM: String {
        get throws { try String(contentsOf: directory.url.appendingPathComponent("root.pem"), encoding: .utf8) }
    }

    /// A policy that trusts this module.
    func policy() throws -> VerificationPolicy { VerificationPolicy(roots: try TrustAnchors(pem: rootPEM)) }
}

/// The verdict in one word: `accepted`, or the reason of rejection.
func verdict(_ document: [UInt8], _ policy: VerificationPolicy, at time: Timestamp) throws -> String {
    switch try AttestationVerifier(policy: policy).verify(document, at: time) {
    case .accepted: "accepted"
    case .rejected(let rejection): rejection.reason.rawValue
    }
}
