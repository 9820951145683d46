// SPDX-License-Identifier: Apache-2.0

import AWSClient
import ArgumentParser
import BrokerProtocol
import Encoding

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Ask a broker how it is.",
        discussion: """
            With credentials of a principal of the keyring the whole status (KeyBroker.GetStatus); with --health only
            what anybody may ask. Neither is proof of anything: see `keybroker attest`.
            """
    )

    @OptionGroup var broker: BrokerOptions

    @Flag(help: "Ask only for the state; needs no credentials.")
    var health = false

    @Flag(help: "Print JSON, as the broker answers (docs/reference/status-output.schema.json).")
    var json = false

    func run() async throws {
        let answer = health ? try await self.askHealth() : try await self.askStatus()
        if json {
            Console.json(.object(answer))
        } else {
            Self.lines(of: answer).forEach { Console.line($0) }
        }
        if health, answer["state"]?.string != "unlocked" { throw CommandFailure.reported }
    }

    /// One member a line, those of an object within under its name.
    private static func lines(of answer: JSONObject) -> [String] {
        answer.members.flatMap { name, value in
            guard let inner = value.object else { return [line(name, value)] }
            return inner.members.map { line("\(name).\($0.name)", $0.value) }
        }
    }

    private static func line(_ name: String, _ value: JSON) -> String {
        let time = name == "Time" ? value.timeText : nil
        let text = time ?? value.string ?? String(decoding: value.serialized(), as: UTF8.self)
        return "\(Console.printable(name)): \(Console.printable(text))"
    }

    private func askStatus() async throws -> JSONObject {
        try await BrokerSession(broker).call(BrokerOperation.getStatus, JSONObject())
    }

    private func askHealth() async throws -> JSONObject {
        do {
            return try await BrokerEndpoint(broker.url, transport: broker.transport()).health()
        } catch {
            throw BrokerFailure.explained(error, url: broker.url)
        }
    }
}
