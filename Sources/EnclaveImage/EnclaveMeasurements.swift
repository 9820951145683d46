// SPDX-License-Identifier: Apache-2.0

import Cryptography

/// What a Nitro security module will report of an image: platform configuration registers, 48 bytes each.
///
/// Each is `SHA384(0⁴⁸ ‖ SHA384(content))`. Headers, metadata and signature are in none of PCR0 to PCR2. An enclave in debug
/// mode reports zeros instead.
public struct EnclaveMeasurements: Sendable, Equatable {
    /// Kernel, command line and all ramdisks, in the order in which they stand in the file: the image.
    public let pcr0: [UInt8]
    /// Kernel, command line and first ramdisk: what boots.
    public let pcr1: [UInt8]
    /// The ramdisks after the first: the application.
    public let pcr2: [UInt8]
    /// The certificate (DER) under whose key the image is signed; nil if it is not, and the module then reports zeros.
    public let pcr8: [UInt8]?

    /// The value of PCR0, 1, 2 or 8; nil for others, and for PCR8 without a signature.
    public subscript(index: Int) -> [UInt8]? {
        switch index {
        case 0: pcr0
        case 1: pcr1
        case 2: pcr2
        case 8: pcr8
        default: nil
        }
    }

    /// PCR8 of images that are signed under this certificate, as `nitro-cli pcr --signing-certificate` computes it.
    public static func pcr8(certificate der: [UInt8]) -> [UInt8] { extended(Hash.digest(.sha384, der)) }

    /// A register of zeros, extended once.
    fileprivate static func extended(_ digest: [UInt8]) -> [UInt8] {
        Hash.digest(.sha384, [UInt8](repeating: 0, count: HashAlgorithm.sha384.digestLength), digest)
    }
}

/// Measures an image piece by piece, in the order in which its sections stand in the file.
struct ImageMeasurer: ~Copyable {
    private var image = IncrementalHash(.sha384)
    private var bootstrap = IncrementalHash(.sha384)
    private var application = IncrementalHash(.sha384)
    private var ramdisks = 0

    /// Which of the registers a section counts in.
    enum Part: Sendable {
        case bootstrap
        case application
        case none
    }

    /// To be called once for each section.
    mutating func part(of kind: ImageSectionKind) -> Part {
        switch kind {
        case .kernel, .commandLine: return .bootstrap
        case .signature, .metadata: return .none
        case .ramdisk:
            ramdisks += 1
            return ramdisks == 1 ? .bootstrap : .application
        }
    }

    mutating func update(_ bytes: RawSpan, of part: Part) {
        switch part {
        case .none: return
        case .bootstrap: bootstrap.update(bytes)
        case .application: application.update(bytes)
        }
        image.update(bytes)
    }

    /// What was measured; with the DER of the signing certificate, if there is a signature.
    consuming func finish(certificate: [UInt8]?) -> EnclaveMeasurements {
        EnclaveMeasurements(
            pcr0: EnclaveMeasurements.extended(image.finish()),
            pcr1: EnclaveMeasurements.extended(bootstrap.finish()),
            pcr2: EnclaveMeasurements.extended(application.finish()),
            pcr8: certificate.map(EnclaveMeasurements.pcr8)
        )
    }
}
