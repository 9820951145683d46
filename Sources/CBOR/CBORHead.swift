// SPDX-License-Identifier: Apache-2.0

import CLibCBOR

/// One data item's head (RFC 8949 section 3), with the content of a string.
enum CBORHead {
    case unsigned(UInt64)
    case negative(UInt64)
    /// The content's length; it ends where the head's `length` ends.
    case bytes(Int)
    case text(Int)
    case indefiniteBytes
    case indefiniteText
    /// Nil: of indefinite length.
    case array(UInt64?)
    case map(UInt64?)
    case tag(UInt64)
    case bool(Bool)
    case null
    case undefined
    case simple(UInt8)
    case half(Float)
    case single(Float)
    case double(Double)
    case breakCode
}

/// What stands at one place of the input.
enum CBORHeadResult {
    /// `length` is in bytes, a string's content included; `argument` as RFC 8949 section 3 has it (0 for none).
    case head(CBORHead, length: Int, argument: UInt64)
    case unexpectedEnd
    case malformed
}

/// Reads heads with libcbor's streaming decoder. It allocates nothing, whatever the input declares.
///
/// The single-byte heads of tags 6 to 20 and all unassigned simple values are read here: libcbor 0.8 takes them for
/// errors.
enum CBORHeadReader {
    /// The head at `start` of `input`.
    static func read(_ input: [UInt8], at start: Int) -> CBORHeadResult {
        guard start < input.count else { return .unexpectedEnd }
        let first = input[start]
        switch first {
        case 0xC0...0xD7: return .head(.tag(UInt64(first & 0x1F)), length: 1, argument: UInt64(first & 0x1F))
        case 0xE0...0xF3: return .head(.simple(first & 0x1F), length: 1, argument: 0)
        case 0xF8:
            guard start + 1 < input.count else { return .unexpectedEnd }
            // RFC 8949 section 3.3: two bytes for a value below 32 are not well-formed.
            let value = input[start + 1]
            return value < 32 ? .malformed : .head(.simple(value), length: 2, argument: 0)
        default: break
        }
        var event = CBOREvent()
        let result = unsafe input.withUnsafeBufferPointer { bytes in
            // `start` is less than the count, so that there is a base address, and it stays inside.
            unsafe withUnsafeMutablePointer(to: &event) { event in
                unsafe cbor_stream_decode(bytes.baseAddress?.advanced(by: start), bytes.count - start, callbacks, event)
            }
        }
        switch result.status {
        case CBOR_DECODER_FINISHED:
            guard let head = event.head, result.read > 0 else { return .malformed }
            return .head(head, length: result.read, argument: event.argument)
        case CBOR_DECODER_NEDATA: return .unexpectedEnd
        default: return .malformed
        }
    }

    /// For the life of the process, never changed.
    nonisolated(unsafe) private static let callbacks: UnsafePointer<cbor_callbacks> = {
        let pointer = UnsafeMutablePointer<cbor_callbacks>.allocate(capacity: 1)
        unsafe pointer.initialize(to: CBOREvent.callbacks)
        return unsafe UnsafePointer(pointer)
    }()
}

/// Where the callbacks of one call leave what they were told.
private struct CBOREvent {
    var head: CBORHead?
    var argument: UInt64 = 0

    private static func report(_ context: UnsafeMutableRawPointer?, _ head: CBORHead, _ argument: UInt64 = 0) {
        guard let context = unsafe context else { return }
        unsafe context.assumingMemoryBound(to: CBOREvent.self).pointee = CBOREvent(head: head, argument: argument)
    }

    /// A size as C has it: one beyond `Int.max` arrives as a negative `Int`.
    private static func size(_ value: Int) -> UInt64 { UInt64(UInt(bitPattern: value)) }

    static let callbacks = unsafe cbor_callbacks(
        uint8: { unsafe report($0, .unsigned(UInt64($1)), UInt64($1)) },
        uint16: { unsafe report($0, .unsigned(UInt64($1)), UInt64($1)) },
        uint32: { unsafe report($0, .unsigned(UInt64($1)), UInt64($1)) },
        uint64: { unsafe report($0, .unsigned($1), $1) },
        negint64: { unsafe report($0, .negative($1), $1) },
        negint32: { unsafe report($0, .negative(UInt64($1)), UInt64($1)) },
        negint16: { unsafe report($0, .negative(UInt64($1)), UInt64($1)) },
        negint8: { unsafe report($0, .negative(UInt64($1)), UInt64($1)) },
        byte_string_start: { unsafe report($0, .indefiniteBytes) },
        byte_string: { unsafe report($0, .bytes($2), size($2)) },
        string: { unsafe report($0, .text($2), size($2)) },
        string_start: { unsafe report($0, .indefiniteText) },
        indef_array_start: { unsafe report($0, .array(nil)) },
        array_start: { unsafe report($0, .array(size($1)), size($1)) },
        indef_map_start: { unsafe report($0, .map(nil)) },
        map_start: { unsafe report($0, .map(size($1)), size($1)) },
        tag: { unsafe report($0, .tag($1), $1) },
        float2: { unsafe report($0, .half($1)) },
        float4: { unsafe report($0, .single($1)) },
        float8: { unsafe report($0, .double($1)) },
        undefined: { unsafe report($0, .undefined) },
        null: { unsafe report($0, .null) },
        boolean: { unsafe report($0, .bool($1)) },
        indef_break: { unsafe report($0, .breakCode) }
    )
}
