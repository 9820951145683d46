// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// A hash function (FIPS 180-4).
package enum HashAlgorithm: String, Sendable, CaseIterable {
    case sha1
    case sha224
    case sha256
    case sha384
    case sha512

    /// Bytes of a digest.
    package var digestLength: Int {
        switch self {
        case .sha1: 20
        case .sha224: 28
        case .sha256: 32
        case .sha384: 48
        case .sha512: 64
        }
    }

    /// OpenSSL's implementation, looked up once: OpenSSL 3 looks it up at every use of `EVP_sha256()` and its like.
    var implementation: OpaquePointer {
        let fetched =
            switch self {
            case .sha1: FetchedDigest.sha1
            case .sha224: FetchedDigest.sha224
            case .sha256: FetchedDigest.sha256
            case .sha384: FetchedDigest.sha384
            case .sha512: FetchedDigest.sha512
            }
        return unsafe fetched.pointer
    }

    /// OpenSSL's name of it.
    var opensslName: String {
        switch self {
        case .sha1: "SHA1"
        case .sha224: "SHA2-224"
        case .sha256: "SHA2-256"
        case .sha384: "SHA2-384"
        case .sha512: "SHA2-512"
        }
    }
}

@safe
private struct FetchedDigest: @unchecked Sendable {  // An EVP_MD does not change after it was made.
    let pointer: OpaquePointer

    init(_ algorithm: HashAlgorithm) {
        Library.setUp()
        guard let digest = unsafe EVP_MD_fetch(nil, algorithm.opensslName, nil) else { Library.isUnusable("hash") }
        unsafe pointer = digest
    }

    static let sha1 = FetchedDigest(.sha1)
    static let sha224 = FetchedDigest(.sha224)
    static let sha256 = FetchedDigest(.sha256)
    static let sha384 = FetchedDigest(.sha384)
    static let sha512 = FetchedDigest(.sha512)
}

package enum Hash: Sendable {
    /// The digest of the concatenation of `parts`.
    package static func digest(_ algorithm: HashAlgorithm, _ parts: [UInt8]...) -> [UInt8] {
        if parts.count == 1 {
            let only = parts[0]
            return unsafe digest(algorithm, of: only.span.bytes)
        }
        var hash = IncrementalHash(algorithm)
        for part in parts { hash.update(part) }
        return hash.finish()
    }

    /// The digest of bytes that are not in an array.
    package static func digest(_ algorithm: HashAlgorithm, of bytes: RawSpan) -> [UInt8] {
        let length = algorithm.digestLength
        return unsafe [UInt8](unsafeUninitializedCapacity: length) { output, count in
            unsafe bytes.withUnsafeBytes { input in
                guard
                    unsafe EVP_Digest(
                        input.baseAddress,
                        input.count,
                        output.baseAddress,
                        nil,
                        algorithm.implementation,
                        nil
                    ) == 1
                else { Library.isUnusable("hash") }
            }
            count = length
        }
    }
}

/// A hash fed piece by piece, for input that is not held whole.
@safe
package struct IncrementalHash: ~Copyable, @unchecked Sendable {  // The context has one owner.
    private let context: OpaquePointer
    private let length: Int

    package init(_ algorithm: HashAlgorithm) {
        guard let context = unsafe EVP_MD_CTX_new(),
            unsafe EVP_DigestInit_ex(context, algorithm.implementation, nil) == 1
        else { Library.isUnusable("hash") }
        unsafe self.context = context
        length = algorithm.digestLength
    }

    package mutating func update(_ bytes: RawSpan) {
        unsafe bytes.withUnsafeBytes { input in
            guard unsafe EVP_DigestUpdate(context, input.baseAddress, input.count) == 1 else {
                Library.isUnusable("hash")
            }
        }
    }

    package mutating func update(_ bytes: [UInt8]) {
        unsafe update(bytes.span.bytes)
    }

    package consuming func finish() -> [UInt8] {
        let context = unsafe context
        let length = length
        return unsafe [UInt8](unsafeUninitializedCapacity: length) { output, count in
            guard unsafe EVP_DigestFinal_ex(context, output.baseAddress, nil) == 1 else { Library.isUnusable("hash") }
            count = length
        }
    }

    deinit {
        unsafe EVP_MD_CTX_free(context)
    }
}
