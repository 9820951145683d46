// SPDX-License-Identifier: Apache-2.0

import Encoding
import Foundation
import TestSupport
import Testing

/// The commands of docs/NITRO.md exist as they are written there.
struct NitroPageTests {
    /// Commands of the page's shell blocks, one line each: continued lines joined, what is around them taken off.
    private static func commands(of program: String) throws -> [String] {
        let file = SharedData.repository.appendingPathComponent("docs/NITRO.md")
        var isShell = false
        var text = ""
        for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
            let line = line.drop { $0 == " " }
            if line.hasPrefix("```") {
                isShell = line == "```sh"
            } else if isShell {
                text += line.hasSuffix("\\") ? line.dropLast() + " " : line + "\n"
            }
        }
        return text.split(separator: "\n").map { line in
            String(line).replacing("eval \"$(", with: "").replacing("sudo ", with: "")
        }.filter { $0 == program || $0.hasPrefix(program + " ") }
    }

    /// `--flag` and `-x`, each once.
    private static func flags(of command: String) -> Set<String> {
        // Quoted values may have anything in them.
        let plain = command.replacing(/'[^']*'/, with: "VALUE")
        return Set(plain.split(separator: " ").filter { $0.hasPrefix("-") && $0.count > 1 }.map(String.init))
    }

    @Test func `every command of keybroker has the flags that the page gives it`() async throws {
        let commands = try Self.commands(of: "keybroker")
        #expect(commands.count >= 10)
        for command in commands {
            let words = command.split(separator: " ").dropFirst().map(String.init)
            let names = Array(
                words.prefix { word in word.allSatisfy { $0.isLowercase || $0 == "-" } && !word.hasPrefix("-") }
            )
            let help = try await Programs.run(["keybroker"] + names + ["--help"])
            #expect(help.status == 0, "\(command): \(help.errors)")
            #expect(help.text.contains("USAGE: keybroker \(names.joined(separator: " "))"), "\(command)")
            for flag in Self.flags(of: command) where flag != "--help" {
                let isKnown =
                    help.text.contains("\(flag) ") || help.text.contains("\(flag),") || help.text.contains("/\(flag)")
                #expect(isKnown, "\(command): \(flag)")
            }
        }
        for command in try Self.commands(of: "keybroker-host") {
            #expect(try await Programs.run(["keybroker-host", "--help"]).text.contains("check"), "\(command)")
        }
    }

    @Test(.enabled(if: Tool.pythonHas("botocore")))
    func `every command of aws has the flags that the page gives it`() async throws {
        let commands = try Self.commands(of: "aws")
        #expect(commands.count >= 6)
        let asked = JSON.array(
            commands.map { command in
                let words = command.split(separator: " ").map(String.init)
                return [
                    "service": .string(words[1]), "operation": .string(words[2]),
                    "flags": .array(Self.flags(of: command).sorted().map { .string($0) }),
                ]
            }
        )
        let script = """
            import json, sys
            import botocore.session
            from botocore import xform_name
            session = botocore.session.Session()
            wrong = []
            for command in json.load(sys.stdin):
                model = session.get_service_model(command["service"])
                names = {xform_name(name, "-"): name for name in model.operation_names}
                operation = names.get(command["operation"])
                if operation is None:
                    wrong.append(command)
                    continue
                members = {"--" + xform_name(name, "-") for name in model.operation_model(operation).input_shape.members}
                wrong += [[command["operation"], flag] for flag in command["flags"] if flag not in members]
            print(json.dumps(wrong))
            """
        let wrong = try await Tool.python(script, input: asked.serialized())
        #expect(try JSON.parse(wrong) == [], "\(String(decoding: wrong, as: UTF8.self))")
    }

    @Test func `every link of the page leads somewhere`() throws {
        let folder = SharedData.repository.appendingPathComponent("docs")
        let text = try String(contentsOf: folder.appendingPathComponent("NITRO.md"), encoding: .utf8)
        let links = text.matches(of: /\]\(([^)#]+)(#[^)]*)?\)/).map { String($0.1) }
        #expect(links.count >= 5)
        for link in links where !link.hasPrefix("http") {
            #expect(FileManager.default.fileExists(atPath: folder.appendingPathComponent(link).path), "\(link)")
        }
    }
}
