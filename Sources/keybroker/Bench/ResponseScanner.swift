// SPDX-License-Identifier: Apache-2.0

/// Finds one response at the front of what was received, with as little work as that can be: the client shares the
/// machine with what it measures.
package enum ResponseScanner: Sendable {
    /// Bytes of a status line and headers.
    private static let maximumHead = 16 * 1024
    /// Bytes of a body: a batch of the largest signatures.
    private static let maximumBody = 4 * 1024 * 1024

    package enum Result: Equatable, Sendable {
        case incomplete
        case malformed
        case complete(Response)
    }

    package struct Response: Equatable, Sendable {
        package let status: Int
        package let headLength: Int
        package let bodyLength: Int
        package let closes: Bool
    }

    /// The response at the front of `bytes`. Chunked bodies are malformed: a broker sends none.
    package static func scan(_ bytes: Span<UInt8>) -> Result {
        let space = UInt8(ascii: " ")
        guard let head = endOfHead(bytes) else { return bytes.count > maximumHead ? .malformed : .incomplete }
        // `HTTP/1.1 200 OK`
        guard head >= 16, bytes[8] == space, let status = number(bytes, 9..<12) else { return .malformed }
        var length = 0
        var closes = false
        var start = 0
        for index in 0..<head where bytes[index] == 0x0A {
            if let value = value(of: "content-length", bytes, start..<index) {
                guard let read = number(bytes, value), read <= maximumBody else { return .malformed }
                length = read
            } else if value(of: "transfer-encoding", bytes, start..<index) != nil {
                return .malformed
            } else if let value = value(of: "connection", bytes, start..<index), value.count == 5 {
                closes = true
            }
            start = index + 1
        }
        guard bytes.count - head >= length else { return .incomplete }
        return .complete(Response(status: status, headLength: head, bodyLength: length, closes: closes))
    }

    /// The bytes of a header's value in a line, if the line is that header.
    static func value(of name: StaticString, _ bytes: Span<UInt8>, _ line: Range<Int>) -> Range<Int>? {
        let count = name.utf8CodeUnitCount
        guard line.count > count, bytes[line.lowerBound + count] == UInt8(ascii: ":") else { return nil }
        for index in 0..<count {
            let expected = unsafe name.utf8Start[index]
            guard bytes[line.lowerBound + index] | 0x20 == expected else { return nil }
        }
        var start = line.lowerBound + count + 1
        var end = line.upperBound
        while start < end, bytes[start] == 0x20 { start += 1 }
        while start < end, bytes[end - 1] <= 0x20 { end -= 1 }
        return start..<end
    }

    private static func endOfHead(_ bytes: Span<UInt8>) -> Int? {
        let limit = min(bytes.count, maximumHead)
        var index = 3
        while index < limit {
            if bytes[index] == 0x0A, bytes[index - 1] == 0x0D, bytes[index - 2] == 0x0A { return index + 1 }
            index += 1
        }
        return nil
    }

    private static func number(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int? {
        guard !range.isEmpty, range.count <= 9 else { return nil }
        var value = 0
        for index in range {
            guard (0x30...0x39).contains(bytes[index]) else { return nil }
            value = value * 10 + Int(bytes[index] - 0x30)
        }
        return value
    }
}
