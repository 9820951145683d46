// SPDX-License-Identifier: Apache-2.0

import Encoding

/// How an image came about: the metadata section. Nobody measures or checks it, whoever has the file can change it.
public struct ImageMetadata: Sendable, Equatable {
    /// `ImageName`.
    public var imageName: String
    /// `ImageVersion`: of the image, not of the format.
    public var imageVersion: String
    /// `BuildTime`, RFC 3339.
    public var buildTime: String
    /// `BuildTool`.
    public var buildTool: String
    /// `BuildToolVersion`.
    public var buildToolVersion: String
    /// `OperatingSystem`: of the kernel, for instance `Linux`.
    public var operatingSystem: String
    /// `KernelVersion`.
    public var kernelVersion: String
    /// `DockerInfo`: the text of a JSON object, as `docker image inspect` prints it; nil for an image made otherwise.
    public var dockerInfo: [UInt8]?
    /// `CustomMetadata`: the text of a JSON object; nil for none.
    public var custom: [UInt8]?

    /// All of it.
    public init(
        imageName: String,
        imageVersion: String,
        buildTime: String,
        buildTool: String,
        buildToolVersion: String,
        operatingSystem: String,
        kernelVersion: String,
        dockerInfo: [UInt8]? = nil,
        custom: [UInt8]? = nil
    ) {
        self.imageName = imageName
        self.imageVersion = imageVersion
        self.buildTime = buildTime
        self.buildTool = buildTool
        self.buildToolVersion = buildToolVersion
        self.operatingSystem = operatingSystem
        self.kernelVersion = kernelVersion
        self.dockerInfo = dockerInfo
        self.custom = custom
    }
}

extension ImageMetadata {
    private static let limits = JSONLimits(totalLength: ImageFormat.maximumMetadataLength)

    /// Reads the section's JSON. Unknown members are passed over, as `nitro-cli` does.
    init(parsing section: [UInt8]) throws(EnclaveImageError) {
        do {
            guard let object = try JSON.parse(section, limits: Self.limits).object else {
                throw EnclaveImageError(.malformedMetadata, "the metadata is not a JSON object")
            }
            guard let build = object["BuildMetadata"]?.object else {
                throw Self.malformed("BuildMetadata", "an object")
            }
            imageName = try Self.text("ImageName", object)
            imageVersion = try Self.text("ImageVersion", object)
            buildTime = try Self.text("BuildTime", build)
            buildTool = try Self.text("BuildTool", build)
            buildToolVersion = try Self.text("BuildToolVersion", build)
            operatingSystem = try Self.text("OperatingSystem", build)
            kernelVersion = try Self.text("KernelVersion", build)
            dockerInfo = try Self.optionalObject("DockerInfo", object)
            custom = try Self.optionalObject("CustomMetadata", object)
        } catch let error as EnclaveImageError {
            throw error
        } catch let error as JSONError {
            throw EnclaveImageError(
                .malformedMetadata,
                "the metadata is not JSON: \(error.code.rawValue) at byte \(error.offset)"
            )
        } catch {
            throw EnclaveImageError(.malformedMetadata, "the metadata cannot be read")
        }
    }

    /// The section's bytes, compact, in the order in which `nitro-cli` writes.
    func encoded() throws(EnclaveImageError) -> [UInt8] {
        let bytes = JSON.object(
            JSONObject([
                ("ImageName", .string(imageName)),
                ("ImageVersion", .string(imageVersion)),
                (
                    "BuildMetadata",
                    [
                        "BuildTime": .string(buildTime), "BuildTool": .string(buildTool),
                        "BuildToolVersion": .string(buildToolVersion), "OperatingSystem": .string(operatingSystem),
                        "KernelVersion": .string(kernelVersion),
                    ]
                ),
                ("DockerInfo", try Self.value("DockerInfo", dockerInfo)),
                ("CustomMetadata", try Self.value("CustomMetadata", custom)),
            ])
        ).serialized()
        guard bytes.count <= ImageFormat.maximumMetadataLength else {
            throw EnclaveImageError(
                .malformedMetadata,
                "the metadata has \(bytes.count) bytes, of at most \(ImageFormat.maximumMetadataLength)"
            )
        }
        return bytes
    }

    private static func text(_ name: String, _ object: JSONObject) throws(EnclaveImageError) -> String {
        guard let text = object[name]?.string else { throw malformed(name, "text") }
        return text
    }

    /// `nitro-cli` wants the member, and writes null where there is nothing.
    private static func optionalObject(_ name: String, _ object: JSONObject) throws(EnclaveImageError) -> [UInt8]? {
        switch object[name] {
        case .null: return nil
        case .object(let value)?: return JSON.object(value).serialized()
        default: throw malformed(name, "an object or null")
        }
    }

    private static func value(_ name: String, _ text: [UInt8]?) throws(EnclaveImageError) -> JSON {
        guard let text else { return .null }
        guard case .object(let object)? = try? JSON.parse(text, limits: limits) else {
            throw malformed(name, "a JSON object")
        }
        return .object(object)
    }

    private static func malformed(_ name: String, _ expected: String) -> EnclaveImageError {
        EnclaveImageError(.malformedMetadata, "\(name) is not \(expected)")
    }
}
