// SPDX-License-Identifier: Apache-2.0

/// The libraries that a program maps at start, its dynamic loader first: found as the loader would find them, by what the
/// files say of themselves. No program is run, so that it may be one for another machine.
package struct ProgramLibraries: Sendable {
    /// A library, and where it is in the image: where the loader in the image looks for it.
    package struct Library: Sendable, Equatable {
        package let path: String
        package let bytes: [UInt8]
    }

    /// More than any program here has; ends a search that links of libraries lead in circles.
    private static let maximumLibraries = 256
    private static let origins = ["$ORIGIN", "${ORIGIN}"]

    /// Where loaders look without being told: Debian's folders, then those of others.
    private static func usualFolders(_ machine: ELFObject.Machine) -> [String] {
        let triplet =
            switch machine {
            case .x86_64: "x86_64-linux-gnu"
            case .aarch64: "aarch64-linux-gnu"
            }
        return ["/lib/\(triplet)", "/usr/lib/\(triplet)", "/lib64", "/usr/lib64", "/lib", "/usr/lib"]
    }

    /// A folder of the machine that builds, and the same folder in the image.
    private struct Place {
        let here: String
        let inImage: String
    }

    /// A program or library whose own needs are to be met.
    private struct Needy {
        let object: ELFObject
        let folder: Place
        let path: String
    }

    private let root: String
    private let read: FileReading

    /// - Parameters:
    ///   - root: Where libraries are looked for, as if it were `/`; empty for `/`.
    ///   - read: Reads files.
    package init(root: String = "", read: @escaping FileReading) {
        self.root = root
        self.read = read
    }

    /// - Parameters:
    ///   - program: The program's file.
    ///   - path: Where it is here.
    ///   - folder: Its folder in the image.
    /// - Returns: In the order in which they are found.
    /// - Throws: ``ImageBuildError`` for a library that is nowhere, or a file that is broken.
    package func of(_ program: ELFObject, at path: String, inImage folder: String) throws(ImageBuildError) -> [Library]
    {
        guard let interpreter = program.interpreter else { return [] }
        guard let loader = try read(root + interpreter) else {
            throw ImageBuildError("\(path) wants the loader \(interpreter), which is not there")
        }
        var libraries = [Library(path: interpreter, bytes: loader)]
        var known: Set<String> = [Self.name(interpreter)]
        var pending = [Needy(object: program, folder: Place(here: Self.folder(path), inImage: folder), path: path)]
        // In the loader's order, breadth first: what the program names itself is found by its own folders, and is there for
        // whatever else wants it.
        while !pending.isEmpty {
            let needy = pending.removeFirst()
            for name in needy.object.needed where known.insert(name).inserted {
                guard libraries.count < Self.maximumLibraries else {
                    throw ImageBuildError("\(path) needs more than \(Self.maximumLibraries) libraries")
                }
                let (library, object, place) = try find(name, for: needy)
                libraries.append(library)
                pending.append(Needy(object: object, folder: place, path: library.path))
            }
        }
        return libraries
    }

    private func find(_ name: String, for needy: Needy) throws(ImageBuildError) -> (Library, ELFObject, Place) {
        guard !name.contains("/") else { throw ImageBuildError("\(needy.path) names a library by its path: \(name)") }
        let machine = needy.object.machine
        for place in needy.object.searchPath.map({ self.place($0, needy) }) + Self.usualFolders(machine).map(usual) {
            let path = "\(place.here)/\(name)"
            // A library for another machine is passed over, as the loader does.
            guard let bytes = try read(path), let object = try? ELFObject(bytes, path: path), object.machine == machine
            else { continue }
            return (Library(path: Self.plain("\(place.inImage)/\(name)"), bytes: bytes), object, place)
        }
        throw ImageBuildError("\(needy.path) needs \(name), which is not in the folders of libraries")
    }

    private func usual(_ folder: String) -> Place { Place(here: root + folder, inImage: folder) }

    private func place(_ folder: String, _ needy: Needy) -> Place {
        for origin in Self.origins where folder == origin || folder.hasPrefix(origin + "/") {
            let rest = folder.dropFirst(origin.count)
            return Place(here: needy.folder.here + rest, inImage: needy.folder.inImage + rest)
        }
        return usual(folder)
    }

    private static func folder(_ path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return String(path[..<slash])
    }

    private static func name(_ path: String) -> String {
        String(path[(path.lastIndex(of: "/").map(path.index(after:)) ?? path.startIndex)...])
    }

    /// Without `.` and `..`, which `$ORIGIN/../lib` brings.
    private static func plain(_ path: String) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return "/" + parts.joined(separator: "/")
    }
}
