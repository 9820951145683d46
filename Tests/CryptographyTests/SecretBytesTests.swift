// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Glibc
import Testing

/// One at a time, because some look at memory after it was given back.
@Suite(.serialized) struct SecretBytesTests {
    @Test func `keeps what it was given`() throws {
        let bytes = Array(UInt8.min...UInt8.max)
        let kept = try SecretBytes(copying: bytes)
        let count = kept.count
        #expect(count == 256)
        #expect(exposed(kept) == bytes)
        #expect(exposed(try kept.copy()) == bytes)
    }

    @Test func `may be empty`() throws {
        let empty = try SecretBytes(copying: [])
        #expect(empty.count == 0)
        #expect(empty.equals([]) == true)
        #expect(exposed(empty) == [])
    }

    @Test func `compares equal only with the same bytes`() throws {
        let kept = try secret([1, 2, 3])
        #expect(kept.equals(try secret([1, 2, 3])) == true)
        #expect(kept.equals(try secret([1, 2, 4])) == false)
        #expect(kept.equals(try secret([1, 2])) == false)
        #expect(kept.equals([1, 2, 3]) == true)
        #expect(kept.equals([0, 2, 3]) == false)
        #expect(constantTimeEquals([], []))
        #expect(!constantTimeEquals([1], []))
    }

    @Test func `wipes the array it is moved from`() throws {
        var source: [UInt8] = [1, 2, 3]
        let kept = try SecretBytes(movingFrom: &source)
        #expect(source == [0, 0, 0])
        #expect(kept.equals([1, 2, 3]) == true)
    }

    @Test func `random ones differ`() throws {
        let one = try SecretBytes.random(count: 32)
        #expect(one.equals(try SecretBytes.random(count: 32)) == false)
    }

    @Test func `passes on what the closure that fills it throws`() {
        let thrown = code { () throws(CryptographyError) in
            _ = try SecretBytes(count: 4) { (_: inout MutableRawSpan) throws(CryptographyError) in
                throw CryptographyError(.unsupportedKey)
            }
        }
        #expect(thrown == .unsupportedKey)
    }

    @Test(arguments: [32, 4096, 16 << 10, 100 << 10]) func `is in locked memory that is not dumped`(count: Int) throws {
        let kept = try SecretBytes.random(count: count)
        let flags = try #require(Memory.flags(of: Memory.address(of: kept)))
        #expect(flags.contains("lo"), "locked")
        #expect(flags.contains("dd"), "left out of core dumps")
    }

    /// The allocator's arena stays mapped, so what a freed piece holds can still be read. (Another test may have taken
    /// the piece since: that is why a few equal bytes prove nothing.)
    @Test func `is wiped when it goes`() throws {
        var address: UInt = 0
        let pattern = [UInt8](repeating: 0xa7, count: 4096)
        do {
            let kept = try SecretBytes(copying: pattern)
            address = Memory.address(of: kept)
            #expect(try Memory.read(address, count: 4096) == pattern)
        }
        #expect(try Memory.read(address, count: 4096).count { $0 == 0xa7 } < 256)
    }

    @Test func `is wiped when the closure that fills it throws`() throws {
        var address: UInt = 0
        _ = code { () throws(CryptographyError) in
            _ = try SecretBytes(count: 2048) { (span: inout MutableRawSpan) throws(CryptographyError) in
                for offset in 0..<span.byteCount {
                    span.storeBytes(of: 0xa7, toByteOffset: offset, as: UInt8.self)
                }
                unsafe span.withUnsafeBytes { address = UInt(bitPattern: $0.baseAddress) }
                throw CryptographyError(.authenticationFailed)
            }
        }
        #expect(try Memory.read(address, count: 2048).count { $0 == 0xa7 } < 128)
    }

    @Test func `is unmapped when it goes, if it had pages of its own`() throws {
        var address: UInt = 0
        do {
            let kept = try SecretBytes.random(count: 3 << 20)
            address = Memory.address(of: kept)
            #expect(Memory.flags(of: address) != nil)
        }
        // Another test may have taken the place since, but then not with the same bytes: only the flags can tell.
        #expect(Memory.flags(of: address)?.contains("lo") != true)
    }

    @Test(arguments: [-1, Int.max]) func `refuses a size that is none`(count: Int) {
        #expect(
            code { () throws(CryptographyError) in
                _ = try SecretBytes(count: count) { (_: inout MutableRawSpan) throws(CryptographyError) in }
            } == .invalidLength
        )
    }
}

/// The process's own memory, seen from outside of Swift's rules.
enum Memory {
    struct Unreadable: Error {}

    static func address(of secret: borrowing SecretBytes) -> UInt {
        secret.withBytes { bytes in
            unsafe bytes.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
        }
    }

    static func read(_ address: UInt, count: Int) throws -> [UInt8] {
        let file = unsafe open("/proc/self/mem", O_RDONLY)
        guard file >= 0 else { throw Unreadable() }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: count)
        guard unsafe pread(file, &bytes, count, off_t(address)) == count else { throw Unreadable() }
        return bytes
    }

    /// `VmFlags` of /proc/self/smaps for the mapping that holds the address (proc(5)).
    static func flags(of address: UInt) -> [String]? {
        guard let file = unsafe fopen("/proc/self/smaps", "r") else { return nil }
        defer { unsafe fclose(file) }
        var line = [CChar](repeating: 0, count: 4096)
        var isInside = false
        while unsafe fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
            let words = text.split { $0 == " " || $0 == "\n" }
            let bounds = (words.first ?? "").split(separator: "-")
            if bounds.count == 2, let low = UInt(bounds[0], radix: 16), let high = UInt(bounds[1], radix: 16) {
                isInside = low <= address && address < high
            } else if isInside, words.first == "VmFlags:" {
                return words.dropFirst().map(String.init)
            }
        }
        return nil
    }
}
