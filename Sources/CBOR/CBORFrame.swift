// SPDX-License-Identifier: Apache-2.0

/// A container that is not whole yet.
struct CBORFrame {
    enum Kind {
        case array
        case map
        case tag(UInt64)
        /// Strings of indefinite length.
        case byteChunks
        case textChunks
    }

    let kind: Kind
    /// Where its head stands.
    let start: Int
    /// Elements or entries to come, at least one; nil for indefinite length.
    private var remaining: Int?

    private var elements: [CBORValue] = []
    private var entries: [CBORMap.Entry] = []
    private var bytes: [UInt8] = []
    private var text = ""

    private var pendingKey: CBORValue?
    /// The deterministic encodings of the keys so far: two keys are one if these are equal, in whatever form they came.
    private var keys: Set<[UInt8]> = []

    init(_ kind: Kind, start: Int, remaining: Int? = nil) {
        self.kind = kind
        self.start = start
        self.remaining = remaining
    }

    var isString: Bool {
        switch kind {
        case .byteChunks, .textChunks: true
        default: false
        }
    }

    /// Bytes of the chunks so far.
    var stringLength: Int { bytes.count + text.utf8.count }

    mutating func reserve(_ count: Int) {
        switch kind {
        case .array: elements.reserveCapacity(count)
        case .map: entries.reserveCapacity(count)
        default: break
        }
    }

    mutating func addChunk(_ chunk: CBORValue) {
        switch chunk {
        case .bytes(let chunk): bytes += chunk
        case .text(let chunk): text += chunk
        default: break
        }
    }

    /// Adds a whole item, whose head is at `offset`. Returns the container if that completes it.
    mutating func add(_ value: CBORValue, at offset: Int) throws(CBORError) -> CBORValue? {
        switch kind {
        case .tag(let tag): return .tagged(tag, value)
        case .array: elements.append(value)
        case .map:
            guard let key = pendingKey.take() else {
                guard keys.insert(value.encoded()).inserted else {
                    throw CBORError(code: .duplicateKey, offset: offset)
                }
                pendingKey = value
                return nil
            }
            entries.append(CBORMap.Entry(key: key, value: value))
        case .byteChunks, .textChunks: throw CBORError(code: .malformed, offset: offset)
        }
        guard let left = remaining else { return nil }
        remaining = left - 1
        return left == 1 ? whole : nil
    }

    /// The container, if it is one that a break may end here.
    func endedByBreak() -> CBORValue? {
        remaining == nil && pendingKey == nil ? whole : nil
    }

    private var whole: CBORValue? {
        switch kind {
        case .array: .array(elements)
        case .map: .map(CBORMap(entries: entries))
        case .byteChunks: .bytes(bytes)
        case .textChunks: .text(text)
        case .tag: nil
        }
    }
}
