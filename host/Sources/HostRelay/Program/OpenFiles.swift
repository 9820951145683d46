// SPDX-License-Identifier: Apache-2.0

import Glibc

/// How many files this process may have open.
enum OpenFiles {
    /// The soft limit becomes the hard one: it is as low as 1024 for the sake of select(2), which nothing here uses.
    /// Where that is refused it stays, and clients beyond it wait.
    static func raiseLimit() {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0,
            limit.rlim_cur < limit.rlim_max
        else { return }
        limit.rlim_cur = limit.rlim_max
        unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
