// SPDX-License-Identifier: Apache-2.0

import NIOCore

/// Whether what a client has sent is worth a connection to the enclave: the head of a request, or a TLS record. Where it
/// ends, and nothing else: what is in it is the enclave's business.
enum Opening {
    /// RFC 8446 section 5.1: ContentType handshake.
    private static let handshake: UInt8 = 22
    /// Type, version, length.
    private static let recordHeader = 5

    static func isHandshake(_ bytes: ByteBuffer) -> Bool { bytes.readableBytesView.first == handshake }

    static func isWhole(_ bytes: ByteBuffer) -> Bool {
        guard bytes.readableBytes < IngressLimits.openingBytes else { return true }
        let view = bytes.readableBytesView
        guard view.first == handshake else { return endsHead(view) }
        guard let length = bytes.getInteger(at: bytes.readerIndex + recordHeader - 2, as: UInt16.self) else {
            return false
        }
        return bytes.readableBytes >= recordHeader + Int(length)
    }

    /// An empty line, of either form.
    private static func endsHead(_ bytes: ByteBufferView) -> Bool {
        var sinceLineEnd: Int?
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "\n"):
                if sinceLineEnd == 0 { return true }
                sinceLineEnd = 0
            case UInt8(ascii: "\r") where sinceLineEnd == 0: break
            default: sinceLineEnd = nil
            }
        }
        return false
    }
}
