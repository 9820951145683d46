// SPDX-License-Identifier: Apache-2.0

/// One decoding: goes over the heads, and keeps the open containers on a stack of its own.
struct CBORMachine: ~Copyable {
    /// Space is made for no more elements than this before they are seen.
    private static let reservedAtMost = 64

    private let input: [UInt8]
    private let limits: CBORLimits
    private let depthLimit: Int
    private let leniency: CBORLeniency
    private var position = 0
    private var itemCount = 0
    private var open: [CBORFrame] = []

    init(input: [UInt8], limits: CBORLimits, leniency: CBORLeniency) {
        self.input = input
        self.limits = limits
        self.depthLimit = min(limits.depth, CBORLimits.maximumDepth)
        self.leniency = leniency
    }

    consuming func run() throws(CBORError) -> CBORValue {
        while true {
            guard var (value, start) = try step() else { continue }
            // A value may complete the container that it stands in, and that one the next.
            while let last = open.indices.last, let whole = try open[last].add(value, at: start) {
                (value, start) = (whole, open[last].start)
                open.removeLast()
            }
            guard open.isEmpty else { continue }
            guard position == input.count else { throw error(.trailingBytes, at: position) }
            return value
        }
    }

    /// Reads one head. Nil: it opened a container, or was a chunk of a string; else a whole value and where it starts.
    private mutating func step() throws(CBORError) -> (value: CBORValue, start: Int)? {
        let start = position
        let (head, argument) = try readHead()
        if let frame = open.last, frame.isString, !isChunk(head, of: frame) { throw error(.malformed, at: start) }
        try check(head, argument: argument, at: start)
        switch head {
        case .unsigned(let value): return (.unsigned(value), start)
        case .negative(let value): return (.negative(value), start)
        case .bytes(let count):
            return try string(.bytes(Array(input[position - count..<position])), count, at: start)
        case .text(let count):
            guard let text = String(validating: input[position - count..<position], as: UTF8.self) else {
                throw error(.invalidUTF8, at: start)
            }
            return try string(.text(text), count, at: start)
        case .indefiniteBytes: open.append(CBORFrame(.byteChunks, start: start))
        case .indefiniteText: open.append(CBORFrame(.textChunks, start: start))
        case .array(let count):
            try push(.array, count: count, itemsEach: 1, at: start)
            if count == 0 { return (.array([]), start) }
        case .map(let count):
            try push(.map, count: count, itemsEach: 2, at: start)
            if count == 0 { return (.map(CBORMap()), start) }
        case .tag(let tag): try push(.tag(tag), count: nil, itemsEach: 1, at: start)
        case .bool(let value): return (.bool(value), start)
        case .null: return (.null, start)
        case .undefined: return (.undefined, start)
        case .simple(let value): return (.simple(value), start)
        case .half(let value): return (.half(value), start)
        case .single(let value): return (.single(value), start)
        case .double(let value): return (.double(value), start)
        case .breakCode:
            guard let frame = open.popLast(), let value = frame.endedByBreak() else {
                throw error(.malformed, at: start)
            }
            return (value, frame.start)
        }
        return nil
    }

    private mutating func readHead() throws(CBORError) -> (CBORHead, argument: UInt64) {
        let start = position
        switch CBORHeadReader.read(input, at: start) {
        case .malformed: throw error(.malformed, at: start)
        case .unexpectedEnd: throw error(.unexpectedEnd, at: start)
        case .head(let head, let length, let argument):
            position += length
            if case .breakCode = head { return (head, argument) }
            itemCount += 1
            guard itemCount <= limits.items else { throw error(.tooManyItems, at: start) }
            return (head, argument)
        }
    }

    // MARK: Checks of a head

    /// Inside a string of indefinite length stand only definite strings of its own type (RFC 8949 section 3.2.3).
    private func isChunk(_ head: CBORHead, of frame: CBORFrame) -> Bool {
        switch (head, frame.kind) {
        case (.bytes, .byteChunks), (.text, .textChunks), (.breakCode, _): true
        default: false
        }
    }

    private func check(_ head: CBORHead, argument: UInt64, at start: Int) throws(CBORError) {
        if !leniency.contains(.nonShortestForm), !isShortest(head, argument: argument, at: start) {
            throw error(.nonShortestForm, at: start)
        }
        switch head {
        case .bytes(let count), .text(let count):
            guard count <= limits.stringLength else { throw error(.stringTooLong, at: start) }
        case .indefiniteBytes, .indefiniteText: try require(.indefiniteLengthStrings, or: .indefiniteLength, at: start)
        case .array(nil): try require(.indefiniteLengthArrays, or: .indefiniteLength, at: start)
        case .map(nil): try require(.indefiniteLengthMaps, or: .indefiniteLength, at: start)
        case .tag: try require(.tags, or: .unexpectedTag, at: start)
        case .undefined, .simple, .half, .single, .double:
            try require(.floatsAndSimpleValues, or: .unexpectedSimpleValue, at: start)
        default: break
        }
    }

    private func require(_ leniency: CBORLeniency, or code: CBORError.Code, at offset: Int) throws(CBORError) {
        guard self.leniency.contains(leniency) else { throw error(code, at: offset) }
    }

    /// RFC 8949 section 4.2.1: libcbor does not look at it.
    private func isShortest(_ head: CBORHead, argument: UInt64, at start: Int) -> Bool {
        switch head {
        case .half(let value):
            let isCanonicalNaN = input[start + 1] == 0x7E && input[start + 2] == 0
            return !value.isNaN || isCanonicalNaN
        case .single(let value): return CBORFloat.shortest(Double(value)) == .single
        case .double(let value): return CBORFloat.shortest(value) == .double
        case .simple, .bool, .null, .undefined, .breakCode: return true
        default: break
        }
        return switch input[start] & 0x1F {
        case 24: argument >= 24
        case 25: argument > UInt64(UInt8.max)
        case 26: argument > UInt64(UInt16.max)
        case 27: argument > UInt64(UInt32.max)
        default: true
        }
    }

    // MARK: Strings and containers

    /// A definite string: a value, or a chunk of the string of indefinite length that is open.
    private mutating func string(
        _ value: CBORValue,
        _ count: Int,
        at start: Int
    ) throws(CBORError) -> (value: CBORValue, start: Int)? {
        guard let last = open.indices.last, open[last].isString else { return (value, start) }
        guard count <= limits.stringLength - open[last].stringLength else { throw error(.stringTooLong, at: start) }
        open[last].addChunk(value)
        return nil
    }

    /// Opens a container, of a declared number of elements or (nil) not. One of 0 is checked and not opened.
    private mutating func push(
        _ kind: CBORFrame.Kind,
        count: UInt64?,
        itemsEach: UInt64,
        at start: Int
    ) throws(CBORError) {
        guard open.count < depthLimit else { throw error(.tooDeep, at: start) }
        guard let count else {
            open.append(CBORFrame(kind, start: start))
            return
        }
        // Every item takes a byte at least: a count beyond what is left cannot be fulfilled.
        let (needed, overflow) = count.multipliedReportingOverflow(by: itemsEach)
        guard !overflow, needed <= UInt64(input.count - position) else { throw error(.unexpectedEnd, at: start) }
        guard needed <= UInt64(max(0, limits.items - itemCount)) else { throw error(.tooManyItems, at: start) }
        guard count > 0 else { return }
        var frame = CBORFrame(kind, start: start, remaining: Int(count))
        frame.reserve(min(Int(count), Self.reservedAtMost))
        open.append(frame)
    }

    private func error(_ code: CBORError.Code, at offset: Int) -> CBORError { CBORError(code: code, offset: offset) }
}
