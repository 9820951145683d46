// SPDX-License-Identifier: Apache-2.0

import DevelopmentKMS
import Encoding
import NIOCore
import Testing
import Transport

/// `--fail`.
struct FailureTests {
    private static func with(_ rules: [String], _ body: (TestService) async throws -> Void) async throws {
        try await TestService.with(options: { $0.failures = try rules.map { try FailureRule($0) } }, body)
    }

    private static func names(_ operation: String, _ count: Int, _ service: TestService) async throws -> [String] {
        var names: [String] = []
        for _ in 0..<count {
            let response = try await service.call(operation, ["NumberOfBytes": 1])
            names.append(response.errorName ?? "ok")
        }
        return names
    }

    private static let throttled = "ThrottlingException"

    @Test func `throttles the first requests of an operation in KMS's words, and no other`() async throws {
        try await Self.with(["GenerateRandom=throttle:2"]) { service in
            #expect(try await Self.names("ListKeys", 1, service) == ["ok"])
            let response = try await service.call("GenerateRandom", ["NumberOfBytes": 1])
            #expect(response.status == 400)
            #expect(
                response.errorMessage
                    == "You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls."
            )
            #expect(try await Self.names("GenerateRandom", 3, service) == [Self.throttled, "ok", "ok"])
        }
    }

    @Test func `gives errors by name, faults with status 500`() async throws {
        try await Self.with(["ListKeys=error:KMSInternalException:1", "*=error:DisabledException:1"]) { service in
            let fault = try await service.call("ListKeys", [:])
            #expect(fault.status == 500 && fault.errorName == "KMSInternalException")
            let error = try await service.call("ListKeys", [:])
            #expect(error.status == 400 && error.errorName == "DisabledException")
            #expect(try await Self.names("ListKeys", 1, service) == ["ok"])
        }
    }

    @Test(arguments: [(10, 3), (25, 7), (50, 15), (99, 29), (100, 30)])
    func `percentages are spread evenly, the same in each run`(percent: Int, failures: Int) async throws {
        var runs: [[String]] = []
        for _ in 0..<2 {
            try await Self.with(["ListKeys=throttle%\(percent)"]) { service in
                runs.append(try await Self.names("ListKeys", 30, service))
            }
        }
        #expect(runs[0] == runs[1])
        #expect(runs[0].count { $0 == Self.throttled } == failures)
        let gap = runs[0].split(separator: Self.throttled).map(\.count).max() ?? 0
        #expect(gap <= 100 / percent)
    }

    @Test func `a request that nobody signed does not use up a rule`() async throws {
        try await Self.with(["ListKeys=throttle:1"]) { service in
            let unsigned = try await service.send(target: "TrentService.ListKeys", body: [], credentials: nil)
            #expect(unsigned.errorName == "MissingAuthenticationTokenException")
            #expect(try await Self.names("ListKeys", 2, service) == [Self.throttled, "ok"])
        }
    }

    @Test func `delays add up, and others are served meanwhile`() async throws {
        try await Self.with(["ListKeys=delay:400", "*=delay:200:1", "ListKeys=throttle:1"]) { service in
            let clock = ContinuousClock()
            var names: [String] = []
            let elapsed = try await clock.measure { names = try await Self.names("ListKeys", 1, service) }
            #expect(names == [Self.throttled] && elapsed >= .milliseconds(600))
            try await withThrowingTaskGroup { group in
                for _ in 0..<20 { group.addTask { try await service.call("ListKeys", [:]).status } }
                let together = try await clock.measure { for try await status in group { #expect(status == 200) } }
                // One after the other they take 8 seconds.
                #expect(together < .seconds(7))
            }
        }
    }

    @Test func `silence is taken, not answered, and stands in no one's way`() async throws {
        try await Self.with(["ListKeys=silence:1"]) { service in
            let silenced = Task { try await service.call("ListKeys", [:]).status }
            while service.log.lines.isEmpty { try await Task.sleep(for: .milliseconds(10)) }
            #expect(service.log.lines.first?.contains("injected=silence") == true)
            #expect(try await Self.names("ListKeys", 1, service) == ["ok"])
            await service.server.shutdown(grace: .milliseconds(10))
            // What ends it is that the service goes.
            await #expect(throws: (any Error).self) { try await silenced.value }
        }
    }

    @Test(arguments: [
        "", "Decrypt", "Decrypt=", "=throttle", "decrypt=throttle", "Decrypt=throttle:0", "Decrypt=throttle:x",
        "Decrypt=throttle:1:2", "Decrypt=error", "Decrypt=error:", "Decrypt=error:1", "Decrypt=error:a b",
        "Decrypt=delay", "Decrypt=delay:-1", "Decrypt=delay:86400001", "Decrypt=throttle%0", "Decrypt=throttle%101",
        "Decrypt=throttle%", "Decrypt=silence:", "Nothing=throttle", "*",
    ])
    func `a rule of another form is refused`(text: String) {
        #expect(throws: FailureRuleError.self) { try FailureRule(text) }
    }

    @Test func `a rule is read in all its parts`() throws {
        let rule = try FailureRule("Decrypt=error:KMSInternalException:3%25")
        #expect(rule.operation == "Decrypt" && rule.count == 3 && rule.percent == 25)
        #expect(rule.failure == .error("KMSInternalException"))
        let any = try FailureRule("*=delay:500")
        #expect(any.operation == nil && any.count == nil && any.percent == 100)
        #expect(any.failure == .delay(milliseconds: 500))
    }
}
