// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The folder of one demo: everything in it, nothing outside.
struct DemoFolder: Sendable {
    let path: String

    init(path: String?) throws(CommandFailure) {
        let template = path ?? FileManager.default.temporaryDirectory.path + "/keybroker-demo-" + Self.suffix()
        // Unix socket paths are short (108 bytes), so a folder deep down would not do.
        guard template.utf8.count <= 60 else {
            throw .usage("\(template): the folder's path is too long for unix sockets (60 bytes)")
        }
        try InputFile.makeFolder(template)
        self.path = template
    }

    func file(_ name: String) -> String { "\(path)/\(name)" }

    func folder(_ name: String) throws(CommandFailure) -> String {
        let folder = file(name)
        try InputFile.makeFolder(folder)
        return folder
    }

    func remove() { try? FileManager.default.removeItem(atPath: path) }

    private static func suffix() -> String { String(UUID().uuidString.prefix(8)).lowercased() }
}

/// The programs that a demo runs: the ones that were built with this one.
struct DemoPrograms: Sendable {
    let host: String
    let enclave: String

    static func besideThisOne() throws(CommandFailure) -> DemoPrograms {
        let folder = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent().path
        let programs = DemoPrograms(host: folder + "/keybroker-host", enclave: folder + "/keybroker-enclave")
        for program in [programs.host, programs.enclave] {
            guard FileManager.default.isExecutableFile(atPath: program) else {
                throw .failed("\(program): not there: build it first (swift build)")
            }
        }
        return programs
    }
}
