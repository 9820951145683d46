// SPDX-License-Identifier: Apache-2.0

import BrokerProtocol
import Encoding
import Foundation
import Glibc

/// What a host's configuration says about this machine, as far as a doctor needs it. Whether the file is right as a whole,
/// `keybroker-host check` says.
struct DoctorInstallation: Sendable {
    struct Nitro: Sendable {
        var image: String
        var memoryMiB: Int64
        /// Nil: named one by one.
        var cpuCount: Int64?
        var cpuIDs: [Int64]
        var isDebug: Bool
        var cli: String
    }

    /// The file it is from; nil: there is none.
    var path: String?
    var nitro: Nitro?
    var launch: String
    var statusFile: String?
    var kmsEndpoint: String?
    var region: String?
    var profile: String?
    var certificateAuthorityFile: String?
    var configurationPath: String?
    var statePath: String?

    static let none = DoctorInstallation(launch: "none")

    private init(launch: String) { self.launch = launch }

    /// - Throws: `CommandFailure` if it is not a host's configuration.
    init(path: String) throws(CommandFailure) {
        let bytes = try InputFile.read(path)
        guard let object = (try? JSON.parse(bytes))?.object, let enclave = object["enclave"]?.object,
            let kms = object["kms"]?.object
        else { throw .usage("\(path): not a host's configuration: keybroker-host check says more") }
        self.path = path
        nitro = enclave["nitro"]?.object.flatMap(Self.nitro)
        launch =
            enclave["launch"]?.string
            ?? (enclave["executable"]?.string != nil ? "process" : nitro != nil ? "nitro" : "none")
        statusFile = enclave["statusFile"]?.string
        kmsEndpoint = kms["endpoint"]?.string
        region = kms["region"]?.string
        profile = kms["profile"]?.string
        certificateAuthorityFile = kms["certificateAuthorityFile"]?.string
        configurationPath = object["configuration"]?.string
        statePath = object["state"]?.string
    }

    private static func nitro(_ object: JSONObject) -> Nitro? {
        guard let image = object["image"]?.string, let memory = object["memoryMiB"]?.int64 else { return nil }
        return Nitro(
            image: image,
            memoryMiB: memory,
            cpuCount: object["cpuCount"]?.int64,
            cpuIDs: object["cpuIds"]?.array?.compactMap(\.int64) ?? [],
            isDebug: object["debug"]?.bool ?? false,
            cli: object["cli"]?.string ?? "/usr/bin/nitro-cli"
        )
    }
}

/// The machine's files, under `/` or, in tests, elsewhere.
struct DoctorRoot: Sendable {
    let path: String

    init(_ path: String?) { self.path = path.map { $0.hasSuffix("/") ? String($0.dropLast()) : $0 } ?? "" }

    func file(_ name: String) -> String { path + name }

    func exists(_ name: String) -> Bool { unsafe access(file(name), F_OK) == 0 }

    /// The text of a small file; nil if it cannot be read.
    func text(_ name: String) -> String? {
        (try? InputFile.read(file(name))).map { String(decoding: $0, as: UTF8.self) }
    }

    func names(_ folder: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: file(folder))) ?? []).sorted()
    }

    /// Nil: it can be used so; else the system's reason.
    func refusal(_ name: String, _ mode: Int32) -> String? {
        unsafe access(file(name), mode) == 0 ? nil : SystemError.text(errno)
    }

    /// Bytes of a file that a path names.
    static func size(of path: String) -> UInt64? {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else { return nil }
        return UInt64(clamping: status.st_size)
    }

    func isCharacterDevice(_ name: String) -> Bool {
        var status = stat()
        guard unsafe stat(file(name), &status) == 0 else { return false }
        return status.st_mode & S_IFMT == S_IFCHR
    }
}
