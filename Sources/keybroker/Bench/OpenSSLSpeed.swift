// SPDX-License-Identifier: Apache-2.0

import Foundation
import KMSProtocol

/// What `openssl speed` says of the same primitive on one core of this machine: the yardstick.
struct OpenSSLSpeed: Sendable, Equatable {
    /// As the command line names it.
    let algorithm: String
    let operationsPerSecond: Double

    /// The command's arguments for what a key does in an operation; nil where there is nothing to compare.
    static func arguments(_ operation: BenchOperation, _ spec: KeySpec, messageLength: Int) -> [String]? {
        switch (operation, spec) {
        case (.getPublicKey, _): nil
        case (.generateMAC, .hmac224): ["-bytes", String(messageLength), "-hmac", "sha224"]
        case (.generateMAC, .hmac256): ["-bytes", String(messageLength), "-hmac", "sha256"]
        case (.generateMAC, .hmac384): ["-bytes", String(messageLength), "-hmac", "sha384"]
        case (.generateMAC, .hmac512): ["-bytes", String(messageLength), "-hmac", "sha512"]
        case (_, .rsa2048): ["rsa2048"]
        case (_, .rsa3072): ["rsa3072"]
        case (_, .rsa4096): ["rsa4096"]
        case (_, .eccNISTP256): ["ecdsap256"]
        case (_, .eccNISTP384): ["ecdsap384"]
        case (_, .eccNISTP521): ["ecdsap521"]
        case (_, .eccNISTEdwards25519): ["ed25519"]
        default: nil
        }
    }

    /// Runs it for some seconds. Nil if there is no `openssl`, or nothing to compare.
    static func measure(_ operation: BenchOperation, _ subject: BenchSubject, seconds: Int) -> OpenSSLSpeed? {
        guard let arguments = arguments(operation, subject.spec, messageLength: subject.messageLength),
            let name = arguments.last
        else { return nil }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl", "speed", "-seconds", String(seconds), "-mr"] + arguments
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        guard start(process) else { return nil }
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return rate(in: text, verifying: operation == .verify, messageLength: subject.messageLength)
            .map { OpenSSLSpeed(algorithm: operation == .generateMAC ? "hmac-\(name)" : name, operationsPerSecond: $0) }
    }

    /// Starts it with SIGALRM let through, which tells it that its time is over: it inherits the signals that this thread
    /// blocks, and threads of a pool block them all.
    private static func start(_ process: Process) -> Bool {
        var alarm = sigset_t()
        var before = sigset_t()
        unsafe sigemptyset(&alarm)
        unsafe sigaddset(&alarm, SIGALRM)
        unsafe pthread_sigmask(SIG_UNBLOCK, &alarm, &before)
        defer { unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }
        return (try? process.run()) != nil
    }

    /// The rate in machine-readable output, whose last fields are signatures and verifications per second (`+F2:` RSA,
    /// `+F4:` ECDSA, `+F6:` EdDSA), or bytes per second (`+F:`, a hash).
    static func rate(in output: String, verifying: Bool, messageLength: Int) -> Double? {
        for line in output.split(whereSeparator: \.isNewline) where line.hasPrefix("+F") {
            let fields = line.split(separator: ":")
            if fields.first == "+F" {
                guard let rate = fields.last.flatMap({ Double($0) }), messageLength > 0 else { return nil }
                return rate / Double(messageLength)
            }
            guard fields.count >= 3, let sign = Double(fields[fields.count - 2]),
                let verify = Double(fields[fields.count - 1])
            else { return nil }
            return verifying ? verify : sign
        }
        return nil
    }
}
