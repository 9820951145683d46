// SPDX-License-Identifier: Apache-2.0

import Encoding
import TestSupport
import Testing

/// One installation for all tests of a serialized suite, which leave it as they found it: setting one up takes longer than
/// most of what is asked of it.
///
///     @Suite(.serialized, .sharedBroker(tls: true))
///
/// With a specification of its own, `prepare` puts the files beside it that it names.
struct SharedBroker: SuiteTrait, TestScoping {
    @TaskLocal private static var installed: RunningBroker?

    /// Of the suite that the test is in.
    static var current: RunningBroker {
        get throws { try RunningBroker.require(installed) }
    }

    typealias Preparation = @Sendable (TemporaryDirectory) async throws -> Void

    let tls: Bool
    let specification: JSON
    let prepare: Preparation

    /// Around the suite, not around each of its tests.
    var isRecursive: Bool { false }

    func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @Sendable () async throws -> Void
    ) async throws {
        let broker = try await RunningBroker(tls: tls, specification: specification, prepare: prepare)
        try await Self.$installed.withValue(broker, operation: function)
    }
}

extension Trait where Self == SharedBroker {
    static func sharedBroker(
        tls: Bool = false,
        specification: JSON = RunningBroker.specification,
        prepare: @escaping SharedBroker.Preparation = { _ in }
    ) -> Self {
        Self(tls: tls, specification: specification, prepare: prepare)
    }
}
