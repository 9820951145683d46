// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Synchronization
import TestSupport

/// Clients that take places and give nothing for them: silent ones, ones that send a byte a second, and ones that ask once
/// and stay. From many addresses; whoever is closed comes again.
final class IdleCrowd: Sendable {
    private struct Members {
        var connections: [RawConnection?]
        var isOver = false
        var comings = 0
    }

    private let members: Mutex<Members>
    private let port: Int
    private static let head = Array("GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Filler: ".utf8)

    init(_ count: Int, port: Int) {
        self.port = port
        members = Mutex(Members(connections: [RawConnection?](repeating: nil, count: count)))
        Thread.detachNewThread { [self] in run() }
    }

    /// Connections that were made so far.
    var comings: Int { members.withLock { $0.comings } }

    func end() {
        members.withLock { members in
            members.isOver = true
            members.connections.removeAll()
        }
    }

    /// Descriptors for a crowd, in this process and those that it starts.
    static func makeRoom() {
        var limit = rlimit()
        unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }

    private func run() {
        var round = 0
        while members.withLock({ !$0.isOver }) {
            let count = members.withLock { $0.connections.count }
            for index in 0..<count { tend(index, round) }
            round += 1
            Thread.sleep(forTimeInterval: 1)
        }
    }

    private func tend(_ index: Int, _ round: Int) {
        let connection = members.withLock { $0.isOver ? nil : $0.connections[index] }
        if let connection, connection.isOpen {
            // A third sends on, a byte at a time.
            if index % 3 == 1 { try? connection.send([Self.head[min(round, Self.head.count - 1)]]) }
            return
        }
        // 127.0.1.1 and on: ten of each address.
        let source = 0x7F00_0100 + UInt32(index / 10 + 1)
        guard let connection = try? RawConnection(port: port, from: source) else { return }
        if index % 3 == 2 { try? connection.send("GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n") }
        members.withLock { members in
            guard !members.isOver else { return }
            members.connections[index] = connection
            members.comings += 1
        }
    }
}
