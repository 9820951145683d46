// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Foundation

// generate-fixtures [--output FOLDER] [--check]
//
// Writes the fixtures into FOLDER (attestation-fixtures by default), or with --check says which are not as generated.

/// RSA-2048, made once with `openssl genpkey`: the only input.
let recipientKeyFile = "mock-pki/recipient.key.pem"

func fail(_ message: String, code: Int32) -> Never {
    FileHandle.standardError.write(Data("generate-fixtures: \(message)\n".utf8))
    exit(code)
}

var output = "attestation-fixtures"
var isCheck = false
var arguments = CommandLine.arguments.dropFirst()
while let argument = arguments.popFirst() {
    switch argument {
    case "--check": isCheck = true
    case "--output":
        guard let value = arguments.popFirst() else { fail("--output needs a folder", code: 2) }
        output = value
    default: fail("usage: generate-fixtures [--output FOLDER] [--check]", code: 2)
    }
}

do {
    let folder = FixtureFolder(path: output)
    guard var pem = try? folder.read(recipientKeyFile) else { fail("no \(recipientKeyFile) in \(output)", code: 2) }
    let recipient = try PrivateKey(pem: try SecretBytes(movingFrom: &pem))
    let collection = try FixtureCollection(recipient: recipient.publicKey)
    let unlocks = try await UnlockCollection(unlockKey: recipient, chain: collection.chain)
    let problems = try collection.problems() + unlocks.problems
    guard problems.isEmpty else { fail("not as expected:\n" + problems.joined(separator: "\n"), code: 1) }
    let files = try FixtureFiles(collection, unlocks)
    if isCheck {
        let differences = folder.differences(files)
        guard differences.isEmpty else {
            fail("not as generated:\n" + differences.joined(separator: "\n"), code: 1)
        }
    } else {
        try folder.write(files)
    }
    print(
        "\(collection.fixtures.count) documents, \(unlocks.fixtures.count) recorded unlocks, "
            + "\(files.contents.count) files: \(isCheck ? "as generated" : "written")"
    )
} catch {
    fail("\(error)", code: 1)
}
