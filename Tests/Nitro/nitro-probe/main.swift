// SPDX-License-Identifier: Apache-2.0

import Glibc

// What `make test-nitro` runs inside a virtual machine: `nitro-probe module MODULE-ID | vsock | vsock-listen PORT`.
// One line a check on standard output, `ok NAME` or `FAIL NAME: why`; exit code 1 if one failed.

let checks = Checks()
switch CommandLine.arguments.dropFirst() {
case let arguments where arguments.first == "module" && arguments.count == 2:
    await ModuleChecks(checks, moduleID: arguments.last ?? "").run()
case ["vsock"]:
    await VsockChecks(checks).run()
case let arguments where arguments.first == "vsock-listen" && arguments.count == 2:
    await VsockChecks.listen(port: arguments.last.flatMap { UInt32($0) } ?? 0)
case let arguments where arguments.first == "--relay" && arguments.count >= 2:
    // As the init of an enclave image starts the program.
    await VsockChecks(checks).parent(arguments.dropFirst().first ?? "")
default:
    Checks.write("usage: nitro-probe module MODULE-ID | vsock | vsock-listen PORT")
    exit(2)
}
exit(checks.failed == 0 ? 0 : 1)
