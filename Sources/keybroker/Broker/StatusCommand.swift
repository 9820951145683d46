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

    @Flag(help: "Print JSON, as the broker answers.")
    var json = false

    func run() async throws {
        let answer = health ? try await self.askHealth() : try await self.askStatus()
        if json {
            Console.json(.object(answer))
        } else {
            for (name, value) in answer.members {
                let text = value.string ?? String(decoding: value.serialized(), as: UTF8.self)
                Console.line("\(name): \(Console.printable(text))")
            }
        }
        if health, answer["state"]?.string != "unlocked" { throw CommandFailure.reported }
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
