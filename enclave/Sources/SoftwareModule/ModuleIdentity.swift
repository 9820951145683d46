// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding

/// The names under which a software module goes. Shaped like AWS's, and nobody could take them for AWS's.
struct ModuleIdentity: Sendable {
    /// PCR3 is made of it, as of the parent's IAM role on AWS.
    static let roleARN = "arn:aws:iam::000000000000:role/software-module"
    /// PCR4 is made of it, as of the parent's instance id on AWS.
    static let instanceID = "i-0123456789abcdef0"
    static let region = "software.local"

    typealias Name = [(type: String, value: String)]

    /// Half time, half chance, as the ids of AWS's enclaves are: 8 bytes.
    let enclave: [UInt8]

    init(startedAt time: Timestamp) throws(CryptographyError) {
        let milliseconds = UInt64(clamping: time.milliseconds)
        let timeBytes = stride(from: UInt64(40), through: 0, by: -8).map {
            UInt8(truncatingIfNeeded: milliseconds >> $0)
        }
        enclave = timeBytes + (try SecureRandom.bytes(count: 2))
    }

    /// `i-<17 hex>-enc<16 hex>`
    var moduleID: String { "\(Self.instanceID)-enc\(Hex.encode(enclave))" }

    /// One extension of a zero register with the string itself, without an inner hash (AWS, "PCR4").
    static var boot: [Int: [UInt8]] {
        [3: PCRBank.extended(with: [UInt8](roleARN.utf8)), 4: PCRBank.extended(with: [UInt8](instanceID.utf8))]
    }

    private static let country = (type: "C", value: "XX")
    private static let organization = (type: "O", value: "Confidential Key Broker")
    private static let unit = (type: "OU", value: "Software Security Module")
    private static let state = (type: "ST", value: "Software")
    private static let locality = (type: "L", value: "Software")

    static let root: Name = [country, organization, unit, (type: "CN", value: "software.nitro-enclaves")]

    static func regional(_ id: String) -> Name {
        [country, organization, unit, (type: "CN", value: "\(id).\(region).nitro-enclaves")]
    }

    /// In AWS's chains this level alone has its names the other way round.
    static func zonal(_ id: String) -> Name {
        [
            (type: "CN", value: "\(id).zonal.\(region).nitro-enclaves"), unit, organization, country, state, locality,
        ]
    }

    static let instance: Name = [
        country, state, locality, organization, unit, (type: "CN", value: "\(instanceID).\(region).nitro-enclaves"),
    ]

    var leaf: Name {
        [
            Self.country, Self.state, Self.locality, Self.organization, Self.unit,
            (type: "CN", value: "\(moduleID).\(Self.region)"),
        ]
    }
}
