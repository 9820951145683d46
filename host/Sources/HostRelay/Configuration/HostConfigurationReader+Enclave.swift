// SPDX-License-Identifier: Apache-2.0

import Encoding
import Transport

/// The member `enclave`: who starts it, how, and where it is.
extension HostConfigurationReader {
    /// MiB: far more than an instance has (EC2's largest have 32 TiB).
    private static let maximumMemory: Int64 = 1 << 26
    /// Seconds: a day. Who wants more wants none.
    private static let maximumSilence: Int64 = 86_400
    /// More than an instance has.
    private static let maximumCPUs: Int64 = 1024

    static func enclave(_ json: JSON, at path: String) throws(JSONFieldError) -> HostConfiguration.Enclave {
        var fields = try JSONFields(json, at: path)
        let executable = try optionalString("executable", &fields)
        let module = try optionalString("module", &fields)
        let statusFile = try optionalString("statusFile", &fields)
        let nitro = try fields.optionalValue("nitro").flatMap { (json) throws(JSONFieldError) in
            json == .null ? nil : try Self.nitro(json, at: fields.path("nitro"))
        }
        let liveness = try fields.optionalValue("liveness").map { (json) throws(JSONFieldError) in
            try Self.liveness(json, at: fields.path("liveness"))
        }
        let launch = try launch(&fields, isProcess: executable != nil, isNitro: nitro != nil)
        let endpoint = try endpoint(try fields.string("endpoint"), at: fields.path("endpoint"))
        for (name, file) in [("executable", executable), ("statusFile", statusFile)] {
            if let file { _ = try absolutePath(file, at: fields.path(name)) }
        }
        if let module, module != "nsm", !module.hasPrefix("software:/") {
            throw invalid(fields.path("module"), "must be nsm or software:/DIRECTORY")
        }
        switch launch {
        case .none: break
        case .process:
            for (name, value) in [("executable", executable), ("module", module)] where value == nil {
                throw JSONFieldError(path: fields.path(name), problem: .missing)
            }
        case .nitro:
            guard nitro != nil else { throw JSONFieldError(path: fields.path("nitro"), problem: .missing) }
            guard case .vsock = endpoint else {
                throw invalid(fields.path("endpoint"), "must be vsock://CID:PORT for an enclave of nitro-cli")
            }
        }
        try check(endpoint, statusFile: statusFile, at: fields.path("endpoint"))
        try fields.finish()
        return HostConfiguration.Enclave(
            launch: launch,
            executable: executable,
            module: module,
            nitro: nitro,
            endpoint: endpoint,
            statusFile: statusFile,
            liveness: liveness ?? Liveness.Limits()
        )
    }

    private static func liveness(_ json: JSON, at path: String) throws(JSONFieldError) -> Liveness.Limits {
        var fields = try JSONFields(json, at: path)
        var limits = Liveness.Limits()
        if let seconds = try fields.optionalInteger("seconds", in: 0...maximumSilence) {
            limits.silence = .seconds(seconds)
        }
        if let seconds = try fields.optionalInteger("bootSeconds", in: 1...maximumSilence) {
            limits.boot = .seconds(seconds)
        }
        try fields.finish()
        return limits
    }

    /// What is not said follows from what is there.
    private static func launch(
        _ fields: inout JSONFields,
        isProcess: Bool,
        isNitro: Bool
    ) throws(JSONFieldError) -> HostConfiguration.Enclave.Launch {
        guard let text = try optionalString("launch", &fields) else {
            guard !(isProcess && isNitro) else {
                throw invalid(fields.path("launch"), "must say process or nitro where executable and nitro are there")
            }
            return isProcess ? .process : isNitro ? .nitro : .none
        }
        guard let launch = HostConfiguration.Enclave.Launch(rawValue: text) else {
            throw invalid(fields.path("launch"), "must be process, nitro or none")
        }
        return launch
    }

    private static func check(_ endpoint: Endpoint, statusFile: String?, at path: String) throws(JSONFieldError) {
        guard case .vsock(let cid, _) = endpoint else { return }
        guard let cid else {
            guard statusFile != nil else {
                throw invalid(path, "must name the enclave's CID, or statusFile where the launcher says it")
            }
            return
        }
        // 0 to 2 are well known (vsock(7)); an enclave's parent is 3 to it. CID 1 is this machine itself, for tests.
        guard cid >= 4 || cid == 1 else {
            throw invalid(path, "must name the CID of an enclave, 4 or more")
        }
    }

    private static func nitro(_ json: JSON, at path: String) throws(JSONFieldError) -> HostConfiguration.Nitro {
        var fields = try JSONFields(json, at: path)
        let image = try absolutePath(try fields.string("image"), at: fields.path("image"))
        let memory = try fields.integer("memoryMiB", in: 1...maximumMemory)
        let count = try fields.optionalInteger("cpuCount", in: 1...maximumCPUs)
        let ids = try fields.optionalValue("cpuIds").map { (json) throws(JSONFieldError) in
            try cpuIDs(json, at: fields.path("cpuIds"))
        }
        var nitro: HostConfiguration.Nitro
        switch (count, ids) {
        case (let count?, nil): nitro = .init(image: image, memoryMiB: memory, cpus: .count(Int(count)))
        case (nil, let ids?): nitro = .init(image: image, memoryMiB: memory, cpus: .ids(ids))
        default: throw invalid(fields.path("cpuCount"), "must be there, or cpuIds, and not both")
        }
        if let name = try optionalString("name", &fields) {
            guard isName(name, extra: "-_.") else {
                throw invalid(fields.path("name"), "must be 1 to 64 letters, digits, dots, dashes and underscores")
            }
            nitro.name = name
        }
        nitro.isDebug = try fields.bool("debug", default: false)
        if let cli = try optionalString("cli", &fields) {
            nitro.cli = try absolutePath(cli, at: fields.path("cli"))
        }
        try fields.finish()
        return nitro
    }

    private static func cpuIDs(_ json: JSON, at path: String) throws(JSONFieldError) -> [Int] {
        let ids = json.array?.compactMap(\.int64).filter { (0...maximumCPUs).contains($0) } ?? []
        guard !ids.isEmpty, ids.count == json.array?.count, ids.count <= maximumCPUs, Set(ids).count == ids.count else {
            throw invalid(path, "must be a list of CPU numbers, each once")
        }
        return ids.map(Int.init)
    }
}
