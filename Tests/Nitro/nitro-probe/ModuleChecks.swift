// SPDX-License-Identifier: Apache-2.0

import CBOR
import CPlatform
import Cryptography
import Encoding
import Glibc
import NitroAttestation
import SecurityModule

/// Every request of the NSM through the kernel's driver, against what QEMU's module (hw/virtio/virtio-nsm.c) does as
/// `-device virtio-nsm-pci`: all registers zero and open at first.
struct ModuleChecks {
    private let checks: Checks
    private let moduleID: String
    private let zeros = [UInt8](repeating: 0, count: SecurityModule.pcrLength)

    init(_ checks: Checks, moduleID: String) {
        self.checks = checks
        self.moduleID = moduleID
    }

    func run() async {
        let module: SecurityModule
        do {
            module = SecurityModule(try DeviceTransport())
        } catch {
            checks.check("/dev/nsm opens") { throw error }
            return
        }
        describe(module)
        random(module)
        extendAndLock(module)
        limits(module)
        attestation(module)
        interrupted(module)
        await together(module)
        // Locks everything: last.
        lockRange(module)
    }

    private func describe(_ module: SecurityModule) {
        checks.check("DescribeNSM tells the module's id, 32 registers, SHA384, none locked") {
            let description = try module.describe()
            try expect(description.moduleID, moduleID, "id")
            try expect(description.maximumPCRs, 32, "registers")
            try expect(description.digest, "SHA384", "digest")
            try expect(description.lockedPCRs, [], "locked")
            try expect([description.versionMajor, description.versionMinor, description.versionPatch], [1, 0, 0])
        }
        checks.check("DescribePCR tells each of 32 registers, zero and open") {
            for index in 0..<32 {
                let (isLocked, value) = try module.describePCR(index)
                try expect(!isLocked && value == zeros, "PCR\(index) is locked or not zero")
            }
        }
        checks.check("DescribePCR of index 32 and 255 is an InvalidIndex") {
            for index in [32, 255] { try refused(.invalidIndex) { _ = try module.describePCR(index) } }
        }
        checks.check("an index in 16 bits is an InvalidOperation to this module") {
            try refused(.invalidOperation) { _ = try module.describePCR(256) }
        }
    }

    private func random(_ module: SecurityModule) {
        checks.check("GetRandom gives 256 bytes, others each time") {
            let (first, second) = (try module.random(), try module.random())
            try expect(first.count, 256)
            try expect(first != second, "twice the same")
        }
        checks.check("the kernel credits the module's bytes to its pool") {
            try expect(KernelEntropy.credit(try module.random()), "not credited")
        }
    }

    private func extendAndLock(_ module: SecurityModule) {
        checks.check("ExtendPCR makes SHA-384 of the old value and the data, which is not hashed before") {
            let data: [UInt8] = Array("configuration".utf8)
            let first = Hash.digest(.sha384, zeros + data)
            try expect(try module.extendPCR(16, with: data), first, "first")
            try expect(try module.describePCR(16).value, first, "described")
            try expect(try module.extendPCR(16, with: [7]), Hash.digest(.sha384, first + [7]), "second")
        }
        checks.check("ExtendPCR of index 32 is an InvalidIndex") {
            try refused(.invalidIndex) { _ = try module.extendPCR(32, with: [1]) }
        }
        checks.check("LockPCR locks, and DescribeNSM and DescribePCR tell") {
            try module.lockPCR(16)
            try expect(try module.describePCR(16).isLocked, "PCR16 is open")
            try expect(try module.describe().lockedPCRs, [16])
        }
        checks.check("a locked register is a ReadOnlyIndex to ExtendPCR and LockPCR, and keeps its value") {
            let value = try module.describePCR(16).value
            try refused(.readOnlyIndex) { _ = try module.extendPCR(16, with: [1]) }
            try refused(.readOnlyIndex) { try module.lockPCR(16) }
            try expect(try module.describePCR(16).value, value)
        }
        checks.check("LockPCR of index 32 is an InvalidIndex") {
            try refused(.invalidIndex) { try module.lockPCR(32) }
        }
    }

    private func lockRange(_ module: SecurityModule) {
        checks.check("LockPCRs locks what is below its range, locked ones among them or not") {
            try module.lockPCRs(upTo: 3)
            try expect(Set(try module.describe().lockedPCRs), [0, 1, 2, 16])
            try module.lockPCRs(upTo: 18)
            try expect(Set(try module.describe().lockedPCRs), Set(0..<18))
        }
        checks.check("LockPCRs beyond the last register is an InvalidIndex") {
            try refused(.invalidIndex) { try module.lockPCRs(upTo: 33) }
            try expect(Set(try module.describe().lockedPCRs), Set(0..<18))
        }
        checks.check("LockPCRs takes all 32") {
            try module.lockPCRs(upTo: 32)
            try expect(Set(try module.describe().lockedPCRs), Set(0..<32))
        }
    }

    private func limits(_ module: SecurityModule) {
        checks.check("a request of 4,096 bytes reaches the module") {
            // What stands around the data takes 27 bytes. The module has its own opinion on so much data.
            do {
                _ = try module.extendPCR(18, with: [UInt8](repeating: 0, count: 4096 - 27))
            } catch SecurityModuleError.module {
            }
        }
        checks.check("a request of 4,097 bytes is EMSGSIZE to the driver, and is not sent by the client") {
            try expect(try exchange([UInt8](repeating: 0, count: 4097), room: 0x3000).failure, EMSGSIZE)
            do {
                _ = try module.extendPCR(18, with: [UInt8](repeating: 0, count: 4097 - 27))
                throw Checks.Failure("accepted")
            } catch SecurityModuleError.requestTooLarge {
            }
        }
        checks.check("a response is cut to its buffer silently: one that fills its buffer may be cut") {
            let whole = try exchange(Array("\u{69}GetRandom".utf8), room: 0x3000)
            try expect(whole.failure, 0, "errno")
            try expect((257..<300).contains(whole.response.count), "\(whole.response.count) bytes")
            let cut = try exchange(Array("\u{69}GetRandom".utf8), room: 32)
            try expect(cut.failure, 0, "errno")
            try expect(cut.response.count, 32, "length")
            try expect(Array(cut.response.prefix(20)), Array(whole.response.prefix(20)), "beginning")
        }
        checks.check("the client refuses a response that fills its buffer") {
            let room = 32
            let transport = DeviceTransport { request, response, length in
                // The driver with less room than the client has.
                guard let answer = try? exchange(request, room: room) else { return EIO }
                response.replaceSubrange(0..<answer.response.count, with: answer.response)
                length = answer.response.count == room ? response.count : answer.response.count
                return answer.failure
            }
            do {
                _ = try SecurityModule(transport).random()
                throw Checks.Failure("accepted")
            } catch SecurityModuleError.responseTooLarge {
            }
        }
        checks.check("a request that is none of the seven, or no CBOR, is an InvalidOperation") {
            for request in [Array("\u{66}Unlock".utf8), [0xff, 0xff], [0xf6], [0xa0]] {
                let answer = try exchange(request, room: 0x3000)
                try expect(answer.failure, 0, "errno")
                try expect(
                    answer.response,
                    Array("\u{a1}".unicodeScalars.map { UInt8($0.value) })
                        + Array("\u{65}Error\u{70}InvalidOperation".utf8),
                    "\(request)"
                )
            }
        }
    }

    private func attestation(_ module: SecurityModule) {
        checks.check("Attestation carries the three fields, the id, the time and the registers that are locked") {
            let document = try module.attest(userData: [1, 2], nonce: [3], publicKey: [4, 5, 6])
            Checks.write("document \(Base64.encode(document))")
            let payload = try UnsignedDocument(document).payload
            try expect(payload["user_data"], .bytes([1, 2]), "user_data")
            try expect(payload["nonce"], .bytes([3]), "nonce")
            try expect(payload["public_key"], .bytes([4, 5, 6]), "public_key")
            try expect(payload["module_id"], .text(moduleID), "module_id")
            try expect(payload["digest"], .text("SHA384"), "digest")
            let now = UInt64(time(nil)) * 1000
            let stamp = payload["timestamp"]?.unsigned ?? 0
            try expect(stamp > now - 120_000 && stamp < now + 120_000, "timestamp \(stamp), now \(now)")
            let registers = payload["pcrs"]?.map?.entries ?? []
            let expected = try module.describe().lockedPCRs.map { index in
                CBORMap.Entry(key: .unsigned(index), value: .bytes(try module.describePCR(Int(index)).value))
            }
            try expect(registers, expected, "pcrs")
        }
        checks.check("fields that are not asked for are null in the document") {
            let payload = try UnsignedDocument(module.attest(userData: nil, nonce: nil, publicKey: nil)).payload
            for name in ["user_data", "nonce", "public_key"] { try expect(payload[name], .null, name) }
        }
        checks.check("fields of 512 bytes and a public key of 1,024, which real modules take, are taken") {
            let bytes = [UInt8](repeating: 9, count: 512)
            let document = try module.attest(
                userData: bytes,
                nonce: bytes,
                publicKey: [UInt8](repeating: 9, count: 1024)
            )
            try expect(try UnsignedDocument(document).payload["public_key"]?.bytes?.count, 1024)
        }
        checks.check("its document is not signed, and the verifier rejects it for that") {
            let document = try module.attest(userData: nil, nonce: nil, publicKey: nil)
            let unsigned = try UnsignedDocument(document)
            try expect(unsigned.algorithm, -1, "algorithm")
            try expect(unsigned.signature.allSatisfy { $0 == 0 }, "there is a signature")
            guard
                case .rejected = try AttestationVerifier(policy: VerificationPolicy(roots: .aws))
                    .verify(document, at: Timestamp(milliseconds: Int64(time(nil)) * 1000))
            else { throw Checks.Failure("accepted") }
        }
    }

    private func interrupted(_ module: SecurityModule) {
        checks.check("a signal each half millisecond neither fails a request nor repeats one") {
            let before = try module.describePCR(19).value
            var expected = before
            let signals = try Interruptions.during {
                for number in 0..<400 {
                    let data = [UInt8(number & 0xff)]
                    expected = Hash.digest(.sha384, expected + data)
                    try expect(try module.extendPCR(19, with: data), expected, "extension \(number)")
                }
            }
            try expect(signals >= 100, "only \(signals) signals")
            try expect(try module.describePCR(19).value, expected)
        }
    }

    private func together(_ module: SecurityModule) async {
        await checks.check("requests of four threads do not mix, over one descriptor and over several") {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for index in 20..<24 {
                    group.addTask {
                        let own = index % 2 == 0 ? module : SecurityModule(try DeviceTransport())
                        var expected = try own.describePCR(index).value
                        for number in 0..<100 {
                            let data = [UInt8(index), UInt8(number)]
                            expected = Hash.digest(.sha384, expected + data)
                            try expect(try own.extendPCR(index, with: data), expected, "PCR\(index)")
                            try expect(try own.random().count, 256)
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    private func refused(_ code: SecurityModuleError.Code, _ body: () throws -> Void) throws {
        do {
            try body()
        } catch SecurityModuleError.module(let found) {
            return try expect(found, code)
        }
        throw Checks.Failure("accepted")
    }

    /// The driver by itself, without the client in between.
    private func exchange(_ request: [UInt8], room: Int) throws -> (failure: Int32, response: [UInt8]) {
        let device = unsafe open("/dev/nsm", O_RDWR | O_CLOEXEC)
        guard device >= 0 else { throw Checks.Failure("/dev/nsm: errno \(errno)") }
        defer { close(device) }
        var response = [UInt8](repeating: 0, count: room)
        var length = room
        let failure = unsafe kb_nsm_exchange(device, request, request.count, &response, &length)
        return (failure, failure == 0 ? Array(response.prefix(length)) : [])
    }
}

/// A document as QEMU's module makes it, read without any of the rules that it breaks.
private struct UnsignedDocument {
    let algorithm: Int64?
    let payload: CBORMap
    let signature: [UInt8]

    init(_ bytes: [UInt8]) throws {
        let limits = CBORLimits(totalLength: 0x3000, depth: 8, items: 512, stringLength: 0x3000)
        func decode(_ bytes: [UInt8]?) throws -> CBORValue {
            try CBORDecoder.decode(bytes ?? [], limits: limits, allowing: .all)
        }
        guard let parts = try decode(bytes).array, parts.count == 4 else { throw Checks.Failure("no COSE_Sign1") }
        algorithm = try decode(parts[0].bytes).map?[1]?.int64
        guard let payload = try decode(parts[2].bytes).map else { throw Checks.Failure("no payload") }
        self.payload = payload
        signature = parts[3].bytes ?? []
    }
}
