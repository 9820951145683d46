// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The one place that says where the enclave is: the boot writes it, requests read it.
final class StateCell: Sendable {
    private let state: Mutex<EnclaveState>

    init(_ state: EnclaveState) {
        self.state = Mutex(state)
    }

    var current: EnclaveState { state.withLock { $0 } }

    /// Puts the next version of the keyring in place of the current one; ``KeyringWriter`` alone does that.
    func advance(to next: Unlocked) {
        state.withLock { state in
            if case .unlocked = state { state = .unlocked(next) }
        }
    }

    /// Failed is final, and unlocked is left for failed alone: a request for any other step changes nothing.
    func enter(_ next: EnclaveState) {
        state.withLock { state in
            switch (state, next) {
            case (.failed, _), (.unlocked, .started), (.unlocked, .configured), (.unlocked, .unlocked),
                (.configured, .started):
                break
            default: state = next
            }
        }
    }
}
