// SPDX-License-Identifier: Apache-2.0

import AWSClient
import Encoding
import Foundation
import NitroAttestation
import SigV4
import Transport

/// One host and the enclave that it launches, as separate processes, in a folder of their own.
final class DemoBroker: Sendable {
    struct Setup: Sendable {
        /// Folder for sockets, log and host configuration.
        var folder: String
        /// Between host and enclave.
        var link: DemoTransport.Link
        /// Folder of the software module.
        var module: String
        /// The broker configuration's file.
        var configuration: String
        /// Folder of the sealed keyring.
        var state: String
        var kmsEndpoint: String
        /// Credentials file for KMS, profile `default`.
        var kmsCredentials: String
    }

    let setup: Setup
    /// Where TLS ends in the enclave, once it is unlocked.
    let url: String
    /// The same port before that: the enclave answers in clear how it is.
    let clearURL: String
    private let process: Process
    private let log: String

    init(_ setup: Setup, programs: DemoPrograms) throws(CommandFailure) {
        self.setup = setup
        let port = try Self.freePort()
        url = "https://127.0.0.1:\(port)"
        clearURL = "http://127.0.0.1:\(port)"
        log = setup.folder + "/host.log"
        let configuration: JSON = [
            "format": 1,
            "enclave": [
                "executable": .string(programs.enclave),
                "module": .string("software:" + setup.module),
                "endpoint": .string(setup.link.enclave.description),
            ],
            "relay": ["listen": .string(setup.link.relay.description)],
            "ingress": ["listen": .string("tcp://127.0.0.1:\(port)")],
            "kms": [
                "endpoint": .string(setup.kmsEndpoint), "region": "us-east-1", "operations": ["Decrypt"],
            ],
            "configuration": .string(setup.configuration),
            "state": .string(setup.state),
        ]
        try InputFile.write(configuration.serialized(pretty: true), to: setup.folder + "/host.json")
        try InputFile.write([], to: log)

        process = Process()
        process.executableURL = URL(fileURLWithPath: programs.host)
        process.arguments = ["--config", setup.folder + "/host.json"]
        process.environment = ["AWS_SHARED_CREDENTIALS_FILE": setup.kmsCredentials]
        process.standardInput = FileHandle.nullDevice
        guard let output = FileHandle(forWritingAtPath: log) else {
            throw .failed("\(log): cannot be written")
        }
        process.standardOutput = output
        process.standardError = output
        do {
            try process.run()
        } catch {
            throw .failed("\(programs.host): does not start: \(error.localizedDescription)")
        }
    }

    /// Waits until the enclave serves, and checks it as `keybroker trust` does.
    func waitUntilTrusted(policy: VerificationPolicy, state: String, seconds: Int = 30) async throws -> TrustedEnclave {
        let endpoint = try EnclaveEndpoint(url)
        for _ in 0..<(seconds * 50) {
            guard process.isRunning else { throw CommandFailure.failed("the host ended; \(lastLines())") }
            do {
                return try await TrustedEnclave.establish(endpoint, policy: policy, state: state, views: [])
            } catch let refusal as TrustRefusal {
                // It is on its way as long as it does not speak TLS.
                guard [.unreachable, .notTLS].contains(refusal.code) else {
                    throw CommandFailure.failed("\(refusal.code.rawValue): \(refusal.detail)")
                }
            }
            try await pause()
        }
        throw CommandFailure.failed("not serving after \(seconds) s; \(lastLines())")
    }

    /// Waits until the log holds `marker`, and returns the rest of that message.
    func waitForLog(_ marker: String, seconds: Int = 30) async throws(CommandFailure) -> String {
        for _ in 0..<(seconds * 50) {
            if let found = logged(marker) { return found }
            try await pause()
        }
        throw .failed("no “\(marker)” in the log after \(seconds) s; \(lastLines())")
    }

    /// The state that the broker reports to anybody as long as it is locked; nil if it does not answer.
    func state() async -> String? {
        try? await BrokerEndpoint(clearURL, transport: WebTransport(timeoutSeconds: 2)).health()["state"]?.string
    }

    func stop() {
        guard process.isRunning else { return }
        process.terminate()
        process.waitUntilExit()
    }

    private func pause() async throws(CommandFailure) {
        do {
            try await Task.sleep(for: .milliseconds(20))
        } catch {
            throw .failed("interrupted")
        }
    }

    private func logged(_ marker: String) -> String? {
        guard let text = try? String(contentsOfFile: log, encoding: .utf8),
            let found = text.range(of: marker)
        else { return nil }
        // A message ends where its JSON string does; the line may still be on its way.
        let rest = text[found.lowerBound...]
        guard let end = rest.firstIndex(of: "\n") else { return nil }
        let line = rest[..<end]
        let message = line.replacing("\\\"", with: "”").prefix { $0 != "\"" }
        return Console.printable(String(message))
    }

    private func lastLines() -> String {
        let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
        let lines = text.split(separator: "\n").suffix(3).map { Console.printable(String($0), limit: 300) }
        return lines.isEmpty ? "its log is empty" : "its log ends: " + lines.joined(separator: " | ")
    }

    /// A TCP port that is free now.
    private static func freePort() throws(CommandFailure) -> Int {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(INADDR_LOOPBACK).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                unsafe bind(descriptor, generic, length) == 0 && getsockname(descriptor, generic, &length) == 0
            }
        }
        guard bound else { throw .failed("no free port") }
        return Int(UInt16(bigEndian: address.sin_port))
    }
}
