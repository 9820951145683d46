// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Where fixtures are kept.
struct FixtureFolder {
    let url: URL

    init(path: String) {
        self.url = URL(fileURLWithPath: path, isDirectory: true)
    }

    func read(_ path: String) throws -> [UInt8] {
        [UInt8](try Data(contentsOf: url.appendingPathComponent(path)))
    }

    /// Writes what differs, and removes documents that are not made any more.
    func write(_ files: FixtureFiles) throws {
        for (path, bytes) in files.contents.sorted(by: { $0.key < $1.key }) where (try? read(path)) != bytes {
            let file = url.appendingPathComponent(path)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(),
                withIntermediateDirectories: true
            )
            try Data(bytes).write(to: file, options: .atomic)
        }
        for path in strays(files) {
            try FileManager.default.removeItem(at: url.appendingPathComponent(path))
        }
    }

    /// Paths whose contents are not what the generator makes.
    func differences(_ files: FixtureFiles) -> [String] {
        let changed = files.contents.keys.filter { (try? read($0)) != files.contents[$0] }
        return (changed + strays(files)).sorted()
    }

    private func isFolder(_ file: URL) -> Bool {
        (try? file.resourceValues(forKeys: [.isDirectoryKey]))?.isDirectory == true
    }

    private func strays(_ files: FixtureFiles) -> [String] {
        FixtureFiles.documentFolders.flatMap { folder in
            let root = url.appendingPathComponent(folder)
            let names = (try? FileManager.default.subpathsOfDirectory(atPath: root.path)) ?? []
            return names.filter { !isFolder(root.appendingPathComponent($0)) }
                .map { "\(folder)/\($0)" }.filter { files.contents[$0] == nil }
        }
    }
}
