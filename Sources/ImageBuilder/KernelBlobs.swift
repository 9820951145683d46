// SPDX-License-Identifier: Apache-2.0

/// A kernel with what belongs to it: the folder that comes with nitro-cli (`/usr/share/nitro_enclaves/blobs`), or one that is
/// laid out like it.
package struct KernelBlobs: Sendable, Equatable {
    /// A kernel module, loaded by the init.
    package struct Module: Sendable, Equatable {
        package let name: String
        package let bytes: [UInt8]
    }

    /// Where the package of nitro-cli puts it.
    package static let installedFolder = "/usr/share/nitro_enclaves/blobs"
    /// The driver of the security module.
    package static let securityModule = "nsm.ko"
    /// Names of modules, one in a line, in the order in which they are loaded. AWS's folder has none: its kernel needs but
    /// the driver of the security module.
    package static let moduleList = "modules"
    private static let ending = ".ko"
    /// Their names in the image begin with two digits.
    private static let maximumModules = 99

    package let kernel: [UInt8]
    package let commandLine: String
    /// Nil if the folder does not say.
    package let configuration: KernelConfiguration?
    package let modules: [Module]

    /// - Parameters:
    ///   - folder: The folder.
    ///   - machine: Which kernel: `bzImage` or `Image`.
    ///   - read: Reads files.
    /// - Throws: ``ImageBuildError`` for what is missing or wrong.
    package init(folder: String, machine: ELFObject.Machine, read: FileReading) throws(ImageBuildError) {
        func file(_ name: String) throws(ImageBuildError) -> [UInt8] {
            if let bytes = try read("\(folder)/\(name)") { return bytes }
            throw ImageBuildError(
                "\(folder) has no \(name): name nitro-cli's folder of kernels with --blobs (\(Self.installedFolder))"
            )
        }
        let name =
            switch machine {
            case .x86_64: "bzImage"
            case .aarch64: "Image"
            }
        kernel = try file(name)
        guard let text = String(validating: try file("cmdline"), as: UTF8.self) else {
            throw ImageBuildError("\(folder)/cmdline is not text")
        }
        // As nitro-cli does: a line break at the end is none of the kernel's.
        commandLine = String(text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed())
        configuration = try read("\(folder)/\(name).config").map(KernelConfiguration.init)
        let names = try Self.moduleNames(folder, configuration, read)
        var modules: [Module] = []
        for name in names { modules.append(Module(name: name, bytes: try file(name))) }
        for module in modules {
            let path = "\(folder)/\(module.name)"
            guard try ELFObject(module.bytes, path: path).machine == machine else {
                throw ImageBuildError("\(path) is for another machine than the kernel")
            }
        }
        self.modules = modules
    }

    private static func moduleNames(
        _ folder: String,
        _ configuration: KernelConfiguration?,
        _ read: FileReading
    ) throws(ImageBuildError) -> [String] {
        guard let list = try read("\(folder)/\(moduleList)") else {
            return configuration?.isBuiltIn("NSM") ?? false ? [] : [securityModule]
        }
        let names = String(decoding: list, as: UTF8.self).split(separator: "\n").map(String.init)
        for name in names where name.contains("/") || name.hasPrefix(".") || !name.hasSuffix(ending) {
            throw ImageBuildError("\(folder)/\(moduleList): \(name) is not the name of a module (….ko)")
        }
        guard names.count <= maximumModules, Set(names).count == names.count else {
            throw ImageBuildError("\(folder)/\(moduleList): a module twice, or more than \(maximumModules)")
        }
        return names
    }

    /// What a Nitro enclave needs that this kernel lacks; nil if it cannot be told.
    package var missingForNitro: [String]? {
        configuration?.missingForNitro(modules: Set(modules.map(\.name)))
    }
}
