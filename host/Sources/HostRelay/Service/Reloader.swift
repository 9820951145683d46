// SPDX-License-Identifier: Apache-2.0

import Logging
import ServiceLifecycle
import UnixSignals

/// At SIGHUP: reads the configuration again and takes up what can change without closing a connection. What cannot is
/// named, and waits for a restart. A configuration that is not right changes nothing.
struct Reloader: Service {
    let signals: UnixSignalsSequence
    /// Reads the file.
    let read: @Sendable () throws -> HostConfiguration
    /// What was started with.
    let initial: HostConfiguration
    let apply: @Sendable (HostConfiguration) -> Void
    let manager: ServiceManager
    let metrics: HostMetrics
    let logger: Logger

    func run() async throws {
        await cancelWhenGracefulShutdown {
            for await _ in signals { reload() }
        }
    }

    private func reload() {
        manager.reloading()
        defer { manager.ready("serving") }
        do {
            let fresh = try read()
            apply(fresh)
            metrics.reloaded("ok")
            let fixed = fresh.membersThatNeedRestart(comparedWith: initial)
            if fixed.isEmpty {
                logger.info("configuration reloaded")
            } else {
                logger.warning(
                    "configuration reloaded",
                    metadata: ["needRestart": "\(fixed.joined(separator: " "))"]
                )
            }
        } catch {
            metrics.reloaded("failed")
            logger.error("configuration not reloaded", metadata: ["reason": "\(error)"])
        }
    }
}

extension HostConfiguration {
    /// Members whose new values a running host does not take up: addresses, and what was opened at the start.
    func membersThatNeedRestart(comparedWith old: HostConfiguration) -> [String] {
        var members: [String] = []
        if enclave != old.enclave { members.append("enclave") }
        if relay != old.relay { members.append("relay.listen") }
        if ingress != old.ingress { members.append("ingress.listen") }
        if admin != old.admin { members.append("admin.listen") }
        if configurationFile != old.configurationFile { members.append("configuration") }
        if stateDirectory != old.stateDirectory { members.append("state") }
        return members
    }
}
