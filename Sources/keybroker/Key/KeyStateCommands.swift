// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Encoding

struct KeyEnableCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "enable", abstract: "Let a disabled key work again.")

    @OptionGroup var options: KeyOptions

    func run() async throws { try await options.change("EnableKey", done: "enabled") }
}

struct KeyDisableCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "disable",
        abstract: "Stop a key from doing anything until it is enabled."
    )

    @OptionGroup var options: KeyOptions

    func run() async throws { try await options.change("DisableKey", done: "disabled") }
}

struct KeyScheduleDeletionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schedule-deletion",
        abstract: "Disable a key now and destroy it after a waiting period.",
        discussion: """
            What it signed can still be verified with its public key: keep that, from an attestation. Backups of the
            keyring still hold the key, sealed.
            """
    )

    @OptionGroup var options: KeyOptions
    @OptionGroup var confirmation: Confirmation

    @Option(help: ArgumentHelp("The waiting period, 7 to 30 days.", valueName: "N"))
    var days = 30

    func run() async throws {
        let session = BrokerSession(options.broker)
        let key = try await KeyDescription.of(options.key, session)
        let id = key.text("KeyId")
        try confirmation.require(
            "Key \(id) (\(key.text("KeySpec")), \(key.aliasText)) stops working now and is destroyed in \(days) days."
        )
        let answer = try await session.kms(
            "ScheduleKeyDeletion",
            JSONObject([("KeyId", .string(id)), ("PendingWindowInDays", .number(JSONNumber(Int64(days))))])
        )
        guard !options.json else {
            Console.json(.object(answer))
            return
        }
        Console.line("\(id): will be deleted on \(answer["DeletionDate"]?.timeText ?? "-")")
        Console.line("Until then: keybroker key cancel-deletion \(id)")
    }
}

struct KeyCancelDeletionCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel-deletion",
        abstract: "Keep a key that was to be deleted.",
        discussion: "It is disabled then, as in KMS: keybroker key enable."
    )

    @OptionGroup var options: KeyOptions

    func run() async throws {
        try await options.change("CancelKeyDeletion", done: "stays, disabled: keybroker key enable makes it work again")
    }
}

extension KeyOptions {
    /// An operation that takes a key and nothing else.
    fileprivate func change(_ operation: String, done: String) async throws(CommandFailure) {
        let session = BrokerSession(broker)
        let id = try await KeyDescription.id(key, session)
        let answer = try await session.kms(operation, JSONObject([("KeyId", .string(id))]))
        json ? Console.json(.object(answer)) : Console.line("\(id): \(done)")
    }
}
