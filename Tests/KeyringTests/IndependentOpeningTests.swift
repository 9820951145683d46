// SPDX-License-Identifier: Apache-2.0

import Encoding
import Keyring
import TestSupport
import Testing

/// A sealed keyring opened by Python's `cryptography`, by the documented format alone.
@Suite struct IndependentOpeningTests {
    private static let script = #"""
        import sys, hashlib
        from cryptography.hazmat.primitives import hashes, hmac
        from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        from cryptography.hazmat.primitives.serialization import load_der_private_key, Encoding, PublicFormat

        def head(b, i):
            m, a = b[i] >> 5, b[i] & 31
            if a < 24: return m, a, i + 1
            n = 1 << (a - 24)
            return m, int.from_bytes(b[i+1:i+1+n], 'big'), i + 1 + n

        def item(b, i):
            m, v, i = head(b, i)
            if m == 0: return v, i
            if m == 1: return -1 - v, i
            if m in (2, 3):
                s = bytes(b[i:i+v])
                return (s if m == 2 else s.decode()), i + v
            if m == 4:
                out = []
                for _ in range(v):
                    x, i = item(b, i); out.append(x)
                return out, i
            if m == 5:
                out = {}
                for _ in range(v):
                    k, i = item(b, i); out[k], i = item(b, i)
                return out, i
            if m == 6: return item(b, i)
            raise ValueError

        def bstr(x):
            n = len(x)
            h = bytes([0x40 | n]) if n < 24 else bytes([0x58, n]) if n < 256 else b'\x59' + n.to_bytes(2, 'big')
            return h + x

        tsk, arn = bytes(range(32)), sys.argv[1].encode()
        sealed = sys.stdin.buffer.read()
        (protected, unprotected, ciphertext), end = item(sealed, 0)
        assert end == len(sealed)
        header, _ = item(protected, 0)
        assert header[1] == 3 and header[-70001] == 'audit'
        h = hmac.HMAC(b'audit', hashes.SHA384()); h.update(tsk); prk = h.finalize()
        version = header[-70002].to_bytes(8, 'big')
        expand = lambda info, n: HKDFExpand(hashes.SHA384(), n, info).derive(prk)
        assert header[-70005] == expand(b'kb1/seal-commit' + arn + version, 48)
        key = expand(b'kb1/seal' + arn + version, 32)
        aad = b'\x83\x68Encrypt0' + bstr(protected) + b'\x40'
        (view, secrets), _ = item(AESGCM(key).decrypt(unprotected[5], ciphertext, aad), 0)
        print(hashlib.sha384(b'\x82' + bstr(protected) + view).hexdigest())
        public, _ = item(view, 0)
        for k, s in zip(public['keys'], secrets):
            if 'spki' in k:
                spki = load_der_private_key(s, None).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
                assert spki == k['spki']
        print(len(public['keys']), len(secrets), sum('spki' in k for k in public['keys']))
        """#

    @Test(.enabled(if: Tool.pythonHas("cryptography"), "python3 has no module cryptography"))
    func `Python opens a sealed keyring and computes its digest`() async throws {
        let sealed = try Workshop.seal(try Workshop.contents())
        let result = try await Tool.run("python3", ["-c", Self.script, Workshop.keyARN], input: sealed.bytes)
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.text == "\(Hex.encode(sealed.digest))\n4 5 3\n")
    }
}
