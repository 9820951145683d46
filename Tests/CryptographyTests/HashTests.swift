// SPDX-License-Identifier: Apache-2.0

import Cryptography
import Encoding
import TestSupport
import Testing

struct HashTests {
    /// FIPS 180-4's examples (NIST, "Secure Hash Standard" example values), of "abc".
    @Test(arguments: [
        (HashAlgorithm.sha1, "a9993e364706816aba3e25717850c26c9cd0d89d"),
        (.sha224, "23097d223405d8228642a477bda255b32aadbce4bda0b3f7e36c9da7"),
        (.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            .sha384,
            "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7"
        ),
        (
            .sha512,
            "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                + "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"
        ),
    ])
    func `computes NIST's example`(hash: HashAlgorithm, expected: String) throws {
        #expect(Hex.encode(Hash.digest(hash, Array("abc".utf8))) == expected)
        #expect(hash.digestLength == expected.count / 2)
    }

    @Test(arguments: HashAlgorithm.allCases) func `parts and pieces hash as their concatenation`(hash: HashAlgorithm) {
        let message = (0..<1000).map { UInt8(truncatingIfNeeded: $0) }
        let whole = Hash.digest(hash, message)
        #expect(Hash.digest(hash, Array(message[..<7]), [], Array(message[7...])) == whole)
        var pieces = IncrementalHash(hash)
        for start in stride(from: 0, to: 1000, by: 130) {
            pieces.update(Array(message[start..<min(start + 130, 1000)]))
        }
        #expect(pieces.finish() == whole)
    }

    @Test(arguments: HashAlgorithm.allCases) func `agrees with the openssl command`(hash: HashAlgorithm) async throws {
        let openssl = try OpenSSLCommand()
        let message = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        try openssl.write("message", message)
        let digest = try await openssl.succeed("dgst", "-\(hash.rawValue)", "-binary", "message").output
        #expect(Hash.digest(hash, message) == digest)
        #expect(
            Hash.digest(hash) == (try await openssl.succeed("dgst", "-\(hash.rawValue)", "-binary", "/dev/null").output)
        )
    }

    @Test(arguments: HashAlgorithm.allCases) func `HMAC agrees with the openssl command`(hash: HashAlgorithm)
        async throws
    {
        let openssl = try OpenSSLCommand()
        let message = Array("what is authenticated".utf8)
        try openssl.write("message", message)
        for length in [1, 64, 128, 200] {
            let key = (0..<length).map { UInt8(truncatingIfNeeded: $0 &+ 3) }
            let expected = try await openssl.succeed(
                "mac",
                "-digest",
                hash.rawValue,
                "-macopt",
                "hexkey:\(Hex.encode(key))",
                "-binary",
                "-in",
                "message",
                "HMAC"
            ).output
            #expect(HMAC.authenticate(hash, key: key, message: message) == expected)
        }
    }

    /// RFC 4231 has no empty key; FIPS 198-1 pads it with zeros like any short one.
    @Test(arguments: HashAlgorithm.allCases)
    func `a kept HMAC key authenticates each message as a fresh one does`(hash: HashAlgorithm) async {
        for keyLength in [0, 1, 32, 64, 128, 200] {
            let key = [UInt8](repeating: 0x5A, count: keyLength)
            let kept = HMACKey(hash, key)
            await withTaskGroup(of: Bool.self) { group in
                for length in 0..<64 {
                    group.addTask {
                        let message = [UInt8](repeating: UInt8(length), count: length * 5)
                        return kept.authenticate(message) == HMAC.authenticate(hash, key: key, message: message)
                    }
                }
                for await isSame in group { #expect(isSame) }
            }
        }
    }

    @Test func `HMAC takes an empty key as one zero byte`() throws {
        let empty = HMAC.authenticate(.sha256, key: [], message: [1])
        #expect(empty == HMAC.authenticate(.sha256, key: [0], message: [1]))
        #expect(empty == HMAC.authenticate(.sha256, key: try secret([]), message: [1]))
    }

    /// RFC 5869 appendix A, test cases 1 to 3.
    @Test(arguments: [
        (
            String(repeating: "0b", count: 22), "000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f9", 42,
            "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
        ),
        (
            String(repeating: "0b", count: 22), "", "", 42,
            "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
        ),
    ])
    func `HKDF derives what RFC 5869 says`(
        input: String,
        salt: String,
        info: String,
        count: Int,
        pseudorandom: String,
        output: String
    ) throws {
        let key = try HKDF.extract(.sha256, salt: hex(salt), input: secret(hex(input)))
        #expect(Hex.encode(exposed(key)) == pseudorandom)
        let derived = try HKDF.expand(.sha256, key: key, info: hex(info), count: count)
        #expect(Hex.encode(exposed(derived)) == output)
    }

    @Test func `HKDF expands to no more than 255 blocks`() throws {
        let key = try SecretBytes.random(count: 48)
        #expect(try HKDF.expand(.sha384, key: key, info: [], count: 255 * 48).count == 255 * 48)
        for count in [255 * 48 + 1, 0, -1] {
            #expect(
                code { () throws(CryptographyError) in
                    _ = try HKDF.expand(.sha384, key: key, info: [], count: count)
                } == .invalidLength
            )
        }
    }

    @Test func `HKDF takes info up to its limit and refuses more`() throws {
        let key = try SecretBytes.random(count: 48)
        let info = [UInt8](repeating: 7, count: HKDF.maximumInfoLength)
        #expect(try HKDF.expand(.sha384, key: key, info: info, count: 32).count == 32)
        #expect(
            code { () throws(CryptographyError) in _ = try HKDF.expand(.sha384, key: key, info: info + [7], count: 32) }
                == .invalidLength
        )
    }
}

struct RandomTests {
    @Test func `gives as many bytes as asked, and others each time`() throws {
        #expect(try SecureRandom.bytes(count: 0) == [])
        let one = try SecureRandom.bytes(count: 48)
        #expect(one.count == 48)
        #expect(one != (try SecureRandom.bytes(count: 48)))
        #expect(code { () throws(CryptographyError) in _ = try SecureRandom.bytes(count: -1) } == .invalidLength)
    }

    @Test func `goes on after entropy was added`() throws {
        SecureRandom.add(entropy: [UInt8](repeating: 1, count: 256))
        SecureRandom.add(entropy: [])
        #expect(try SecureRandom.bytes(count: 32) != (try SecureRandom.bytes(count: 32)))
    }
}

struct AESGCMTests {
    @Test func `opens only what was sealed, under the same key, nonce and additional data`() throws {
        let key = try SecretBytes.random(count: 32)
        let nonce = try SecureRandom.bytes(count: 12)
        let sealed = try AESGCM.seal([1, 2, 3], key: key, nonce: nonce, additionalData: [9])
        #expect(sealed.count == 3 + AESGCM.tagLength)
        #expect(exposed(try AESGCM.open(sealed, key: key, nonce: nonce, additionalData: [9])) == [1, 2, 3])
        var other = nonce
        other[0] ^= 1
        for (sealed, nonce, data) in [
            (sealed, other, [9]), (sealed, nonce, [8]), (sealed, nonce, []), (sealed.dropLast(), nonce, [9]),
            ([], nonce, [9]),
        ] as [([UInt8], [UInt8], [UInt8])] {
            #expect(
                code { () throws(CryptographyError) in
                    _ = try AESGCM.open(sealed, key: key, nonce: nonce, additionalData: data)
                } == .authenticationFailed
            )
        }
        let stranger = try SecretBytes.random(count: 32)
        #expect(
            code { () throws(CryptographyError) in
                _ = try AESGCM.open(sealed, key: stranger, nonce: nonce, additionalData: [9])
            } == .authenticationFailed
        )
    }
}
