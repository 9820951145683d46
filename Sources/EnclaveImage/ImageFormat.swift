// SPDX-License-Identifier: Apache-2.0

/// Numbers of the enclave image format.
///
/// Source, where nothing else is said: AWS, "Enclave Image File (EIF) Specification" of 2024-06-21, in the README of
/// aws-nitro-enclaves-image-format.
enum ImageFormat: Sendable {
    static let magic: [UInt8] = Array(".eif".utf8)
    /// What is written. Version 4 added the metadata; 2 and 3 differ from it in nothing else that matters.
    static let version: UInt16 = 4
    static let readableVersions: ClosedRange<UInt16> = 2...4
    /// The version that added signatures.
    static let signatureVersion = 3
    /// The version from which on metadata is mandatory.
    static let metadataVersion: UInt16 = 4

    /// Set in the header's flags for aarch64; the other 15 bits are reserved.
    static let aarch64Flag: UInt16 = 1

    static let headerLength = 548
    /// The header's last four bytes: the checksum covers everything else.
    static let checksumOffset = 544
    static let sectionHeaderLength = 12
    static let sectionCount = 2...32
    /// Places in the header's tables.
    static let tableLength = 32

    /// `SIGNATURE_MAX_SIZE`.
    static let maximumSignatureLength = 32_768
    /// Twice the `COMMAND_LINE_SIZE` of Linux on x86 and arm64 (2,048). The bound is ours.
    static let maximumCommandLineLength = 4096
    /// Room for `docker image inspect` and what a user adds, of which `nitro-cli` takes 4,096 bytes. The bound is ours.
    static let maximumMetadataLength = 256 << 10

    /// `nitro-cli` writes these two, and nothing reads them.
    static let defaultMemory: UInt64 = 1 << 30
    static let defaultCPUs: UInt64 = 2
}

/// What a section holds.
public enum ImageSectionKind: UInt16, Sendable, CaseIterable {
    /// bzImage (x86_64) or Image (aarch64).
    case kernel = 1
    /// The kernel's parameters.
    case commandLine = 2
    /// A cpio archive, perhaps compressed. The first one boots, the others are the application.
    case ramdisk = 3
    /// A certificate, and a signature of PCR0.
    case signature = 4
    /// JSON about the build.
    case metadata = 5
}

extension ImageSectionKind: CustomStringConvertible {
    /// For people.
    public var description: String {
        switch self {
        case .kernel: "kernel"
        case .commandLine: "command line"
        case .ramdisk: "ramdisk"
        case .signature: "signature"
        case .metadata: "metadata"
        }
    }
}
