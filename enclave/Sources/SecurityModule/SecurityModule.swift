// SPDX-License-Identifier: Apache-2.0

import CBOR

/// Where CBOR requests of the NSM's dialect go: `/dev/nsm`, or the software module. Bytes in, bytes out.
package protocol SecurityModuleTransport: Sendable {
    /// One exchange. Request at most 0x1000 bytes, response at most 0x3000.
    func exchange(_ request: [UInt8]) throws(SecurityModuleError) -> [UInt8]
}

/// What a module says of itself.
package struct ModuleDescription: Sendable, Equatable {
    package var versionMajor: UInt64
    package var versionMinor: UInt64
    package var versionPatch: UInt64
    package var moduleID: String
    package var maximumPCRs: UInt64
    package var lockedPCRs: [UInt64]
    /// Digest of the PCRs: `SHA384`.
    package var digest: String

    package init(
        versionMajor: UInt64,
        versionMinor: UInt64,
        versionPatch: UInt64,
        moduleID: String,
        maximumPCRs: UInt64,
        lockedPCRs: [UInt64],
        digest: String
    ) {
        self.versionMajor = versionMajor
        self.versionMinor = versionMinor
        self.versionPatch = versionPatch
        self.moduleID = moduleID
        self.maximumPCRs = maximumPCRs
        self.lockedPCRs = lockedPCRs
        self.digest = digest
    }
}

/// Typed client for the seven requests of the NSM.
package struct SecurityModule: Sendable {
    /// `NSM_REQUEST_MAX_SIZE` of aws-nitro-enclaves-nsm-api and of the Linux driver.
    package static let maximumRequestLength = 0x1000
    /// `NSM_RESPONSE_MAX_SIZE` of the same. A response that is as long is taken for cut.
    package static let maximumResponseLength = 0x3000
    /// Bytes of a PCR: SHA-384 is the only digest that modules have.
    package static let pcrLength = 48

    package let transport: any SecurityModuleTransport

    package init(_ transport: any SecurityModuleTransport) {
        self.transport = transport
    }

    /// What the module is, and which PCRs are locked.
    package func describe() throws(SecurityModuleError) -> ModuleDescription {
        let fields = try ModuleDialect.fields(of: call(.text("DescribeNSM")), to: "DescribeNSM")
        return ModuleDescription(
            versionMajor: try fields.moduleNumber("version_major"),
            versionMinor: try fields.moduleNumber("version_minor"),
            versionPatch: try fields.moduleNumber("version_patch"),
            moduleID: try fields.moduleText("module_id"),
            maximumPCRs: try fields.moduleNumber("max_pcrs"),
            lockedPCRs: try fields.moduleNumbers("locked_pcrs"),
            digest: try fields.moduleText("digest")
        )
    }

    /// The present value of a PCR, 48 bytes, and whether it can still change.
    package func describePCR(_ index: Int) throws(SecurityModuleError) -> (isLocked: Bool, value: [UInt8]) {
        let request = ModuleDialect.request("DescribePCR", [("index", try number(index))])
        let fields = try ModuleDialect.fields(of: call(request), to: "DescribePCR")
        guard case .bool(let isLocked)? = fields["lock"] else { throw .malformedResponse }
        return (isLocked, try pcrValue(fields))
    }

    /// Sets the PCR to SHA-384 of its old value and `data`, which is not hashed before, and returns the new value.
    package func extendPCR(_ index: Int, with data: [UInt8]) throws(SecurityModuleError) -> [UInt8] {
        let request = ModuleDialect.request("ExtendPCR", [("index", try number(index)), ("data", .bytes(data))])
        return try pcrValue(ModuleDialect.fields(of: call(request), to: "ExtendPCR"))
    }

    /// Locks one PCR; `readOnlyIndex` if it is locked already.
    package func lockPCR(_ index: Int) throws(SecurityModuleError) {
        let request = ModuleDialect.request("LockPCR", [("index", try number(index))])
        guard try call(request) == .text("LockPCR") else { throw .malformedResponse }
    }

    /// Locks PCRs 0 up to but not including `range`, locked ones among them or not.
    package func lockPCRs(upTo range: Int) throws(SecurityModuleError) {
        let request = ModuleDialect.request("LockPCRs", [("range", try number(range))])
        guard try call(request) == .text("LockPCRs") else { throw .malformedResponse }
    }

    /// A signed attestation document over the locked PCRs and what is given, each nil or at most 1024 bytes.
    package func attest(userData: [UInt8]?, nonce: [UInt8]?, publicKey: [UInt8]?) throws(SecurityModuleError)
        -> [UInt8]
    {
        let request = ModuleDialect.request(
            "Attestation",
            [
                ("user_data", ModuleDialect.optional(userData)),
                ("nonce", ModuleDialect.optional(nonce)),
                ("public_key", ModuleDialect.optional(publicKey)),
            ]
        )
        return try ModuleDialect.fields(of: call(request), to: "Attestation")
            .moduleBytes("document", count: 1...Self.maximumResponseLength)
    }

    /// What one request yields; at most 256 bytes on real modules.
    package func random() throws(SecurityModuleError) -> [UInt8] {
        try ModuleDialect.fields(of: call(.text("GetRandom")), to: "GetRandom")
            .moduleBytes("random", count: 1...Self.maximumResponseLength)
    }

    private func call(_ request: CBORValue) throws(SecurityModuleError) -> CBORValue {
        let bytes = request.encoded(mapOrder: .asGiven)
        guard bytes.count <= Self.maximumRequestLength else { throw .requestTooLarge }
        let response = try transport.exchange(bytes)
        guard response.count < Self.maximumResponseLength else { throw .responseTooLarge }
        return try ModuleDialect.decode(response)
    }

    /// Indexes are 16 bits wide in the dialect; one that is not is no index of any module.
    private func number(_ index: Int) throws(SecurityModuleError) -> CBORValue {
        guard let index = UInt16(exactly: index) else { throw .module(.invalidIndex) }
        return .unsigned(UInt64(index))
    }

    private func pcrValue(_ fields: CBORMap) throws(SecurityModuleError) -> [UInt8] {
        try fields.moduleBytes("data", count: Self.pcrLength...Self.pcrLength)
    }
}
